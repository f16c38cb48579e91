"""Reading and writing the epochs and fronts of searches, and reading their trials as rows of tables."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, delete, func, insert, select
from sqlalchemy.engine import Connection, Engine, Row

from space.fields import check_types
from space.results import EpochResult
from studies.damage import damaged, reading
from studies.frozen_trials import CHUNK
from studies.pareto import FrontPoint, pareto_front
from studies.slots import touch_search
from studies.storage import Store
from studies.tables import epochs as epochs_table
from studies.tables import pareto_front as front_table
from studies.tables import trial_slots
from studies.trials import Outcome, attributes_of, outcome_of, read_trials


def write_epoch(connection: Connection, study_name: str, trial_number: int, result: EpochResult) -> None:
    connection.execute(insert(epochs_table).values(study_name=study_name, trial_number=trial_number, **asdict(result)))


def align_epochs(connection: Connection, study_name: str, trial_number: int, epochs: Sequence[EpochResult]) -> None:
    """Make the stored epochs of an unfinished trial those that it goes on from."""
    table = epochs_table.c
    mine = (table.study_name == study_name, table.trial_number == trial_number)
    stored = set(connection.scalars(select(table.epoch).where(*mine)))
    connection.execute(delete(epochs_table).where(*mine, table.epoch > len(epochs)))
    for result in epochs:
        if result.epoch not in stored:
            write_epoch(connection, study_name, trial_number, result)


def read_epochs(database: Engine, study_name: str, trial_numbers: Iterable[int]) -> dict[int, list[EpochResult]]:
    """Return the finished epochs of each given trial, in order."""
    table = epochs_table.c
    curves: dict[int, list[EpochResult]] = {number: [] for number in trial_numbers}
    query = (
        select(epochs_table)
        .where(table.study_name == study_name, table.trial_number.in_(curves))
        .order_by(table.trial_number, table.epoch)
    )
    with database.connect() as connection:
        for row in connection.execute(query):
            curves[row.trial_number].append(_epoch_of(row, database))
    return curves


def _epoch_of(row: Row[tuple[Any, ...]], database: Engine) -> EpochResult:
    """Return the result that a row of the table of epochs holds."""
    result = EpochResult(**{name: getattr(row, name) for name in EpochResult.__dataclass_fields__})
    with reading(database, f"an epoch of trial {row.trial_number} of study {row.study_name!r}"):
        check_types(result)
    return result


def read_accuracies(
    database: Engine, study_name: str, trial_numbers: Sequence[int]
) -> dict[int, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return val_accuracy and train_accuracy by epoch of each given trial."""
    table = epochs_table.c
    columns = (table.trial_number, table.val_accuracy, table.train_accuracy)
    query = select(*columns).where(table.study_name == study_name).order_by(table.trial_number, table.epoch)
    rows: list[Row[int, float, float]] = []
    with database.connect() as connection:
        for first in range(0, len(trial_numbers), CHUNK):
            chunk = trial_numbers[first : first + CHUNK]
            rows += connection.execute(query.where(table.trial_number.in_(chunk))).all()
    curves = {}
    for number, group in itertools.groupby(rows, key=itemgetter(0)):
        _, val_accuracy, train_accuracy = zip(*group, strict=True)
        curves[number] = (val_accuracy, train_accuracy)
    return curves


def read_front(database: Engine, study_name: str) -> list[FrontPoint]:
    """Return the stored front, fewest parameters first.

    Raises `DamagedStoreError` for a point that can't be, and for an empty front of a study with complete trials.
    """
    with database.connect() as connection:
        front = _select_front(connection, study_name)
        if front or (number := connection.scalar(_completed(study_name))) is None:
            return front
        # Asked once more, since the first trial may have ended in between: it is on the front before it is complete.
        front = _select_front(connection, study_name)
    if not front:
        raise damaged(
            database, f"table pareto_front has no point of study {study_name!r}, of which trial {number} is complete"
        )
    return front


def update_front(database: Engine, study_name: str, new: Iterable[FrontPoint]) -> None:
    """Add ``new`` points to the stored front and remove the points they dominate, in one transaction."""
    table = front_table.c
    with database.begin() as connection:
        touch_search(connection, study_name)
        before = set(_select_front(connection, study_name))
        after = set(pareto_front({*before, *new}))
        for point in before - after:
            connection.execute(
                delete(front_table).where(table.study_name == study_name, table.trial_number == point.trial)
            )
        for point in sorted(after - before, key=lambda point: point.trial):
            connection.execute(
                insert(front_table).values(
                    study_name=study_name,
                    trial_number=point.trial,
                    num_params=point.num_params,
                    val_accuracy=point.val_accuracy,
                    notation=point.notation,
                )
            )


def _select_front(connection: Connection, study_name: str) -> list[FrontPoint]:
    table = front_table.c
    query = (
        select(table.trial_number, table.num_params, table.val_accuracy, table.notation)
        .where(table.study_name == study_name)
        .order_by(table.num_params, table.trial_number)
    )
    front = [FrontPoint(*row) for row in connection.execute(query)]
    for point in front:
        with reading(connection.engine, f"trial {point.trial} of study {study_name!r} in table pareto_front"):
            check_types(point)
    return front


def _completed(study_name: str) -> Select[tuple[int | None]]:
    slot = trial_slots.c
    return select(func.min(slot.trial_number)).where(slot.study_name == study_name, slot.state == Outcome.COMPLETE)


TRIAL_COLUMNS = (
    *("trial", "outcome", "num_params", "val_accuracy", "val_accuracy_spread", "num_epochs", "seconds"),
    *("notation", "reason"),
)
"""What `trial_rows` gives of every trial, before the parameters that were sampled for it."""
CURVE_COLUMNS = ("trial", *EpochResult.__dataclass_fields__)


def trial_rows(store: Store, study_name: str) -> list[dict[str, Any]]:
    """Return what is known of each finished trial: `TRIAL_COLUMNS`, None where it has none, then its parameters."""
    rows: list[dict[str, Any]] = []
    for trial in read_trials(store, store.load_study(study_name)):
        if outcome := outcome_of(trial):
            known = {**attributes_of(trial), "trial": trial.number, "outcome": str(outcome)}
            rows.append({**{name: known.get(name) for name in TRIAL_COLUMNS}, **trial.params})
    return rows


def curve_rows(database: Engine, study_name: str) -> list[dict[str, Any]]:
    """Return `CURVE_COLUMNS` of each finished epoch of each trial, in the order of the trials' numbers."""
    table = epochs_table.c
    query = select(epochs_table).where(table.study_name == study_name).order_by(table.trial_number, table.epoch)
    with database.connect() as connection:
        rows = connection.execute(query).all()
    return [{"trial": row.trial_number, **asdict(_epoch_of(row, database))} for row in rows]
