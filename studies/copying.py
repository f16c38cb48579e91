"""Copying a study from one store to another, of whichever kind, with its files, confirmation and openings."""

import hashlib
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages._rdb import models
from sqlalchemy import Select, Table, insert, select
from sqlalchemy.engine import Connection

from space.errors import InputError, SearchFailedError
from studies.activity import check_idle, read_activity
from studies.fingerprints import read_fingerprint
from studies.listing import artifact_sizes
from studies.names import CURVES_SUFFIX
from studies.sealed import sealed_file
from studies.server_locks import ServerLocks
from studies.storage import Store
from studies.tables import metadata, optuna_studies, queued_candidates, searches, test_openings, trial_slots

_STUDIES: Table = models.StudyModel.__table__
_TRIALS: Table = models.TrialModel.__table__
_OF_STUDIES: tuple[Table, ...] = tuple(
    model.__table__
    for model in (models.StudyDirectionModel, models.StudyUserAttributeModel, models.StudySystemAttributeModel)
)
_OF_TRIALS: tuple[Table, ...] = tuple(
    model.__table__
    for model in (
        models.TrialUserAttributeModel,
        models.TrialSystemAttributeModel,
        models.TrialParamModel,
        models.TrialValueModel,
        models.TrialIntermediateValueModel,
    )
)
_OURS = tuple(table for table in metadata.sorted_tables if "study_name" in table.c)
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Copied:
    num_trials: int
    num_files: int
    sha256: str
    """Hash of all rows and files of the study, which was computed from both stores and is equal."""


def copy_study(source: Store, target: Store, name: str) -> Copied:
    """Copy a study to a store that has none of its name.

    Files come first and rows in one transaction, so that a call that is killed leaves no part of a study, and the next
    one starts again. Openings of the test set that the target has of an earlier copy are not copied again. Raises
    `InputError` while the study is searched or confirmed, or if the target has its name already, and
    `SearchFailedError` if the study changes meanwhile, or if what the target then holds is not what the source does.
    """
    check_idle(source, name)
    with target.database.connect() as connection:
        for column in (optuna_studies.c.study_name, searches.c.study_name):
            if connection.scalar(select(column).where(column.in_([name, name + CURVES_SUFFIX]))) is not None:
                raise InputError(f"{target.url} holds a study {name!r} already: nothing was copied")
    files = _files(source, name)
    has_changed = SearchFailedError(f"study {name!r} has changed while it was copied: nothing was copied")
    try:
        for file in files:
            target.artifacts.write(file, io.BytesIO(source.artifacts.open_reader(file).read()))
        with _snapshot(source) as reading, target.database.begin() as writing:
            for study in (name, name + CURVES_SUFFIX):
                _copy_optuna(reading, writing, study)
            _copy_ours(reading, writing, name)
            openings = _openings(reading, name)
            before = _digest(reading, source, name, files, openings)
            if read_activity(source, name).running or _files(source, name) != files:
                raise has_changed
    except ArtifactNotFound:
        raise has_changed from None
    with _snapshot(target) as connection:
        after = _digest(connection, target, name, _files(target, name), openings)
        num_trials = len(connection.execute(_trials_of(name)).all())
    if before != after:
        raise SearchFailedError(
            f"the copy of study {name!r} in {target.url} differs from the original: delete it there"
        )
    return Copied(num_trials, len(files), after)


def _snapshot(store: Store) -> Connection:
    """Return a connection that sees the store as it is at its first statement, whatever is written meanwhile."""
    connection = store.database.connect()
    if isinstance(store.locks, ServerLocks):
        return connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def _files(store: Store, name: str) -> list[str]:
    names = set(artifact_sizes(store, name))
    sha256 = (read_fingerprint(store, name) or {}).get("dataset_sha256")
    if sha256 is not None:
        names |= store.artifacts.sizes([sealed_file(sha256)]).keys()
    return sorted(names)


def _trials_of(study: str) -> Select[Any]:
    joined = _TRIALS.join(_STUDIES, _STUDIES.c.study_id == _TRIALS.c.study_id)
    return select(_TRIALS).select_from(joined).where(_STUDIES.c.study_name == study).order_by(_TRIALS.c.trial_id)


def _of_study(table: Table, study: str) -> Select[Any]:
    joined = table.join(_STUDIES, _STUDIES.c.study_id == table.c.study_id)
    return select(table).select_from(joined).where(_STUDIES.c.study_name == study).order_by(*table.primary_key)


def _of_trials(table: Table, study: str) -> Select[Any]:
    joined = table.join(_TRIALS, _TRIALS.c.trial_id == table.c.trial_id).join(
        _STUDIES, _STUDIES.c.study_id == _TRIALS.c.study_id
    )
    return select(table).select_from(joined).where(_STUDIES.c.study_name == study).order_by(*table.primary_key)


def _copy_optuna(source: Connection, target: Connection, study: str) -> None:
    """Copy a study of Optuna; ids are given anew, and numbers of trials stay."""
    study_id = target.scalar(insert(_STUDIES).values(study_name=study).returning(_STUDIES.c.study_id))
    for table in _OF_STUDIES:
        _insert(target, table, [{**row, "study_id": study_id} for row in _rows(source, _of_study(table, study))])
    trials = _rows(source, _trials_of(study))
    ids = _insert(target, _TRIALS, [{**row, "study_id": study_id} for row in trials])
    new = dict(zip((row["trial_id"] for row in trials), ids, strict=True))
    for table in _OF_TRIALS:
        rows = _rows(source, _of_trials(table, study))
        _insert(target, table, [{**row, "trial_id": new[row["trial_id"]]} for row in rows])


def _copy_ours(source: Connection, target: Connection, name: str) -> None:
    slots: dict[int, int] = {}
    for table in _OURS:
        rows = _rows(source, _ours(table, name))
        if table is test_openings:
            known = _openings(target, name)
            rows = [row for row in rows if (row["opened"], row["num_models"]) not in known]
        if table is queued_candidates:
            rows = [{**row, "slot_id": slots.get(row["slot_id"], row["slot_id"])} for row in rows]
        ids = _insert(target, table, rows)
        if table is trial_slots:
            slots = dict(zip((row["id"] for row in rows), ids, strict=True))


def _openings(connection: Connection, name: str) -> set[tuple[str, int]]:
    """Return when the test set was opened for the study, and for how many models."""
    return {(row["opened"], row["num_models"]) for row in _rows(connection, _ours(test_openings, name))}


def _ours(table: Table, name: str) -> Select[Any]:
    return select(table).where(table.c.study_name == name).order_by(*table.primary_key)


def _rows(connection: Connection, query: Select[Any]) -> Rows:
    return [dict(row) for row in connection.execute(query).mappings()]


def _insert(connection: Connection, table: Table, rows: Rows) -> Sequence[int]:
    """Insert rows with new ids, which are returned in the order of the rows; a table may have a key of another kind."""
    if not rows:
        return []
    (key,) = table.primary_key
    if key.name == "study_name":
        connection.execute(insert(table), rows)
        return []
    values = [{name: value for name, value in row.items() if name != key.name} for row in rows]
    return connection.scalars(insert(table).returning(key, sort_by_parameter_order=True), values).all()


def _digest(
    connection: Connection, store: Store, name: str, files: Sequence[str], openings: set[tuple[str, int]]
) -> str:
    """Return the SHA-256 of all rows of a study, with numbers in place of ids, and of its files.

    Of the openings of the test set, only ``openings`` count: a store may have others of an earlier study of this name.
    """
    digest = hashlib.sha256()
    for line in (*_lines(connection, name), *map(repr, sorted(_openings(connection, name) & openings))):
        digest.update(f"{line}\n".encode())
    for file in files:
        content = store.artifacts.open_reader(file).read()
        digest.update(f"{file} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _lines(connection: Connection, name: str) -> Iterator[str]:
    for study in (name, name + CURVES_SUFFIX):
        trials = _rows(connection, _trials_of(study))
        numbers = {row["trial_id"]: row["number"] for row in trials}
        yield from _described(_TRIALS, trials, numbers)
        for table in _OF_STUDIES:
            yield from _described(table, _rows(connection, _of_study(table, study)), numbers)
        for table in _OF_TRIALS:
            yield from _described(table, _rows(connection, _of_trials(table, study)), numbers)
    places: dict[int, int] = {}
    for table in _OURS:
        if table is test_openings:
            continue
        rows = _rows(connection, _ours(table, name))
        if table is trial_slots:
            places = {row["id"]: place for place, row in enumerate(rows)}
        for row in rows if table is queued_candidates else ():
            row["slot_id"] = places.get(row["slot_id"])
        yield from _described(table, rows, {})


def _described(table: Table, rows: Rows, numbers: dict[int, int]) -> Iterator[str]:
    """Describe rows in an order and in words that do not depend on the store."""
    (key,) = table.primary_key
    dropped = {key.name, "study_id"} - {"study_name"}
    lines = []
    for row in rows:
        shown = {name: _plain(value) for name, value in row.items() if name not in dropped}
        if "trial_id" in shown:
            shown["trial_id"] = numbers[row["trial_id"]]
        lines.append(f"{table.name} {json.dumps(shown, sort_keys=True)}")
    return iter(sorted(lines))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, datetime) else value
