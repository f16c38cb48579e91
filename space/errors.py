"""The two ways things end that are not defects of this program."""


class InputError(ValueError):
    """A value from outside breaks a rule.

    The message is one line that names the rule and the value received; the command line prints it and exits with 2.
    """


class SearchFailedError(RuntimeError):
    """A search that was asked for correctly can't go on; the command line prints the message and exits with 1."""
