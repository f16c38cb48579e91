"""Joins the other packages: the command line, and one search from start to end."""
