"""Failures of a store's database: as one line, and told apart from a database that is away for a while."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from space.errors import InputError, SearchError, SearchFailedError, without_password
from studies.damage import damage_shown_by, damaged_store

T = TypeVar("T")

MAX_OUTAGE_SECONDS = 120.0
"""Time for which a server may be away. A restart takes seconds; what lasts longer needs a person."""
MAX_PAUSE_SECONDS = 5.0
"""Longest time between two attempts to reach a server; the first comes after a fraction of a second."""


class StoreUnreachableError(InputError):
    """The server of a store does not answer."""


def store_failure(error: Exception) -> str | None:
    """Return a message if ``error`` comes from the database (a full disk, a lock that is never released), else None."""
    cause = _cause_of(error)
    is_failure = isinstance(cause, OperationalError) or is_outage(error)
    return f"the study store failed: {_reason(cause)}" if is_failure else None


def is_outage(error: BaseException) -> bool:
    """Return whether ``error`` says that a server is away or refuses work at this moment; never so of a file."""
    if isinstance(error, StoreUnreachableError):
        return True
    cause = _cause_of(error)
    if isinstance(cause, DBAPIError):
        is_server = type(cause.orig).__module__.startswith("psycopg")
        return is_server and (cause.connection_invalidated or isinstance(cause, OperationalError))
    return isinstance(cause, PoolTimeoutError)


class Outage:
    """How long the server of a store has been away, as one process sees it.

    Raises `SearchFailedError` once that is more than `MAX_OUTAGE_SECONDS`.
    """

    def __init__(self, url: str) -> None:
        self._url = without_password(url)
        self._began: float | None = None
        self._ended = -float("inf")
        self._num_failures = 0

    @property
    def is_on(self) -> bool:
        return self._began is not None

    def ended_within(self, seconds: float) -> bool:
        """Return whether the server is away, or came back at most so long ago."""
        return self.is_on or time.monotonic() - self._ended < seconds

    def note(self, error: Exception) -> None:
        """Take note that the server was not reached. Raises ``error`` again if it says something else."""
        if not is_outage(error):
            raise error
        now = time.monotonic()
        self._began = self._began or now
        self._num_failures += 1
        if now - self._began > MAX_OUTAGE_SECONDS:
            raise SearchFailedError(
                f"the server of {self._url} did not answer for {MAX_OUTAGE_SECONDS:.0f} s "
                f"({_reason(_cause_of(error))}): nothing is lost, and the same command goes on when it is back"
            ) from None

    def end(self) -> None:
        """Take note that the server answered."""
        if self.is_on:
            self._began, self._ended, self._num_failures = None, time.monotonic(), 0

    def until_reached(self, operation: Callable[[], T]) -> T:
        """Return what ``operation`` returns once the server answers."""
        while True:
            with self.bridging():
                return operation()

    @contextmanager
    def bridging(self) -> Iterator[None]:
        """Leave the block early if the server is away, after a pause, so that the caller can try again."""
        try:
            yield
        except Exception as error:
            self.note(error)
            time.sleep(min(0.1 * 2**self._num_failures, MAX_PAUSE_SECONDS))
        else:
            self.end()


@contextmanager
def naming_store(url: str) -> Iterator[None]:
    """Turn whatever goes wrong while the store at ``url`` is opened into one line about it."""
    shown = without_password(url)
    try:
        yield
    except SearchError:
        raise
    except ImportError as error:
        driver = error.name or "its driver"
        raise InputError(
            f"--storage {shown} can't be opened: {driver} is not installed; PostgreSQL needs the extra: "
            "pip install 'small-model-search[postgres]'"
        ) from None
    except (ArgumentError, NoSuchModuleError, ValueError):  # ValueError: a port that is not a number
        raise InputError(
            "--storage must be a database URL, such as sqlite:///studies.db or postgresql://user@host/database, not "
            f"{shown!r}"
        ) from None
    except (DatabaseError, sqlite3.DatabaseError, StorageInternalError, RuntimeError, PoolTimeoutError) as error:
        cause = _cause_of(error)
        if problem := damage_shown_by(getattr(cause, "orig", None) or cause):
            raise damaged_store(shown, problem) from None
        kind = StoreUnreachableError if is_outage(error) else InputError
        raise kind(f"--storage {shown} can't be opened: {_reason(cause)}") from None
    except OSError as error:
        raise InputError(f"--storage {shown} can't be opened: {error.strerror or error}") from None


def _cause_of(error: BaseException) -> BaseException:
    """Optuna wraps what it does not expect of a database."""
    is_wrapped = isinstance(error, StorageInternalError) and isinstance(error.__cause__, SQLAlchemyError)
    return error.__cause__ or error if is_wrapped else error


def _reason(cause: BaseException) -> str:
    """Return what a driver says in one line."""
    lines = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    return without_password(lines[0]) if lines else type(cause).__name__
