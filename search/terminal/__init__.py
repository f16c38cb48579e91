"""Formatting of results and progress: numbers, tables, a progress bar."""
