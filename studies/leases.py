"""Leases of slots: how long a worker owns its trial without a sign of life, by the clock of the database."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Float
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

LEASE_SECONDS = 45.0
"""Time after the latest renewal at which another worker may take the trial, even if the owner's process lives."""
RENEWAL_SECONDS = 5.0
"""Time between two renewals by a worker's thread. Each epoch that a worker stores renews its lease as well."""


class database_time(FunctionElement[float]):  # noqa: N801 (an SQL function)
    """The Unix time in seconds by the clock of the database, which all workers share, whatever their own clocks say."""

    type = Float()
    inherit_cache = True


@compiles(database_time)
def _of_postgresql(_element: database_time, _compiler: Any, **_: Any) -> str:
    return "CAST(extract(epoch from clock_timestamp()) AS double precision)"


@compiles(database_time, "sqlite")
def _of_sqlite(_element: database_time, _compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@contextmanager
def renewing(renew: Callable[[], None]) -> Iterator[None]:
    """Call ``renew`` from a thread every `RENEWAL_SECONDS`, also while the calling thread trains an epoch.

    A renewal that the database refuses is left to the next one: the lease lasts for several.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(RENEWAL_SECONDS):
            try:
                renew()
            except SQLAlchemyError:
                continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
