"""The ways in which a command ends that are not defects of this program."""


class SearchError(Exception):
    """The base of both. The message is one line, which the command line prints before it exits with `exit_code`."""

    exit_code = 1


class InputError(SearchError, ValueError):
    """A value from outside breaks a rule; the message names the rule and the value received."""

    exit_code = 2


class UnwritableFileError(InputError, OSError):
    """A file can't be written; the message names it and says why."""


class SearchFailedError(SearchError, RuntimeError):
    """What was asked for correctly can't go on."""
