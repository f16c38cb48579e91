"""What a study holds, read and printed."""
