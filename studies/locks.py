"""Which workers of this machine are alive, told by locks that the kernel drops however their owner dies."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MAINTENANCE = 0
"""The byte held while a study is created or repaired; workers hold bytes from 1 up."""
CONFIRMING = 2**62
"""The byte held by a process that confirms a front, beyond those of workers."""


def new_worker_id() -> int:
    return 1 + secrets.randbits(48)


class WorkerLocks:
    """Locks on single bytes of one file, one byte a worker.

    POSIX drops all of a process's locks on a file when it closes any descriptor of it, so each process keeps one of
    these per store, open until it ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def hold(self, worker: int) -> None:
        """Take a worker's byte until this process ends. Raises `BlockingIOError` where another process holds it."""
        fcntl.lockf(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, worker)

    def is_held(self, worker: int) -> bool:
        """Whether another process of this machine holds the worker's byte."""
        if self._descriptor is None and not self._path.exists():
            return False
        descriptor = self._open()
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, worker)
        except BlockingIOError:
            return True
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, worker)
        return False

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Wait for, then be, the only process that creates or repairs studies here."""
        descriptor = self._open()
        fcntl.lockf(descriptor, fcntl.LOCK_EX, 1, _MAINTENANCE)
        try:
            yield
        finally:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, _MAINTENANCE)

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError:  # a reader without the right to write can still ask whether a byte is held
                self._descriptor = os.open(self._path, os.O_RDONLY)
        return self._descriptor
