"""Checks that our tables and the trials of a study fit together."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial
from sqlalchemy.engine import Engine

from space.results import EpochResult
from studies.damage import damaged
from studies.slots import TrialSlots
from studies.storage import Store
from studies.summaries import TrialSummaries
from studies.trials import TRAINED, attributes_of


def check_slots(store: Store, summaries: TrialSummaries) -> None:
    """Raise `DamagedStoreError` if a trained trial has no slot, or a slot's trial is not there or was not trained.

    Workers may go on meanwhile: a slot names a trial only once that has begun, and is trained only once that has ended.
    """
    database, name = store.database, summaries.study_name
    slots = TrialSlots(database, name)
    before = slots.read()
    summaries.update()
    outcomes = {trial.number: trial.outcome for trial in summaries.ended}
    for slot in before:
        number = slot.trial_number
        if number is not None and not 0 <= number < summaries.num_trials:
            raise damaged(database, f"study {name!r} has no trial {number}, which table trial_slots has")
        outcome = None if number is None else outcomes.get(number)
        if slot.state in TRAINED and slot.state != outcome:
            state = f"{slot.state} in table trial_slots and {outcome or 'not trained'} in Optuna's tables"
            raise damaged(database, f"trial {number} of study {name!r} is {state}")
    numbers = {slot.trial_number for slot in slots.read()}
    for trial in summaries.ended:
        if trial.outcome in TRAINED and trial.number not in numbers:
            raise damaged(database, f"trial {trial.number} of study {name!r} is not in table trial_slots")


def check_num_epochs(database: Engine, study_name: str, trial: FrozenTrial, epochs: Sequence[EpochResult]) -> None:
    """Raise `DamagedStoreError` unless all epochs of a trained trial are there."""
    stated = attributes_of(trial)["num_epochs"]
    if [result.epoch for result in epochs] != list(range(1, stated + 1)):
        raise damaged(
            database,
            f"table epochs has {len(epochs)} of the {stated} epochs of trial {trial.number} of study {study_name!r}",
        )
