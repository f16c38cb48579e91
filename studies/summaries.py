"""What counts, displays and samplers ask of the trials of a study, read with SQL and only once after a trial has ended.

Reading trials through Optuna takes about a millisecond for each, in every process that does so.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import ColumnElement, Float, FromClause, Integer, Select, and_, cast, func, select
from sqlalchemy.engine import Row

from space.errors import DamagedStoreError
from studies.damage import damaged, shown
from studies.frozen_trials import CHUNK
from studies.pareto import FrontPoint
from studies.storage import Store
from studies.tables import optuna_attributes, optuna_trials
from studies.trials import TRAINED, Outcome, broken_attribute, find_problem, read_trial, some_trials

_KEYS = (
    *("outcome", "duplicate_of", "num_params", "val_accuracy", "num_epochs", "seconds"),
    *("num_redrawn", "run", "warm_start"),
)
"""User attributes that a summary is made of."""


@dataclass(frozen=True, slots=True)
class TrialSummary:
    """A trial that has ended."""

    number: int
    trial_id: int
    """Number of the trial in Optuna's tables, unlike ``number`` unique in the store."""
    state: TrialState
    outcome: Outcome
    num_params: int
    val_accuracy: float | None
    """Validation accuracy after its last epoch, if it has one."""
    num_epochs: int
    seconds: float
    """Training time."""
    engine: str | None
    """The engine and the device that trained it."""

    @property
    def front_point(self) -> FrontPoint:
        """The trial as a point of a front, on which only complete trials may be; without its notation."""
        assert self.val_accuracy is not None
        return FrontPoint(self.number, self.num_params, self.val_accuracy, "")


class TrialSummaries:
    """The trials of a study as `update` found them last."""

    def __init__(self, store: Store, study: Study) -> None:
        self._store = store
        self._study = study
        self._last_id = 0
        self._num_begun = 0
        self._seconds: dict[int, float] = {}
        self.ended: list[TrialSummary] = []
        """Trials that have ended, in the order in which they were found; `update` only ever appends to it."""
        self.unfinished: dict[int, int] = {}
        """The ids of the other trials, by their numbers."""
        self.counts: Counter[Outcome] = Counter()
        """Candidates that random sampling redrew without creating a trial count as rejected."""
        self.trained_seconds = 0.0
        """Training time of the trained trials."""
        self.num_warm_started = 0
        """Number of trials, ended or not, whose candidates were queued by ``--warm-start``."""

    @property
    def study_name(self) -> str:
        return self._study.study_name

    @property
    def num_trials(self) -> int:
        return self._num_begun

    def update(self) -> list[TrialSummary]:
        """Read what is new, and return the trials that have ended since the last call.

        Raises `DamagedStoreError`, naming the trial, if one of them lacks something or holds something that can't be.
        """
        # All is read before anything is noted, so that nothing is missed if a server goes away in between.
        waiting = list(self.unfinished.values())
        ended: list[Row[*tuple[Any, ...]]] = []
        begun = self._read(and_(optuna_trials.c.trial_id > self._last_id, self._mine()))
        for first in range(0, len(waiting), CHUNK):
            ids = optuna_trials.c.trial_id.in_(waiting[first : first + CHUNK])
            ended += self._read(and_(ids, optuna_trials.c.state.in_(_ENDED)))
        new = []
        for row in begun:
            attributes = self._begin(row)
            if row[2] in _ENDED:
                new.append(self._end(row, attributes))
        new += [self._end(row, self._attributes_of(row)) for row in ended]
        self.ended += new
        trained = [trial for trial in new if trial.outcome in TRAINED]
        self.trained_seconds += sum(trial.seconds for trial in trained)
        self._seconds |= {trial.number: trial.seconds for trial in trained}
        return new

    def ids_of(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the ids of some trials that have ended, by their numbers."""
        wanted = set(numbers)
        return {trial.number: trial.trial_id for trial in self.ended if trial.number in wanted}

    def seconds_of(self, numbers: Iterable[int]) -> list[float]:
        """Return the training times of some trained trials, as far as they are known."""
        return [self._seconds[number] for number in numbers if number in self._seconds]

    def read(self, ids: Sequence[int]) -> list[FrozenTrial]:
        """Read the whole of some trials, by their numbers. Raises `DamagedStoreError`."""
        return some_trials(self._store, self._study, ids)

    def _mine(self) -> ColumnElement[bool]:
        return optuna_trials.c.study_id == self._study._study_id

    def _read(self, which: ColumnElement[bool]) -> Sequence[Row[*tuple[Any, ...]]]:
        with self._store.database.connect() as connection:
            return connection.execute(_with_attributes(_KEYS).where(which).order_by(optuna_trials.c.trial_id)).all()

    def _begin(self, row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
        trial_id, number, state = row[:3]
        if number != self._num_begun:
            raise self._damaged(self._num_begun, " is missing")
        if state not in TrialState.__members__:
            read_trial(self._store, self.study_name, number)  # which says what is wrong
        attributes = self._attributes_of(row)
        self._num_begun += 1
        self._last_id = trial_id
        self.unfinished[number] = trial_id
        self.counts[Outcome.REJECTED] += attributes.get("num_redrawn", 0)
        self.num_warm_started += "warm_start" in attributes
        return attributes

    def _end(self, row: Row[*tuple[Any, ...]], attributes: dict[str, Any]) -> TrialSummary:
        trial_id, number, state = row[:3]
        if problem := find_problem(state, attributes, _KEYS):
            raise self._damaged(number, f": {problem}")
        outcome = Outcome.FAILED if state == "FAIL" else Outcome(attributes["outcome"])
        del self.unfinished[number]
        self.counts[outcome] += 1
        run = attributes.get("run", {})
        return TrialSummary(
            number=number,
            trial_id=trial_id,
            state=TrialState[state],
            outcome=outcome,
            num_params=attributes.get("num_params", 0),
            val_accuracy=attributes.get("val_accuracy"),
            num_epochs=attributes.get("num_epochs", 0),
            seconds=attributes.get("seconds", 0.0),
            engine=_engine(run) if "engine" in run else None,
        )

    def _attributes_of(self, row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
        """Return the attributes of a trial, each of them checked."""
        attributes = {}
        for key, text in zip(_KEYS, row[3:], strict=True):
            if text is not None:
                try:
                    attributes[key] = _parsed(key, text)
                except ValueError as error:
                    raise self._damaged(row[1], f": {error}") from None
        return attributes

    def _damaged(self, number: int, problem: str) -> DamagedStoreError:
        return damaged(self._store.database, f"trial {number} of study {self._study.study_name!r}{problem}")


@dataclass(frozen=True)
class Totals:
    """Sums over all trials of a study."""

    counts: Counter[Outcome]
    """Trials that have ended; candidates that random sampling redrew without creating a trial count as rejected."""
    seconds: float
    """Training time."""
    engines: list[str]
    """The engines, and their devices, that trained them."""


def read_totals(store: Store, study: Study) -> Totals:
    """Let the database count the trials. Raises `DamagedStoreError` if one of them can't be counted."""
    keys = ("outcome", "run", "seconds", "num_redrawn")
    trials = _with_attributes(keys).where(optuna_trials.c.study_id == study._study_id).subquery()
    sums = (func.sum(cast(trials.c.seconds, Float)), func.sum(cast(trials.c.num_redrawn, Integer)))
    groups = (trials.c.state, trials.c.outcome, trials.c.run)
    query = select(*groups, func.count(), func.min(trials.c.number), *sums).group_by(*groups)
    with store.database.connect() as connection:
        rows = connection.execute(query).all()
    counts: Counter[Outcome] = Counter()
    engines = set()
    for state, outcome, run, number, first, _, num_redrawn in rows:
        if state not in TrialState.__members__:
            read_trial(store, study.study_name, first)  # which says what is wrong
        try:
            read = {key: _parsed(key, text) for key, text in (("outcome", outcome), ("run", run)) if text is not None}
            problem = find_problem(state, read, ("outcome", "run"))
        except ValueError as error:
            problem = str(error)
        if problem:
            raise damaged(store.database, f"trial {first} of study {study.study_name!r}: {problem}")
        if state in _ENDED:
            counts[Outcome.FAILED if state == "FAIL" else Outcome(read["outcome"])] += number
        counts[Outcome.REJECTED] += num_redrawn or 0
        if "engine" in read.get("run", {}):
            engines.add(_engine(read["run"]))
    return Totals(counts, sum(row[5] or 0.0 for row in rows), sorted(engines))


def read_attributes(store: Store, study_name: str, trial_ids: Sequence[int], *keys: str) -> dict[int, dict[str, Any]]:
    """Return some user attributes of a few trials of a study, by the trials' ids. Raises `DamagedStoreError`."""
    with store.database.connect() as connection:
        rows = connection.execute(_with_attributes(keys).where(optuna_trials.c.trial_id.in_(trial_ids))).all()
    attributes = {}
    for row in rows:
        texts = zip(keys, row[3:], strict=True)
        try:
            attributes[row.trial_id] = {key: _parsed(key, text) for key, text in texts if text is not None}
        except ValueError as error:
            raise damaged(store.database, f"trial {row.number} of study {study_name!r}: {error}") from None
    return attributes


_ENDED = tuple(state.name for state in TrialState if state.is_finished())


def _with_attributes(keys: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Select trials with a column for each user attribute: reading them as rows takes several times as long."""
    columns: list[ColumnElement[Any]] = []
    joined: FromClause = optuna_trials
    for key in keys:
        table = optuna_attributes.alias(f"attribute_{key}")
        columns.append(table.c.value_json.label(key))
        joined = joined.outerjoin(table, and_(table.c.trial_id == optuna_trials.c.trial_id, table.c.key == key))
    return select(optuna_trials.c.trial_id, optuna_trials.c.number, optuna_trials.c.state, *columns).select_from(joined)


def _engine(run: dict[str, Any]) -> str:
    return f"{run['engine']} on {run['device']}"


@lru_cache(maxsize=10_000)
def _parsed(key: str, text: str) -> Any:
    """Parse and check a user attribute; most of them are those of a few outcomes, sizes and settings."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        raise ValueError(f"its user attribute {key!r} is not JSON: {shown(text)}") from None
    if problem := broken_attribute(key, value):
        raise ValueError(problem)
    return value
