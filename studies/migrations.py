"""Numbered changes of our tables: what brings a store of an earlier schema to the present one.

A store holds its version in ``search_schema_version``; ``alembic_version`` is Optuna's.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import inspect, select, text, update
from sqlalchemy.engine import Connection, Engine

from studies.tables import SCHEMA_VERSION, metadata, schema_version


def _keep_hashes_of_confirmed_weights(connection: Connection) -> None:
    _add_column(connection, "confirmation_trainings", "weights_sha256", "VARCHAR(64)")


MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {
    2: _keep_hashes_of_confirmed_weights,
}
"""By the version that each leads to. What is listed here is never changed again: stores of users have gone that way."""


def migrate(database: Engine) -> None:
    """Bring our tables to `SCHEMA_VERSION`, all in one transaction; nothing changes where they are there already.

    Safe to call from any number of processes at once: one of them migrates, and the others wait for it.
    """
    with database.begin() as connection:
        # Before anything is read: this takes the write lock in SQLite, and the row's lock in other databases.
        connection.execute(update(schema_version).values(version=schema_version.c.version))
        version = connection.scalar(select(schema_version.c.version))
        if version is None or version >= SCHEMA_VERSION:
            return
        # Version 1 got its last tables without a number of their own.
        metadata.create_all(connection)
        for number, change in MIGRATIONS.items():
            if number > version:
                change(connection)
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))


def _add_column(connection: Connection, table: str, column: str, sql_type: str) -> None:
    """Add a column that may be null, unless the table was made with it just now."""
    if column not in {found["name"] for found in inspect(connection).get_columns(table)}:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {sql_type}"))
