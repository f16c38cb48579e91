"""Numbered migrations of our tables, which upgrade a store from an earlier schema to the current one.

A store holds its version in ``search_schema_version``; ``alembic_version`` is Optuna's.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import inspect, select, text, update
from sqlalchemy.engine import Connection, Engine

from studies.tables import SCHEMA_VERSION, metadata, schema_version


def _keep_hashes_and_keys(connection: Connection) -> None:
    """Add columns for the hashes of confirmed weights and for the candidate that a slot is reserved for."""
    _add_column(connection, "confirmation_trainings", "weights_sha256", "VARCHAR(64)")
    _add_column(connection, "trial_slots", "candidate_key", "VARCHAR(16)")


MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {
    2: _keep_hashes_and_keys,
}
"""Migrations by the version that each leads to. They are never edited, since users' stores were migrated by them."""


def migrate(database: Engine) -> None:
    """Upgrade our tables to `SCHEMA_VERSION` in one transaction; does nothing if they are up to date.

    Safe to call from any number of processes at once: one migrates, and the others wait for it.
    """
    with database.begin() as connection:
        # Done before anything is read: this takes the write lock in SQLite, and the row's lock in other databases.
        connection.execute(update(schema_version).values(version=schema_version.c.version))
        version = connection.scalar(select(schema_version.c.version))
        if version is None or version >= SCHEMA_VERSION:
            return
        # The last tables of version 1 were added without a new version number.
        metadata.create_all(connection)
        for number, change in MIGRATIONS.items():
            if number > version:
                change(connection)
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION))


def _add_column(connection: Connection, table: str, column: str, sql_type: str) -> None:
    """Add a nullable column, unless the table was just created with it."""
    if column not in {found["name"] for found in inspect(connection).get_columns(table)}:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {sql_type}"))
