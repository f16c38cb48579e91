"""The URLs of study stores: which database they name, and how it is connected to."""

from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import NoSuchModuleError


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def server_url(url: str) -> URL:
    """Return the URL of a PostgreSQL server with the driver that is used, psycopg 3, whichever name was given.

    Raises `NoSuchModuleError` for a database of another kind.
    """
    made = make_url(url)
    if made.get_backend_name() not in ("postgresql", "postgres"):
        raise NoSuchModuleError(made.drivername)
    return made.set(drivername="postgresql+psycopg")


def engine_options(url: URL, *, read_only: bool = False) -> dict[str, Any]:
    """Return the arguments of an engine for a PostgreSQL server.

    A process has two connections at most: its own and that of the thread that renews a lease. The isolation level is
    set since a server may have another default: whoever waited for a row's lock must see what its last owner wrote.
    """
    # A server or a network that is gone is noticed within half a minute, and so is, by the server, a machine that is
    # gone while it holds a lock or has a transaction; without these settings either may take hours.
    patience = {
        "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
        "-c idle_in_transaction_session_timeout=60s",
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "application_name": "small-model-search",
    }
    return {
        "pool_size": 2,
        "max_overflow": 0,
        "pool_pre_ping": True,
        "isolation_level": "READ COMMITTED",
        "connect_args": {name: value for name, value in patience.items() if name not in url.query},
        "execution_options": {"postgresql_readonly": read_only},
    }
