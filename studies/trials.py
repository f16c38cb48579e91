"""A study's trials: how each ended, and the one reader and writer of their user attributes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TypedDict, cast

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from space.candidate import CandidateSpec
from space.errors import InputError
from studies.pareto import FrontPoint


class Outcome(StrEnum):
    """How a trial ended; stored as the user attribute ``outcome``, and as the state of the slot it was trained in."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    REJECTED = "rejected"
    """Over the budget: never built."""
    DUPLICATE = "duplicate"
    """Equal to a trained trial, whose number is in ``duplicate_of``."""
    FAILED = "failed"
    """Interrupted, or its worker was lost."""


TRAINED = (Outcome.COMPLETE, Outcome.PRUNED, Outcome.DIVERGED)


class TrialAttributes(TypedDict, total=False):
    """Every user attribute of a trial of a search."""

    num_params: int
    notation: str
    candidate: dict[str, Any]
    """`CandidateSpec.to_json`; only of trials that train."""
    candidate_key: str
    run: dict[str, Any]
    """What may differ between calls on one study: sampler, pruner, device, engine, workers, timeout."""
    seed: int
    warm_start: str
    """The known net that the candidate is near, where it was queued."""
    num_redrawn: int
    """Random draws over the budget before this candidate, of which no trials were made."""
    outcome: Outcome
    reason: str
    """Why the trial ended, where it did not train to its end."""
    duplicate_of: int
    num_epochs: int
    seconds: float
    """Training time."""
    val_accuracy: float
    """After the last epoch; of pruned and diverged trials too."""
    val_accuracy_spread: float
    """Highest less lowest of the last three epochs."""
    weights: str
    """The id of the artifact that holds the model."""
    weights_sha256: str
    """Of that file; missing in trials from before hashes were kept."""


class CurveAttributes(TypedDict):
    """Every user attribute of a trial of a ``.curves`` study."""

    trial: int
    """Number of the trial in the search's own study."""
    notation: str


def attributes_of(trial: FrozenTrial) -> TrialAttributes:
    return cast(TrialAttributes, trial.user_attrs)


def curve_attributes_of(trial: FrozenTrial) -> CurveAttributes:
    return cast(CurveAttributes, trial.user_attrs)


def write_attributes(trial: Trial, attributes: TrialAttributes) -> None:
    for name, value in attributes.items():
        trial.set_user_attr(name, value)


def outcome_of(trial: FrozenTrial) -> Outcome | None:
    """None for a trial that is still running."""
    if trial.state == TrialState.FAIL:
        return Outcome.FAILED
    outcome = attributes_of(trial).get("outcome")
    return Outcome(outcome) if outcome and trial.state.is_finished() else None


def candidate_of(trial: FrozenTrial) -> CandidateSpec:
    return CandidateSpec.from_json(attributes_of(trial)["candidate"])


def check_exists(trials: Sequence[FrozenTrial], study_name: str, number: int) -> None:
    """Raises `InputError` where a study has no trial of that number; ``trials`` are all that it has."""
    if not 0 <= number < len(trials):
        known = f"its trials are numbered 0 to {len(trials) - 1}" if trials else "it has none yet"
        raise InputError(f"study {study_name!r} has no trial {number}; {known}")


def front_point(trial: FrozenTrial) -> FrontPoint:
    val_accuracy, num_params = trial.values
    return FrontPoint(trial.number, int(num_params), val_accuracy, attributes_of(trial)["notation"])


def finished_trials(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def find_trained(trials: Iterable[FrozenTrial], candidate: CandidateSpec) -> FrozenTrial | None:
    """The one of a study's trials that trained an equal candidate to its end, if one did."""
    key = candidate.key
    for trial in trials:
        if attributes_of(trial).get("candidate_key") == key and outcome_of(trial) in TRAINED:
            return trial
    return None


def count_outcomes(trials: Iterable[FrozenTrial]) -> Counter[Outcome]:
    """Trials by outcome. Candidates that random sampling redrew without making a trial of them count as rejected."""
    counts: Counter[Outcome] = Counter()
    for trial in trials:
        if outcome := outcome_of(trial):
            counts[outcome] += 1
        counts[Outcome.REJECTED] += attributes_of(trial).get("num_redrawn", 0)
    return counts
