"""The command run: one search from start to end."""
