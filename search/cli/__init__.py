"""The command line: each command in a file of its own, which parses, calls and prints."""
