"""A study's trials: their outcomes, and typed access to their user attributes."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, cast, get_type_hints

from optuna.exceptions import StorageInternalError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from space.candidate import CandidateSpec
from space.errors import InputError, SearchError
from space.limits import DeviceLimits
from space.results import EpochResult
from studies.damage import damaged, described, reading, shown, trial_ids, unreadable_attribute
from studies.frozen_trials import read_frozen_trials
from studies.pareto import FrontPoint
from studies.storage import Store


class Outcome(StrEnum):
    """How a trial ended; stored as the user attribute ``outcome`` and as the state of the trial's slot."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    REJECTED = "rejected"
    """The candidate is over the budget or a limit of the device, and was never built."""
    DUPLICATE = "duplicate"
    """The candidate equals that of a trained trial, whose number is in ``duplicate_of``."""
    FAILED = "failed"
    """The trial was given up: it lost several workers, or was lost before it began. Earlier versions gave all up."""


TRAINED = (Outcome.COMPLETE, Outcome.PRUNED, Outcome.DIVERGED)


class TrialAttributes(TypedDict, total=False):
    """All user attributes of a search's trial."""

    num_params: int
    notation: str
    candidate: dict[str, Any]
    """Output of `CandidateSpec.to_json`; only for trials that train."""
    candidate_key: str
    run: dict[str, Any]
    """Settings that may differ between calls on one study: sampler, pruner, device, engine, workers, timeout."""
    seed: int
    warm_start: str
    """The known net that the candidate is near, if it was queued."""
    num_redrawn: int
    """Number of random draws over the budget or a limit before this candidate, for which no trials were created."""
    outcome: Outcome
    reason: str
    """Why the trial ended, if it was not trained to its end."""
    duplicate_of: int
    num_epochs: int
    seconds: float
    """Training time in seconds."""
    val_accuracy: float
    """Validation accuracy after the last epoch, also for pruned and diverged trials."""
    val_balanced_accuracy: float
    """Mean of the accuracies on each class after the last epoch; missing in trials of earlier versions."""
    val_plain_accuracy: float
    """Share of the images that are right, in a study whose val_accuracy is balanced accuracy."""
    val_accuracy_spread: float
    """Highest minus lowest validation accuracy of the last three epochs."""
    weights: str
    """ID of the artifact that holds the model."""
    weights_sha256: str
    """SHA-256 of that artifact; missing in trials from before hashes were kept."""


_ALWAYS = ("num_params", "notation", "candidate", "candidate_key", "run", "seed", "num_epochs", "seconds")
_REQUIRED: dict[Outcome, tuple[str, ...]] = {
    Outcome.COMPLETE: (*_ALWAYS, "val_accuracy"),
    Outcome.PRUNED: _ALWAYS,
    Outcome.DIVERGED: _ALWAYS,
    Outcome.DUPLICATE: ("num_params", "notation", "duplicate_of"),
}
"""User attributes that every trial of an outcome has."""
_TYPES: dict[str, type] = get_type_hints(TrialAttributes)
_TOLD = (TrialState.COMPLETE.name, TrialState.PRUNED.name)
"""States of trials that ended with an outcome."""
_STATES: dict[Outcome, tuple[str, ...]] = {
    Outcome.COMPLETE: (TrialState.COMPLETE.name,),
    Outcome.DUPLICATE: _TOLD,  # the state of the original
}
"""The states that a trial of an outcome may have; of the other outcomes, it is `TrialState.PRUNED`."""


class CurveAttributes(TypedDict):
    """All user attributes of a trial in a ``.curves`` study."""

    trial: int
    """Number of the trial in the search's own study."""
    notation: str
    placeholder: NotRequired[str]
    """Why there is no curve; only in trials that just keep a number."""


def read_trials(store: Store, study: Study) -> list[FrozenTrial]:
    """Return the trials of a search by their numbers.

    Raises `DamagedStoreError`, naming the trial, if one of them lacks something or holds something that can't be.
    """
    trials = _all_trials(store, study)
    checked = store.checked.setdefault(study._study_id, set())
    for number, trial in enumerate(trials):
        if trial.number != number:
            raise damaged(store.database, f"trial {number} of study {study.study_name!r} is missing")
        if number not in checked:
            _check(store, study, trial)
            if trial.state.is_finished():
                checked.add(number)
    return trials


def read_trial(store: Store, study_name: str, number: int) -> FrozenTrial:
    """Return one trial of a search, whether or not its other trials can be read.

    Raises `InputError` if there is no such trial, and `DamagedStoreError` as `read_trials` does.
    """
    study = store.load_study(study_name)
    try:
        trial_id = store.storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    except (KeyError, OverflowError):  # SQLite has no numbers of more than 64 bits
        ids = trial_ids(store.database, study._study_id)
        known = f"its trials are numbered 0 to {max(ids)}" if ids else "it has none yet"
        raise InputError(f"study {study_name!r} has no trial {number}; {known}") from None
    trial = _one_trial(store, study, number, trial_id)
    _check(store, study, trial)
    if "candidate" in attributes_of(trial):
        _check_candidate(store, study_name, trial)
    return trial


def complete_trial(store: Store, study_name: str, number: int) -> FrozenTrial:
    """Return a trial that has a model of its own. Raises `InputError` if there is no such trial, or it has none."""
    trial = _not_a_duplicate(read_trial(store, study_name, number))
    if (outcome := outcome_of(trial)) != Outcome.COMPLETE:
        raise InputError(f"trial {number} was not completed ({outcome or 'running'}), so it has no weights")
    return trial


def trained_trial(store: Store, study_name: str, number: int) -> FrozenTrial:
    """Return a trial that has a candidate of its own. Raises `InputError` if there is no such trial, or it has none."""
    trial = _not_a_duplicate(read_trial(store, study_name, number))
    if "candidate" not in attributes_of(trial):
        raise InputError(f"trial {number} was never trained ({outcome_of(trial) or 'running'})")
    return trial


def _not_a_duplicate(trial: FrozenTrial) -> FrozenTrial:
    if outcome_of(trial) == Outcome.DUPLICATE:
        raise InputError(f"trial {trial.number} is equal to trial {attributes_of(trial)['duplicate_of']}: use that one")
    return trial


def some_trials(store: Store, study: Study, ids: Sequence[int]) -> list[FrozenTrial]:
    """Return some trials of a study, as they are, by their numbers. Raises `DamagedStoreError` if one is no trial."""
    with _naming_unreadable(store, study):
        return read_frozen_trials(store.database, study._study_id, ids)


def _all_trials(store: Store, study: Study) -> list[FrozenTrial]:
    with _naming_unreadable(store, study):
        return read_frozen_trials(store.database, study._study_id) or store.load_study(study.study_name).get_trials()


@contextmanager
def _naming_unreadable(store: Store, study: Study) -> Iterator[None]:
    """Raise `DamagedStoreError` for the trial that can't be read, if one can't."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, SearchError):
        raise
    except Exception:  # whatever Optuna makes of content that it did not write
        ids = trial_ids(store.database, store.load_study(study.study_name)._study_id)
        for number, trial_id in ids.items():
            _one_trial(store, study, number, trial_id)
        raise


def _one_trial(store: Store, study: Study, number: int, trial_id: int) -> FrozenTrial:
    try:
        return store.storage.get_trial(trial_id)
    except (StorageInternalError, SearchError):
        raise
    except Exception as error:
        problem = unreadable_attribute(store.database, trial_id) or described(error)
        raise damaged(store.database, f"trial {number} of study {study.study_name!r}: {problem}") from None


def _check(store: Store, study: Study, trial: FrozenTrial) -> None:
    if problem := _problem_of(trial):
        raise damaged(store.database, f"trial {trial.number} of study {study.study_name!r}: {problem}")


def _check_candidate(store: Store, study_name: str, trial: FrozenTrial) -> None:
    """Takes too long for all trials of a study each time that they are read."""
    what = f"trial {trial.number} of study {study_name!r}: its candidate"
    with reading(store.database, what):
        candidate = candidate_of(trial)
    attributes = attributes_of(trial)
    if (candidate.num_params, candidate.key) != (attributes["num_params"], attributes["candidate_key"]):
        raise damaged(
            store.database,
            f"{what} has {candidate.num_params:,} parameters and the key {candidate.key}, not "
            f"{attributes['num_params']:,} and {shown(attributes['candidate_key'])}",
        )


def attributes_of(trial: FrozenTrial | Trial) -> TrialAttributes:
    return cast(TrialAttributes, trial.user_attrs)


def write_attributes(trial: Trial, attributes: TrialAttributes) -> None:
    for name, value in attributes.items():
        trial.set_user_attr(name, value)


def outcome_of(trial: FrozenTrial) -> Outcome | None:
    """Return how the trial ended, or None if it is still running."""
    if trial.state == TrialState.FAIL:
        return Outcome.FAILED
    outcome = attributes_of(trial).get("outcome")
    return Outcome(outcome) if outcome and trial.state.is_finished() else None


def attributes_of_curve(curve: Sequence[EpochResult], *, with_spread: bool) -> TrialAttributes:
    """Return the user attributes that follow from a trial's epochs."""
    attributes: TrialAttributes = {
        "num_epochs": len(curve),
        "seconds": sum(result.seconds for result in curve),
    }
    if curve:
        attributes["val_accuracy"] = curve[-1].val_accuracy
        if curve[-1].val_balanced_accuracy is not None:
            attributes["val_balanced_accuracy"] = curve[-1].val_balanced_accuracy
    if with_spread:
        last = [result.val_accuracy for result in curve[-3:]]
        attributes["val_accuracy_spread"] = max(last) - min(last)
    return attributes


def constraints_of(candidate: CandidateSpec, budget: int, limits: DeviceLimits) -> dict[str, float]:
    """Return by how much a candidate violates the budget and each limit; what is at most 0 is no violation."""
    return {"budget": candidate.num_params / budget - 1, **limits.excesses(candidate.architecture)}


def why_rejected(candidate: CandidateSpec, budget: int, limits: DeviceLimits) -> str:
    is_over = candidate.num_params > budget
    reasons = [f"{candidate.num_params:,} parameters are over the budget of {budget:,}"] if is_over else []
    return "; ".join(reasons + limits.broken(candidate.architecture))


def candidate_of(trial: FrozenTrial) -> CandidateSpec:
    return CandidateSpec.from_json(attributes_of(trial)["candidate"])


def front_point(trial: FrozenTrial) -> FrontPoint:
    val_accuracy, num_params = trial.values
    return FrontPoint(trial.number, int(num_params), val_accuracy, attributes_of(trial)["notation"])


def broken_attribute(name: str, value: object) -> str | None:
    """Return what is wrong with the value of a user attribute, or None if nothing is."""
    rule = _broken_rule(value, _TYPES[name]) if name in _TYPES else None
    return None if rule is None else f"its user attribute {name!r} must be {rule}, not {shown(value)}"


def find_problem(state: str, attributes: Mapping[str, Any], known: Collection[str] = _TYPES.keys()) -> str | None:
    """Return what the user attributes of a trial lack or contradict, each of them sound, or None if that is nothing.

    ``state`` is the name of the trial's state in Optuna; ``known`` names the attributes that were read.
    """
    if state not in _TOLD:
        return None
    if "outcome" not in attributes:
        return "it has no user attribute 'outcome'"
    outcome = attributes["outcome"]
    for name in _REQUIRED.get(outcome, ()):
        if name not in attributes and name in known:
            return f"it has no user attribute {name!r}"
    if outcome in TRAINED and not ("engine" in attributes["run"] and "device" in attributes["run"]):
        return "its user attribute 'run' has no engine or device"
    if "duplicate_of" in known and ("duplicate_of" in attributes) != (outcome == Outcome.DUPLICATE):
        return "it has a user attribute 'duplicate_of' and is no duplicate"
    if state not in _STATES.get(outcome, (TrialState.PRUNED.name,)):
        return f"its outcome is {outcome}, its state {state}"
    return None


def _problem_of(trial: FrozenTrial) -> str | None:
    """Return what a trial lacks or holds that can't be, or None if it is sound."""
    for name in sorted(trial.user_attrs):
        if problem := broken_attribute(name, trial.user_attrs[name]):
            return problem
    if problem := find_problem(trial.state.name, trial.user_attrs):
        return problem
    return _problem_of_values(trial) if trial.state.name in _TOLD else None


def _problem_of_values(trial: FrozenTrial) -> str | None:
    """A complete trial has the objectives that its user attributes say."""
    values = trial.values
    if trial.state == TrialState.COMPLETE and (values is None or len(values) != 2):
        return f"it is complete and has the objectives {shown(values)}"
    if outcome_of(trial) == Outcome.COMPLETE:
        stated = [trial.user_attrs["val_accuracy"], trial.user_attrs["num_params"]]
        if values != stated:
            return f"its objectives are {shown(values)}, its user attributes say {shown(stated)}"
    return None


def _broken_rule(value: object, kind: type) -> str | None:
    if kind is int:
        return None if type(value) is int and value >= 0 else "a whole number of at least 0"
    if kind is float:
        is_number = type(value) in (int, float) and math.isfinite(cast(float, value)) and cast(float, value) >= 0
        return None if is_number else "a number of at least 0"
    if kind is Outcome:
        return None if value in tuple(Outcome) else f"one of {', '.join(Outcome)}"
    if kind is str:
        return None if isinstance(value, str) else "text"
    return None if isinstance(value, dict) else "a JSON object"
