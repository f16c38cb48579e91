"""What HTML pages share: their style, and how files and data get into them."""
