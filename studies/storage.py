"""Opening a study store: one database with Optuna's tables and ours, and a folder of model files beside it."""

import difflib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from sqlalchemy import create_engine, event, func, insert, inspect, select, table
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool, StaticPool

from space.errors import InputError, without_password
from space.files import has_file
from studies.addresses import engine_options, is_sqlite, server_url
from studies.artifact_table import ArtifactTable
from studies.artifacts import StudyArtifacts
from studies.damage import damaged, damaged_store, name_damage
from studies.failures import naming_store
from studies.locks import WORKERS_LOCK, WorkerLocks
from studies.migrations import migrate
from studies.names import (
    CURVES_SUFFIX,
    copied_names,
    copied_study,
    describe_foreign,
    gone_names,
    gone_study,
    list_names,
    search_names,
)
from studies.places import artifacts_of, check_writable, find_unwritable
from studies.server_locks import ServerLock, ServerLocks, StoreLocks, server_lock
from studies.sqlite_files import LOCK_WAIT_SECONDS, copy_in_memory, file_address, sqlite_path, watch_file
from studies.tables import (
    OPTUNA_TABLES,
    OPTUNA_VERSION_TABLES,
    SCHEMA_VERSION,
    metadata,
    schema_version,
    server_metadata,
)

DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
"""Of val_accuracy and num_params."""
Artifacts = StudyArtifacts | ArtifactTable


class Store:
    """An open study store.

    ``storage`` is Optuna's view, cached so that finished trials are read only once; ``database`` is for our own tables.
    """

    def __init__(self, url: str, storage: RDBStorage) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # otherwise Optuna reports every study on stderr
        self.url = without_password(url)
        """The URL for messages."""
        self.database = storage.engine
        name_damage(self.database, self.url)
        self.storage: BaseStorage = optuna.storages.get_storage(storage)
        self.checked: dict[int, set[int]] = {}
        """Numbers of the finished trials, by the id of their study, that were found to be sound: they never change."""

    @classmethod
    def create(cls, url: str) -> "Store":
        """Open the store for writing and create what is missing, safely for any number of processes.

        Raises `InputError` for a URL that can't be opened, a database with other contents, or a newer schema.
        """
        with naming_store(url):
            if not is_sqlite(url):
                # Optuna creates its tables without a lock: if several processes do so at once, one fails.
                database = _engine(url)
                with server_lock(database, ServerLock.CREATING, wait=True):
                    _check_tables(database, url, may_be_empty=True)
                    return cls._create(url)
            # Checked before anything is written, so that a rejected database is left unchanged.
            _check_sqlite_file(url, may_be_absent=True)
            check_writable(url)
            with _only_creator(artifacts_of(url).folder):
                return cls._create(url)

    @classmethod
    def _create(cls, url: str) -> "Store":
        store = cls._connect(url)
        metadata.create_all(store.database)
        if not is_sqlite(url):
            server_metadata.create_all(store.database)
        with store.database.begin() as connection:
            if connection.scalar(select(schema_version.c.version)) is None:
                connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        store.prepare()
        return store

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open an existing store for writing, migrating it if its schema is older.

        Raises `InputError` if there is none.
        """
        with naming_store(url):
            _check_exists(url)
            check_writable(url)
            store = cls._connect(url)
            store.prepare()
        return store

    @classmethod
    def open_read_only(cls, url: str) -> "Store":
        """Open an existing store for reading, as it is at this moment, also where this user may only read.

        An SQLite file is copied into memory, and a copy with an older schema is migrated, so that reading neither
        changes anything nor leaves anything behind. Raises `InputError` if there is no store.
        """
        with naming_store(url):
            if not is_sqlite(url):
                version = _check_tables(_engine(url), url, may_be_empty=False)
                if version < SCHEMA_VERSION:
                    raise InputError(f"{without_password(url)} has schema {version}: 'python -m search run' updates it")
                return cls._connect(url, read_only=True)
            if not has_file(sqlite_path(url), f"--storage {url}"):
                raise _absent(url)
            return cls._copied(url, copy_in_memory(sqlite_path(url)))

    @classmethod
    def open_to_watch(cls, url: str) -> "Store":
        """Open an existing store for reading what others write to it in the meantime.

        An SQLite file with an older schema, or in a place where this user may not write, is shown as it is at this
        moment.
        """
        with naming_store(url):
            if not is_sqlite(url) or _check_exists(url) < SCHEMA_VERSION or find_unwritable(url) is not None:
                return cls.open_read_only(url)
            address = f"{file_address(sqlite_path(url).resolve())}?mode=ro"
            connect = partial(sqlite3.connect, address, uri=True, timeout=LOCK_WAIT_SECONDS, check_same_thread=False)
            engine = {"creator": connect, "poolclass": NullPool}
            return cls(url, RDBStorage("sqlite://", engine_kwargs=engine, skip_table_creation=True))

    @classmethod
    def find(cls, url: str) -> "Store | None":
        """Open the store for reading; returns None if it does not exist or its database has no tables of ours yet."""
        with naming_store(url):
            if not is_sqlite(url):
                return cls.open_read_only(url) if inspect(_engine(url)).has_table(schema_version.name) else None
            if not has_file(sqlite_path(url), f"--storage {url}"):
                return None
            copy = copy_in_memory(sqlite_path(url))
            has_ours = inspect(create_engine("sqlite://", **_engine_of(copy))).has_table(schema_version.name)
            return cls._copied(url, copy) if has_ours else None

    @classmethod
    def _copied(cls, url: str, copy: sqlite3.Connection) -> "Store":
        version = _check_tables(create_engine("sqlite://", **_engine_of(copy)), url, may_be_empty=False)
        store = cls(url, RDBStorage("sqlite://", engine_kwargs=_engine_of(copy), skip_table_creation=True))
        if version < SCHEMA_VERSION:
            migrate(store.database)
        copy.execute("PRAGMA query_only=ON")  # what was written to a copy would be lost
        return store

    def prepare(self) -> None:
        """Migrate the tables of an earlier version and create the folder of model files."""
        migrate(self.database)
        if isinstance(self.artifacts, StudyArtifacts):
            self.artifacts.folder.mkdir(exist_ok=True)

    @classmethod
    def _connect(cls, url: str, *, read_only: bool = False) -> "Store":
        if not is_sqlite(url):
            server = server_url(url)
            options = engine_options(server, read_only=read_only)
            address = server.render_as_string(hide_password=False)
            return cls(url, RDBStorage(_for_optuna(address), engine_kwargs=options, skip_table_creation=read_only))
        # `RDBStorage` creates Optuna's tables, so the journal mode is set on the file before that.
        with sqlite3.connect(sqlite_path(url), timeout=LOCK_WAIT_SECONDS) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        storage = RDBStorage(_for_optuna(url), engine_kwargs=_SQLITE_ENGINE)
        storage.engine.dispose()  # drop the connections made before the listener
        event.listen(storage.engine, "connect", _set_synchronous_normal)
        watch_file(storage.engine, sqlite_path(url).resolve())
        return cls(url, storage)

    @cached_property
    def artifacts(self) -> Artifacts:
        if is_sqlite(self.url):
            return artifacts_of(self.url)
        return ArtifactTable(self.database, self.url)

    @cached_property
    def locks(self) -> StoreLocks:
        """The locks of this process; there is one instance, since some are released with any other."""
        return WorkerLocks(self.lock_path) if is_sqlite(self.url) else ServerLocks(self.database, self.url)

    @property
    def lock_path(self) -> Path:
        """The file beside an SQLite file whose bytes this machine's workers lock while they are alive."""
        assert isinstance(self.artifacts, StudyArtifacts)
        return self.artifacts.folder / WORKERS_LOCK

    def study_names(self) -> list[str]:
        """Return the names of the searches whose Optuna study is there."""
        return search_names(self.database)

    def resolve_study_name(self, name: str | None) -> str:
        """Return ``name`` if it exists, or the only study if it is None. Raises `InputError` with possible names."""
        names = self.study_names()
        if name in names:
            return str(name)
        gone = gone_names(self.database)
        if name in gone or (name is None and not names and len(gone) == 1):
            raise gone_study(self.database, self.url, name or gone[0])
        if name is not None and name in copied_names(self.database):
            raise copied_study(self.database, self.url, name)
        if name is not None:
            close = difflib.get_close_matches(name, names, n=3) or names
            raise InputError(f"no study {name!r} in {self.url}; {list_names(close)}")
        if len(names) == 1:
            return names[0]
        raise InputError(f"{self.url} holds {len(names)} studies: choose one with --study; {list_names(names)}")

    def load_study(self, name: str) -> optuna.Study:
        """Raises `DamagedStoreError` if the study was deleted or renamed, or if its objectives are not ours."""
        try:
            study = optuna.load_study(study_name=name, storage=self.storage)
        except KeyError:
            raise gone_study(self.database, self.url, name) from None
        if study.directions != DIRECTIONS:
            named = " and ".join(direction.name for direction in study.directions) or "none"
            raise damaged(self.database, f"the directions of study {name!r} are not MAXIMIZE and MINIMIZE but {named}")
        return study

    def load_curves(self, name: str) -> optuna.Study:
        return optuna.load_study(study_name=name + CURVES_SUFFIX, storage=self.storage)


_SQLITE_ENGINE = {"connect_args": {"timeout": LOCK_WAIT_SECONDS}}


def _for_optuna(url: str) -> str:
    """Return a URL with each brace doubled, since Optuna replaces what is between braces."""
    return url.replace("{", "{{").replace("}", "}}")


@contextmanager
def _only_creator(folder: Path) -> Iterator[None]:
    """Wait until no other process creates the store whose artifacts are in ``folder``, and exclude others meanwhile.

    Optuna creates its tables without a lock: if several processes do so at once, one fails.
    """
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network file system may not lock folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _engine(url: str) -> Engine:
    """Return an engine for a look at a server, which keeps no connection."""
    server = server_url(url)
    options = engine_options(server)
    return create_engine(server, poolclass=NullPool, connect_args=options["connect_args"])


def _engine_of(copy: sqlite3.Connection) -> dict[str, Any]:
    """Return engine arguments that keep a copy in memory for as long as the engine lives."""
    return {"creator": lambda: copy, "poolclass": StaticPool}


def _check_exists(url: str) -> int:
    """Check that ``url`` holds a study store; returns the version of its schema."""
    if not is_sqlite(url):
        return _check_tables(_engine(url), url, may_be_empty=False)
    return _check_sqlite_file(url, may_be_absent=False)


def _check_sqlite_file(url: str, *, may_be_absent: bool) -> int:
    """Check a store in an SQLite file; returns the version of its schema, or ours if there is none yet."""
    path = sqlite_path(url)
    if has_file(path, f"--storage {url}"):
        with closing(copy_in_memory(path)) as copy:
            return _check_tables(create_engine("sqlite://", **_engine_of(copy)), url, may_be_empty=may_be_absent)
    if not may_be_absent:
        raise _absent(url)
    if not path.parent.is_dir():
        raise InputError(f"--storage {url} can't be opened: the folder {path.parent} does not exist")
    return SCHEMA_VERSION


def _absent(url: str) -> InputError:
    return InputError(f"there is no study store at {url}; 'python -m search run' makes one")


def _check_tables(database: Engine, url: str, *, may_be_empty: bool) -> int:
    url = without_password(url)
    tables = set(inspect(database).get_table_names())
    if schema_version.name in tables:
        with database.connect() as connection:
            version = connection.scalar(select(schema_version.c.version))
        if version is not None and version > SCHEMA_VERSION:
            raise InputError(
                f"{url} has schema {version}, newer than {SCHEMA_VERSION}, which this version writes: update"
            )
        # There is a version only once all tables are there; the last ones of version 1 came without a new version.
        ours = metadata.tables if version == SCHEMA_VERSION else ()
        if missing := sorted({*OPTUNA_TABLES, *ours} - tables) if version is not None else []:
            raise damaged_store(url, f"it has no table {' and no '.join(missing)}")
        # Optuna would fill these anew, as if they had never been damaged.
        with database.connect() as connection:
            for name in OPTUNA_VERSION_TABLES if version is not None else ():
                if connection.scalar(select(func.count()).select_from(table(name))) == 0:
                    raise damaged_store(url, f"its table {name} is empty")
        return SCHEMA_VERSION if version is None else version
    if not (may_be_empty and (not tables or "studies" in tables)):
        # Optuna has a table "studies": a file that optuna-dashboard opened first may still become a store.
        raise InputError(f"{url} is not a study store of this program{describe_foreign(database, tables)}")
    return SCHEMA_VERSION


def _set_synchronous_normal(connection: Any, _record: Any) -> None:
    # With a write-ahead log no killed process loses data; only a power cut may lose the last transactions.
    connection.execute("PRAGMA synchronous=NORMAL")
