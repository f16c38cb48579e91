"""Locks of a store on a server: advisory locks for all machines, and those that show which workers of this one live."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from studies.locks import CONFIRMING, WORKERS_LOCK, WorkerLocks

_OURS = 0x534D53
"""First key of every advisory lock of this program, so that other programs on the database have others."""


class ServerLock(IntEnum):
    """What one process at a time does with a store, whatever machine it runs on."""

    CREATING = 1
    MAINTENANCE = 2
    CURVES = 3
    CONFIRMING = 4


@contextmanager
def server_lock(database: Engine, lock: ServerLock, *, wait: bool) -> Iterator[bool]:
    """Hold a lock of the server on a connection of its own; yields whether it is held.

    The server releases it when the connection ends, however that comes about.
    """
    with _connected(database) as connection, _locked(connection, lock, wait=wait) as is_held:
        yield is_held


class ServerLocks:
    """The locks of a store on a server, used as `WorkerLocks`.

    A worker's byte is locked in a file of this machine, so that its death is known here at once; to other machines its
    lease tells it. What must be done by one process at a time is locked on the server.
    """

    def __init__(self, database: Engine, url: str) -> None:
        self._database = database
        self._path = local_folder(url) / WORKERS_LOCK
        self._workers = WorkerLocks(self._path)
        self._locking: Connection | None = None
        """The connection of the locks that this process holds at the moment: one for all, since it has only two."""

    @property
    def host(self) -> str:
        return self._workers.host

    def hold(self, worker: int) -> None:
        _name_file(self._path)
        self._workers.hold(worker)

    def is_held(self, worker: int) -> bool:
        if worker != CONFIRMING:
            return self._workers.is_held(worker)
        with self._lock(ServerLock.CONFIRMING, wait=False) as is_free:
            return not is_free

    @contextmanager
    def maintenance(self) -> Iterator[None]:
        with self._lock(ServerLock.MAINTENANCE, wait=True):
            yield

    @contextmanager
    def confirming(self) -> Iterator[bool]:
        connection = _connected(self._database)
        connection.detach()  # it is not one of those that this process works with
        with connection, _locked(connection, ServerLock.CONFIRMING, wait=False) as is_held:
            yield is_held

    @contextmanager
    def curves(self, *, wait: bool) -> Iterator[bool]:
        with self._lock(ServerLock.CURVES, wait=wait) as is_held:
            yield is_held

    @contextmanager
    def _lock(self, lock: ServerLock, *, wait: bool) -> Iterator[bool]:
        if self._locking is not None:
            with _locked(self._locking, lock, wait=wait) as is_held:
                yield is_held
            return
        with _connected(self._database) as connection:
            self._locking = connection
            try:
                with _locked(connection, lock, wait=wait) as is_held:
                    yield is_held
            finally:
                self._locking = None


StoreLocks = WorkerLocks | ServerLocks


def local_folder(url: str) -> Path:
    """Return the folder of this user and machine for a store on a server, without creating it."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"small-model-search-{os.getuid()}" / digest


def make_local_folder(folder: Path) -> None:
    """Create what `local_folder` returned. Raises `PermissionError` if its parent is another user's."""
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    if folder.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder.parent} belongs to another user: name another folder with TMPDIR")
    folder.mkdir(mode=0o700, exist_ok=True)


def _name_file(path: Path) -> None:
    """Create the file of workers' bytes with a name in it that no other machine's, container's or user's has."""
    if path.exists():
        return
    make_local_folder(path.parent)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    temporary.write_text(secrets.token_hex(8))
    with suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()


def _connected(database: Engine) -> Connection:
    """Return a connection without a transaction, which would stay open for as long as a lock is held."""
    return database.connect().execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def _locked(connection: Connection, lock: ServerLock, *, wait: bool) -> Iterator[bool]:
    is_held = _take(connection, lock, wait=wait)
    try:
        yield is_held
    finally:
        if is_held:
            _release(connection, lock)


def _take(connection: Connection, lock: ServerLock, *, wait: bool) -> bool:
    if wait:
        connection.execute(select(func.pg_advisory_lock(_OURS, int(lock))))
        return True
    return bool(connection.scalar(select(func.pg_try_advisory_lock(_OURS, int(lock)))))


def _release(connection: Connection, lock: ServerLock) -> None:
    try:
        connection.execute(select(func.pg_advisory_unlock(_OURS, int(lock))))
    except SQLAlchemyError:  # with its connection, the lock is gone as well
        connection.invalidate()
