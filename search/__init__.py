"""The command line and the work of every command, built on the other three packages."""
