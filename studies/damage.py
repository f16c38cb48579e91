"""Damage of a study store, told in one line that names the store, what is damaged and what is wrong with it."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event, select
from sqlalchemy.engine import Engine, ExceptionContext

from space.errors import DamagedStoreError, InputError, shortened
from studies.tables import optuna_attributes, optuna_trials

_DAMAGES = ("no such table", "no such column", "has no column named", "malformed", "Could not decode to UTF-8")
"""Parts of SQLite's messages about a file that is damaged, other than one that is locked, full or not to be read."""
MAX_SHOWN = 40
"""Largest number of characters of a stored value that a message repeats."""


def damaged_store(url: str, problem: str) -> DamagedStoreError:
    return DamagedStoreError(f"{url} is damaged: {problem}; restore it from a copy")


def damaged(database: Engine, problem: str) -> DamagedStoreError:
    """Return the error for a problem of the store that ``database`` belongs to."""
    return damaged_store(str(database.get_execution_options()["store"]), problem)


def name_damage(database: Engine, url: str) -> None:
    """From now on, let errors of the database that show damage name the store, whoever executes the statement."""
    database.update_execution_options(store=url)
    event.listen(database, "handle_error", _raise_damage)


def damage_shown_by(error: BaseException | None) -> str | None:
    """Return what SQLite says if ``error`` shows that its file is damaged, else None."""
    message = str(error)
    is_damage = isinstance(error, sqlite3.DatabaseError) and any(part in message for part in _DAMAGES)
    return message.splitlines()[0] if is_damage else None


def _raise_damage(context: ExceptionContext) -> None:
    if context.engine is not None and (problem := damage_shown_by(context.original_exception)):
        raise damaged(context.engine, problem) from None


@contextmanager
def reading(database: Engine, what: str) -> Iterator[None]:
    """Turn the failure to make sense of what was read from a table into an error that says what it was."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise damaged(database, f"{what} {described(error)}") from None


def trial_ids(database: Engine, study_id: int) -> dict[int, int]:
    """Return the ids of a study's trials by their numbers, without reading more of the trials."""
    query = select(optuna_trials.c.number, optuna_trials.c.trial_id).where(optuna_trials.c.study_id == study_id)
    with database.connect() as connection:
        return {row.number: row.trial_id for row in connection.execute(query.order_by(optuna_trials.c.number))}


def unreadable_attribute(database: Engine, trial_id: int) -> str | None:
    """Say which of a trial's user attributes is not JSON, if there is one."""
    stored = optuna_attributes.c
    with database.connect() as connection:
        rows = connection.execute(select(stored.key, stored.value_json).where(stored.trial_id == trial_id)).all()
    for key, text in rows:
        try:
            json.loads(text)
        except (ValueError, TypeError):
            return f"its user attribute {key!r} is not JSON: {shown(text)}"
    return None


def shown(value: object) -> str:
    return shortened(value, MAX_SHOWN)


def described(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {shown(error.doc)}"
    if isinstance(error, InputError):
        return f"can't be used: {error}"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"has no {error.args[0]!r}"
    return f"can't be read: {error}"
