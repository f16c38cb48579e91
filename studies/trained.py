"""What the trained trials of a study were and how they went, read for some of them with SQL alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Engine

from space.candidate import CandidateSpec
from studies.damage import damaged, reading
from studies.frozen_trials import CHUNK
from studies.records import read_accuracies
from studies.rivals import TrialCurve
from studies.tables import optuna_attributes, optuna_studies, optuna_trials, trial_slots
from studies.trials import Outcome


@dataclass(frozen=True, slots=True)
class TrainedTrial:
    candidate: CandidateSpec
    curve: TrialCurve


def trained_numbers(database: Engine, study_name: str) -> dict[int, Outcome]:
    """Return the outcomes of the complete and the pruned trials of a study, by their numbers, in order."""
    slot = trial_slots.c
    outcomes = (Outcome.COMPLETE, Outcome.PRUNED)
    query = (
        select(slot.trial_number, slot.state)
        .where(slot.study_name == study_name, slot.state.in_(outcomes))
        .order_by(slot.trial_number)
    )
    what = f"table trial_slots of study {study_name!r}"
    with reading(database, what), database.connect() as connection:
        return {int(number): Outcome(state) for number, state in connection.execute(query)}


def read_trained(database: Engine, study_name: str, numbers: Sequence[int]) -> dict[int, TrainedTrial]:
    """Return trained trials by their numbers.

    Raises `DamagedStoreError` if one of them is not there or holds something that can't be.
    """
    texts: dict[int, str] = {}
    query = (
        select(optuna_trials.c.number, optuna_attributes.c.value_json)
        .join(optuna_studies, optuna_studies.c.study_id == optuna_trials.c.study_id)
        .join(optuna_attributes, optuna_attributes.c.trial_id == optuna_trials.c.trial_id)
        .where(optuna_studies.c.study_name == study_name, optuna_attributes.c.key == "candidate")
    )
    with database.connect() as connection:
        for first in range(0, len(numbers), CHUNK):
            chunk = optuna_trials.c.number.in_(numbers[first : first + CHUNK])
            texts |= {row.number: row.value_json for row in connection.execute(query.where(chunk))}
    accuracies = read_accuracies(database, study_name, numbers)
    trained = {}
    for number in numbers:
        what = f"trial {number} of study {study_name!r}"
        if number not in texts:
            raise damaged(database, f"{what}: it has no user attribute 'candidate'")
        if number not in accuracies:
            raise damaged(database, f"table epochs has no epoch of {what}")
        with reading(database, f"{what}: its candidate"):
            candidate = CandidateSpec.from_json(json.loads(texts[number]))
        with reading(database, f"an epoch of {what}"):
            curve = TrialCurve(candidate.num_params, *(tuple(map(float, values)) for values in accuracies[number]))
        trained[number] = TrainedTrial(candidate, curve)
    return trained
