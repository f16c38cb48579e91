"""SQLite files of study stores: their URLs, copies in memory that leave no trace, and what may not be written."""

import errno
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url

from space.errors import InputError, SearchFailedError

LOCK_WAIT_SECONDS = 300
"""Time that a write waits for another process's write before it fails, tried again and again by SQLite: usually some
milliseconds, but a process that is stopped in the middle of a write holds the lock until it goes on."""
MAX_COPIES = 20
"""Number of times that a file which is written meanwhile is copied again."""


def sqlite_path(url: str) -> Path:
    """Return the file of an SQLite URL, in which ``%`` and two hexadecimal digits encode a character, as in any URL."""
    if "?" in url:
        raise InputError(f"--storage {url} has a '?', and what follows it would be dropped: write %3F instead")
    database = make_url(url).database
    if not database or database == ":memory:":
        raise InputError(f"--storage must name a file, such as sqlite:///studies.db, not {url!r}")
    return Path(database)


def file_address(path: Path) -> str:
    """Return a file as the URI that SQLite takes, to which ``?mode=ro`` and the like can be added."""
    return f"file:{quote(os.fsencode(path))}"


def copy_in_memory(path: Path) -> sqlite3.Connection:
    """Copy an SQLite file into memory, with what is still in its write-ahead log.

    Neither changes the file nor creates one beside it. A usual connection to a file with a write-ahead log would create
    two: it can't where this user may not write, and where it can, the file's owner may not write to them afterwards.
    Raises `sqlite3.Error` for a file that is no database, and `OSError` if it can't be read.
    """
    path = path.resolve()
    if path.exists() and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    for _ in range(MAX_COPIES):
        before = _written(path)
        copy = _copy_as_it_is_used(path)
        if copy is not None:
            return copy
        try:
            copy = _copy_unlocked(path)
        except (sqlite3.Error, FileNotFoundError):
            if _written(path) == before:
                raise
            continue  # a log that was removed, or a page that was half written
        if _written(path) == before:
            return copy
        copy.close()
    return _copy(path, "mode=ro")


def watch_file(database: Engine, path: Path) -> None:
    """From now on, let each transaction check that ``path`` is still the file that is open.

    Whatever is written after it was replaced or deleted would be lost with the file, without an error.
    """
    opened = path.stat()

    def check(_connection: object) -> None:
        found = _status(path)
        if found is None or (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
            what = "deleted" if found is None else "replaced by another file"
            raise SearchFailedError(f"the study store {path} was {what} while it was in use: nothing is written to it")

    event.listen(database, "begin", check)


def unwritable_of(path: Path, beside: Sequence[Path]) -> Path | None:
    """Return a file or folder that a writer of the SQLite file would write to and this user may not, or None.

    ``beside`` are further files and folders of the store. What does not exist yet is to be created.
    """
    real = path.resolve()
    needed = (real, path.parent, real.parent, _wal(real), _shared_memory(real), *beside)
    return next((each for each in needed if each.exists() and not os.access(each, os.W_OK)), None)


def _copy_as_it_is_used(path: Path) -> sqlite3.Connection | None:
    """Copy a file that others may be using, under SQLite's locks; returns None if there is no sign of others.

    The two files that SQLite needs for that are there already, so it creates none.
    """
    if not (_size(_wal(path)) and _shared_memory(path).exists()):
        return None
    try:
        return _copy(path, "mode=ro")
    except sqlite3.OperationalError:  # it may not be allowed to use them
        return None


def _copy_unlocked(path: Path) -> sqlite3.Connection:
    """Copy a file without locks: the copy is good only if nothing was written meanwhile."""
    if not _size(_wal(path)):
        return _copy(path, "immutable=1")
    # SQLite reads a log only beside its file, and only where it may write.
    with TemporaryDirectory(prefix="search-") as folder:
        copied = Path(folder) / "copy.db"
        shutil.copyfile(path, copied)
        shutil.copyfile(_wal(path), _wal(copied))
        return _copy(copied, "mode=rw")


def _copy(path: Path, mode: str) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    address = f"{file_address(path)}?{mode}"
    with closing(sqlite3.connect(address, uri=True, timeout=LOCK_WAIT_SECONDS)) as source:
        source.backup(memory)
    return memory


def _written(path: Path) -> list[tuple[int, int] | None]:
    """Describe when a file, its log and its journal were last written, and how long they are."""
    files = (path, _wal(path), path.with_name(f"{path.name}-journal"))
    return [status and (status.st_mtime_ns, status.st_size) for status in map(_status, files)]


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _shared_memory(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")


def _size(path: Path) -> int:
    status = _status(path)
    return 0 if status is None else status.st_size


def _status(path: Path) -> os.stat_result | None:
    """Look at a file that a writer may remove at any moment; returns None if it is not there."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
