"""Files and folders that the user names: what is there if it is something else, found without opening it."""

import errno
import os
import stat
from pathlib import Path

from space.errors import InputError

_KINDS = (
    (stat.S_ISREG, "a file"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def has_file(path: Path, named: str) -> bool:
    """Return whether there is a file at ``path``, which can then be opened without waiting for anyone.

    Raises `InputError`, beginning with ``named``, if something else is there: a folder, a named pipe, a device, or a
    link that leads nowhere.
    """
    return _has(path, named, "a file")


def has_folder(path: Path, named: str) -> bool:
    """Return whether there is a folder at ``path``. Raises `InputError` as `has_file` does."""
    return _has(path, named, "a folder")


def has_folder_or_file(path: Path, named: str) -> bool:
    """Return whether there is a folder or a file at ``path``. Raises `InputError` as `has_file` does."""
    return _has(path, named, "a folder", "a file")


def kind_of(mode: int) -> str:
    """Return what the mode of a file says that it is, such as "a named pipe"."""
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")


def _has(path: Path, named: str, *wanted: str) -> bool:
    needed = f"{' or '.join(wanted)} is needed"
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InputError(f"{named} is a link that leads back to itself: {needed}") from None
        if isinstance(error, PermissionError):
            raise InputError(f"{named} can't be read: permission denied") from None
        if os.path.islink(path):
            raise InputError(f"{named} is a link to {os.readlink(path)}, which does not exist") from None
        return False
    found = kind_of(mode)
    if found not in wanted:
        raise InputError(f"{named} is {found}: {needed}")
    return True
