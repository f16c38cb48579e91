"""The command line: one file per command, which declares its options, calls the work and prints results."""
