"""Locks that show which workers of this machine are alive; the kernel releases them however their owner dies."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORKERS_LOCK, CURVES_LOCK = LOCK_FILES = ("workers.lock", "curves.lock")
"""Files in the folder of model files: one with a byte for each worker, and one that who adds learning curves locks."""
_MAINTENANCE = 0
"""The byte held while a study is created or repaired; workers hold bytes from 1 up."""
CONFIRMING = 2**62
"""The byte held by a process that confirms a front; it lies beyond the workers' bytes."""


def new_worker_id() -> int:
    return 1 + secrets.randbits(48)


class WorkerLocks:
    """Locks on single bytes of one file, one byte per worker.

    POSIX releases all of a process's locks on a file when the process closes any descriptor of it, so each process
    keeps one instance per store, open until the process ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def host(self) -> str:
        """The name under which workers that share this file are known: of their host, and of the file if it has one."""
        try:
            name = os.pread(self._open(to_hold=False), 64, 0).decode()
        except OSError:  # no worker of this machine has created it
            name = ""
        return f"{socket.gethostname()}/{name}" if name else socket.gethostname()

    def hold(self, worker: int) -> None:
        """Lock a worker's byte until this process ends. Raises `BlockingIOError` if another process holds it."""
        fcntl.lockf(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, worker)

    def is_held(self, worker: int) -> bool:
        """Return whether another process of this machine holds the worker's byte."""
        if self._descriptor is None and not self._path.exists():
            return False
        descriptor = self._open(to_hold=False)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, worker)
        except BlockingIOError:
            return True
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, worker)
        return False

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        """Wait until no other process of this machine creates or repairs studies, and exclude others meanwhile."""
        descriptor = self._open()
        fcntl.lockf(descriptor, fcntl.LOCK_EX, 1, _MAINTENANCE)
        try:
            yield
        finally:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, _MAINTENANCE)

    @contextmanager
    def confirming(self) -> Iterator[bool]:
        """Exclude other processes that confirm a front; yields whether that is so."""
        try:
            self.hold(CONFIRMING)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._open(), fcntl.LOCK_UN, 1, CONFIRMING)

    @contextmanager
    def curves(self, *, wait: bool) -> Iterator[bool]:
        """Exclude other processes that add learning curves; yields whether that is so, as `file_lock` does."""
        with file_lock(self._path.with_name(CURVES_LOCK), wait=wait) as is_held:
            yield is_held

    def _open(self, *, to_hold: bool = True) -> int:
        if self._descriptor is None:
            try:
                # Only who holds a byte creates the file: a question leaves nothing behind.
                self._descriptor = os.open(self._path, os.O_RDWR | (os.O_CREAT if to_hold else 0), 0o666)
            except OSError:
                if to_hold:
                    raise
                self._descriptor = os.open(self._path, os.O_RDONLY)  # which is enough to ask
        return self._descriptor


@contextmanager
def file_lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a whole file against every other caller, of this process too; yields whether the lock is held.

    Without ``wait`` it is not held if another caller has it. The kernel releases it if the process dies.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
