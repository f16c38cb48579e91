"""Errors that end a command without being defects of this program."""


class SearchError(Exception):
    """Base class. The message is one line, which the command line prints before it exits with `exit_code`."""

    exit_code = 1


class InputError(SearchError, ValueError):
    """Invalid input from outside the program; the message names the broken rule and the value received."""

    exit_code = 2


class UnwritableFileError(InputError, OSError):
    """A file can't be written; the message names it and says why."""


class SearchFailedError(SearchError, RuntimeError):
    """The input was valid, but the work can't continue."""
