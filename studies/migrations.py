"""Numbered migrations of our tables, which upgrade a store from an earlier schema to the current one.

A store holds its version in ``search_schema_version``; ``alembic_version`` is Optuna's.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import bindparam, inspect, select, text, update
from sqlalchemy.engine import Connection, Engine

from studies.tables import (
    SCHEMA_VERSION,
    metadata,
    optuna_attributes,
    optuna_studies,
    optuna_trials,
    schema_version,
    trial_slots,
)


def _keep_hashes_and_keys(connection: Connection) -> None:
    """Add columns for the hashes of confirmed weights and for the candidate that a slot is reserved for."""
    _add_column(connection, "confirmation_trainings", "weights_sha256", "VARCHAR(64)")
    _add_column(connection, "trial_slots", "candidate_key", "VARCHAR(16)")


def _let_trials_go_on(connection: Connection) -> None:
    """Add the count of lost workers and indexes of slots, and the keys of candidates that the earliest stores lack.

    From here on an interrupted trial stays as it is until another worker goes on with it, and slots have leases.
    """
    _add_column(connection, "trial_slots", "num_losses", "INTEGER NOT NULL DEFAULT 0")
    slots, keys = trial_slots.c, optuna_attributes.c
    query = (
        select(optuna_studies.c.study_name, optuna_trials.c.number, keys.value_json)
        .join(optuna_trials, optuna_trials.c.study_id == optuna_studies.c.study_id)
        .join(optuna_attributes, keys.trial_id == optuna_trials.c.trial_id)
        .where(keys.key == "candidate_key")
    )
    if connection.scalar(select(slots.id).where(slots.candidate_key.is_(None)).limit(1)) is not None:
        found = {(name, number): key.strip('"') for name, number, key in connection.execute(query)}
        unkeyed = connection.execute(select(slots.id, slots.study_name, slots.trial_number)).all()
        values = [
            {"slot": slot, "key": found[name, number]} for slot, name, number in unkeyed if (name, number) in found
        ]
        if values:
            change = update(trial_slots).where(slots.id == bindparam("slot"), slots.candidate_key.is_(None))
            connection.execute(change.values(candidate_key=bindparam("key")), values)
    for column in ("state", "candidate_key"):
        name = f"ix_trial_slots_study_name_{column}"
        connection.execute(text(f"CREATE INDEX IF NOT EXISTS {name} ON trial_slots (study_name, {column})"))


def _keep_balanced_accuracies(connection: Connection) -> None:
    """Add a column for the balanced accuracy of each epoch, which earlier versions did not measure."""
    _add_column(connection, "epochs", "val_balanced_accuracy", "FLOAT")


def _keep_confusions(_: Connection) -> None:
    """Their table is new, so `migrate` has created it; trials of earlier versions have no row in it."""


MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {
    2: _keep_hashes_and_keys,
    3: _let_trials_go_on,
    4: _keep_balanced_accuracies,
    5: _keep_confusions,
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
    """Add a column, unless the table was just created with it."""
    if column not in {found["name"] for found in inspect(connection).get_columns(table)}:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {sql_type}"))
