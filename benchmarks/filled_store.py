"""Stores with any number of invented trials, written as rows since Optuna would take hours for many."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from optuna.distributions import distribution_to_json
from optuna.trial import FixedTrial
from sqlalchemy import Connection, insert, text

from space.candidate import CandidateSpec
from space.random_draw import RandomDraw
from space.results import EpochResult
from space.search_space import SearchSpace
from studies.confusions import Confusion, write_confusion
from studies.pareto import FrontPoint
from studies.records import update_front
from studies.study import SearchStudy
from studies.tables import epochs as epochs_table
from studies.tables import trial_slots
from studies.trials import TRAINED, Outcome

BATCH = 2_000
"""Number of trials that are written at a time."""
NUM_IMAGES = 10_000
"""Number of validation images."""
NOW = "2026-01-01 00:00:00.000000"
_VALUES = {
    "trials": ":id, :number, :study, :state, :now, :now",
    "trial_params": "NULL, :id, :name, :value, :json",
    "trial_values": "NULL, :id, :objective, :value, 'FINITE'",
    "trial_intermediate_values": "NULL, :id, :step, :value, 'FINITE'",
    "trial_user_attributes": "NULL, :id, :key, :json",
    "trial_system_attributes": "NULL, :id, :key, :json",
}
"""The columns of each of Optuna's tables that are written."""


@dataclass(frozen=True)
class Invented:
    """A finished trial like those of a search: half of those within the budget are complete, the others pruned."""

    number: int
    candidate: CandidateSpec
    params: dict[str, Any]
    distributions: dict[str, Any]
    outcome: Outcome
    val_accuracy: float
    """An accuracy that grows with the number of parameters, and has noise."""
    curve: list[EpochResult]

    @property
    def front_point(self) -> FrontPoint:
        candidate = self.candidate
        return FrontPoint(self.number, candidate.num_params, self.val_accuracy, str(candidate.architecture))


def fill(search: SearchStudy, space: SearchSpace, num_trials: int, *, budget: int, num_epochs: int) -> None:
    """Add so many finished trials to an empty search, with their slots, epochs and curves, and its front."""
    trials = _invent(space, num_trials, budget=budget, num_epochs=num_epochs)
    with search.store.database.begin() as connection:
        next_id = (connection.scalar(text("SELECT max(trial_id) FROM trials")) or 0) + 1
        complete = []
        while batch := [trial for _, trial in zip(range(BATCH), trials, strict=False)]:
            _write_trials(connection, search.study._study_id, batch, next_id, budget)
            _write_curves(connection, search.curves._study_id, batch, next_id + len(batch))
            _write_ours(connection, search.name, batch)
            next_id += 2 * len(batch)
            complete += [trial.front_point for trial in batch if trial.outcome == Outcome.COMPLETE]
    update_front(search.store.database, search.name, complete)


def curve(accuracy: float, num_epochs: int) -> list[EpochResult]:
    """Return a curve whose error falls with the number of epochs to that of ``accuracy``."""
    return [
        EpochResult(
            epoch=epoch,
            train_loss=0.1,
            train_accuracy=accuracy,
            val_loss=0.1,
            val_accuracy=max(0.0, 1 - (1 - accuracy) * num_epochs / epoch),
            learning_rate=0.1,
            seconds=1.0,
        )
        for epoch in range(1, num_epochs + 1)
    ]


def _invent(space: SearchSpace, num_trials: int, *, budget: int, num_epochs: int) -> Iterator[Invented]:
    generator = random.Random(0)
    for number in range(num_trials):
        draw = RandomDraw(generator)
        space.suggest_candidate(draw, epochs=num_epochs)
        fixed = FixedTrial(draw.params)
        candidate = space.suggest_candidate(fixed, epochs=num_epochs)
        accuracy = 1 - 0.1 * candidate.num_params**-0.3 * generator.uniform(1, 2)
        fits, is_complete = candidate.num_params <= budget, generator.random() < 0.5
        outcome = Outcome.REJECTED if not fits else Outcome.COMPLETE if is_complete else Outcome.PRUNED
        results = {Outcome.COMPLETE: curve(accuracy, num_epochs), Outcome.PRUNED: curve(accuracy, num_epochs)[:5]}
        epochs = results.get(outcome, [])
        last = epochs[-1].val_accuracy if epochs else 0.0
        yield Invented(number, candidate, fixed.params, fixed.distributions, outcome, last, epochs)


def _write_trials(connection: Connection, study_id: int, trials: list[Invented], first_id: int, budget: int) -> None:
    rows, params, values, attributes, constraints = [], [], [], [], []
    for trial_id, trial in enumerate(trials, start=first_id):
        state = "COMPLETE" if trial.outcome == Outcome.COMPLETE else "PRUNED"
        rows.append({"id": trial_id, "number": trial.number, "study": study_id, "state": state, "now": NOW})
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            internal = distribution.to_internal_repr(value)
            params.append({"id": trial_id, "name": name, "value": internal, "json": distribution_to_json(distribution)})
        if trial.outcome == Outcome.COMPLETE:
            for objective, number in enumerate((trial.val_accuracy, trial.candidate.num_params)):
                values.append({"id": trial_id, "objective": objective, "value": float(number)})
        for key, attribute in _attributes(trial).items():
            attributes.append({"id": trial_id, "key": key, "json": json.dumps(attribute)})
        violation = json.dumps(trial.candidate.num_params / budget - 1)
        constraints.append({"id": trial_id, "key": "constraints:budget", "json": violation})
    _insert(
        connection,
        trials=rows,
        trial_params=params,
        trial_values=values,
        trial_user_attributes=attributes,
        trial_system_attributes=constraints,
    )


def _attributes(trial: Invented) -> dict[str, Any]:
    attributes = {
        "num_params": trial.candidate.num_params,
        "notation": str(trial.candidate.architecture),
        "outcome": trial.outcome,
    }
    if trial.outcome not in TRAINED:
        return attributes | {"reason": "over the budget"}
    return attributes | {
        "candidate": trial.candidate.to_json(),
        "candidate_key": trial.candidate.key,
        "val_accuracy": trial.val_accuracy,
        "run": {"engine": "torch", "device": "cpu"},
        "seed": 0,
        "num_epochs": len(trial.curve),
        "seconds": float(len(trial.curve)),
    }


def _write_curves(connection: Connection, study_id: int, trials: list[Invented], first_id: int) -> None:
    rows, values, steps, attributes = [], [], [], []
    for trial_id, trial in enumerate(trials, start=first_id):
        state = "COMPLETE" if trial.outcome == Outcome.COMPLETE else "PRUNED" if trial.curve else "FAIL"
        rows.append({"id": trial_id, "number": trial.number, "study": study_id, "state": state, "now": NOW})
        for result in trial.curve:
            steps.append({"id": trial_id, "step": result.epoch, "value": result.val_accuracy})
        if trial.curve:
            values.append({"id": trial_id, "objective": 0, "value": trial.val_accuracy})
        for key, attribute in (("trial", trial.number), ("notation", str(trial.candidate.architecture))):
            attributes.append({"id": trial_id, "key": key, "json": json.dumps(attribute)})
    _insert(
        connection,
        trials=rows,
        trial_values=values,
        trial_intermediate_values=steps,
        trial_user_attributes=attributes,
    )


def _insert(connection: Connection, **rows: list[dict[str, Any]]) -> None:
    """Add rows to Optuna's tables of these names."""
    for table, written in rows.items():
        if written:
            connection.execute(text(f"INSERT INTO {table} VALUES ({_VALUES[table]})"), written)


def _confusion(trial: Invented) -> Confusion:
    """As many random mistakes in as many images as MNIST's validation set has."""
    generator = np.random.default_rng(trial.number)
    labels = np.arange(NUM_IMAGES) % 10
    predicted = labels.copy()
    wrong = generator.choice(NUM_IMAGES, round((1 - trial.val_accuracy) * NUM_IMAGES), replace=False)
    predicted[wrong] = (labels[wrong] + generator.integers(1, 10, len(wrong))) % 10
    return Confusion.of(labels, predicted, num_classes=10)


def _write_ours(connection: Connection, study_name: str, trials: list[Invented]) -> None:
    trained = [trial for trial in trials if trial.outcome in TRAINED]
    slots = [
        {
            "study_name": study_name,
            "state": trial.outcome,
            "trial_number": trial.number,
            "seed_number": trial.number,
            "num_params": trial.candidate.num_params,
            "worker": 0,
            "host": "",
            "heartbeat": 0.0,
            "candidate_key": trial.candidate.key,
        }
        for trial in trained
    ]
    epochs = [
        {"study_name": study_name, "trial_number": trial.number, **asdict(result)}
        for trial in trained
        for result in trial.curve
    ]
    for trial in trained:
        if trial.outcome == Outcome.COMPLETE:
            write_confusion(connection, study_name, trial.number, _confusion(trial))
    if trained:
        connection.execute(insert(trial_slots), slots)
        connection.execute(insert(epochs_table), epochs)
