"""The studies of a store, with what a person wants to know of each, and deleting one with all that belongs to it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from studies.activity import check_idle
from studies.artifacts import confirmed_file
from studies.creation import discard
from studies.fingerprints import read_fingerprint
from studies.pareto import FrontPoint, most_accurate
from studies.records import read_front
from studies.slots import TrialSlots
from studies.storage import Store
from studies.tables import confirmation_trainings, optuna_attributes, optuna_trials, trial_slots


@dataclass(frozen=True, slots=True)
class ListedStudy:
    name: str
    dataset: str | None
    budget: int | None
    trials: int
    """Number of trained trials."""
    best: FrontPoint | None
    last_change: datetime | None
    """When a worker last gave a sign of life; None if none ever did."""
    artifact_bytes: int
    """Size of its model files and checkpoints."""


def list_studies(store: Store) -> list[ListedStudy]:
    """Return the studies of a store by their names."""
    return [list_study(store, name) for name in store.study_names()]


def list_study(store: Store, name: str) -> ListedStudy:
    fingerprint = read_fingerprint(store, name) or {}
    with store.database.connect() as connection:
        query = select(func.max(trial_slots.c.heartbeat)).where(trial_slots.c.study_name == name)
        last = connection.scalar(query)
    return ListedStudy(
        name=name,
        dataset=fingerprint.get("dataset"),
        budget=fingerprint.get("budget"),
        trials=TrialSlots(store.database, name).num_trained(),
        best=most_accurate(read_front(store.database, name)),
        last_change=None if last is None else datetime.fromtimestamp(last, UTC),
        artifact_bytes=sum(artifact_sizes(store, name).values()),
    )


def artifact_sizes(store: Store, name: str) -> dict[str, int]:
    """Return the sizes in bytes of the files of a study's trials, confirmation and unfinished trainings, by name."""
    weights = (
        select(optuna_attributes.c.value_json)
        .join(optuna_trials, optuna_trials.c.trial_id == optuna_attributes.c.trial_id)
        .where(optuna_trials.c.study_id == store.load_study(name)._study_id, optuna_attributes.c.key == "weights")
    )
    trainings = confirmation_trainings.c
    confirmed = select(trainings.trial_number, trainings.seed).where(trainings.study_name == name)
    with store.database.connect() as connection:
        names = {text.strip('"') for text in connection.scalars(weights)}
        names |= {confirmed_file(name, trial, seed) for trial, seed in connection.execute(confirmed)}
    return store.artifacts.sizes(names | {*store.artifacts.checkpoints(name).values()})


def delete_study(store: Store, name: str) -> None:
    """Delete a study, its curves and its files; the record of its openings of the test set stays.

    Raises `InputError` while it is searched or confirmed. A call that is killed leaves a study that is gone, whose name
    can be used again, or files that belong to none.
    """
    with store.locks.maintenance():
        check_idle(store, name)
        names = artifact_sizes(store, name)
        discard(store, name)
        store.artifacts.discard(names)
