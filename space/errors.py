"""Errors that end a command without being defects of this program."""

import re

MAX_ECHO = 200
"""Largest number of characters of a given value that an error message repeats."""


def shortened(value: object, limit: int = MAX_ECHO) -> str:
    """Return how Python writes a value, cut after ``limit`` characters."""
    text = _cut(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}..."


def _cut(number: int) -> str:
    # Python refuses to write integers of more than 4,300 digits.
    return str(number) if number.bit_length() < 14_000 else f"an integer of {number.bit_length()} bits"


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


class FullDiskError(SearchFailedError, OSError):
    """A file can't be written since there is no room for it, or since the disk fails; the message names it."""


class DamagedStoreError(SearchFailedError):
    """A study store lacks something or holds something that can't be; the message names the store and what it is."""


_PASSWORD = re.compile(r"(://[^/?#:@\s]*:)\S*(?=@)")
"""What stands between the first colon after ``://`` and the last ``@``, whatever characters it has."""
_SECRET_OPTIONS = re.compile(r"([?&](?:password|sslpassword)=)[^&#\s]*", re.IGNORECASE)


def without_password(text: str) -> str:
    """Return a URL, or a text that repeats one, with ``***`` for the password, also where it is no valid URL."""
    return _SECRET_OPTIONS.sub(r"\1***", _PASSWORD.sub(r"\1***", text))
