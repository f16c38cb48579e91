"""A study as one page: the file that report writes, and what the dashboard shows while the study grows."""
