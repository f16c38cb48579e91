"""A study's trials: their outcomes, and typed access to their user attributes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, cast

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from space.candidate import CandidateSpec
from space.errors import InputError
from studies.pareto import FrontPoint


class Outcome(StrEnum):
    """How a trial ended; stored as the user attribute ``outcome`` and as the state of the trial's slot."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    REJECTED = "rejected"
    """The candidate is over the budget and was never built."""
    DUPLICATE = "duplicate"
    """The candidate equals that of a trained trial, whose number is in ``duplicate_of``."""
    INTERRUPTED = "interrupted"
    """The trial was interrupted, or its worker was lost."""


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
    """Number of random draws over the budget before this candidate, for which no trials were created."""
    outcome: Outcome
    reason: str
    """Why the trial ended, if it was not trained to its end."""
    duplicate_of: int
    num_epochs: int
    seconds: float
    """Training time in seconds."""
    val_accuracy: float
    """Validation accuracy after the last epoch, also for pruned and diverged trials."""
    val_accuracy_spread: float
    """Highest minus lowest validation accuracy of the last three epochs."""
    weights: str
    """ID of the artifact that holds the model."""
    weights_sha256: str
    """SHA-256 of that artifact; missing in trials from before hashes were kept."""


class CurveAttributes(TypedDict):
    """All user attributes of a trial in a ``.curves`` study."""

    trial: int
    """Number of the trial in the search's own study."""
    notation: str
    placeholder: NotRequired[str]
    """Why there is no curve; only in trials that just keep a number."""


def attributes_of(trial: FrozenTrial | Trial) -> TrialAttributes:
    return cast(TrialAttributes, trial.user_attrs)


def curve_attributes_of(trial: FrozenTrial) -> CurveAttributes:
    return cast(CurveAttributes, trial.user_attrs)


def write_attributes(trial: Trial, attributes: TrialAttributes) -> None:
    for name, value in attributes.items():
        trial.set_user_attr(name, value)


def outcome_of(trial: FrozenTrial) -> Outcome | None:
    """Return how the trial ended, or None if it is still running."""
    if trial.state == TrialState.FAIL:
        return Outcome.INTERRUPTED
    outcome = attributes_of(trial).get("outcome")
    return Outcome(outcome) if outcome and trial.state.is_finished() else None


def candidate_of(trial: FrozenTrial) -> CandidateSpec:
    return CandidateSpec.from_json(attributes_of(trial)["candidate"])


def check_exists(trials: Sequence[FrozenTrial], study_name: str, number: int) -> None:
    """Raise `InputError` if the study has no trial with this number; ``trials`` must be all its trials."""
    if not 0 <= number < len(trials):
        known = f"its trials are numbered 0 to {len(trials) - 1}" if trials else "it has none yet"
        raise InputError(f"study {study_name!r} has no trial {number}; {known}")


def front_point(trial: FrozenTrial) -> FrontPoint:
    val_accuracy, num_params = trial.values
    return FrontPoint(trial.number, int(num_params), val_accuracy, attributes_of(trial)["notation"])


def finished_trials(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def find_trained(trials: Iterable[FrozenTrial], candidate: CandidateSpec) -> FrozenTrial | None:
    """Return the first of ``trials`` that trained an equal candidate, or None."""
    key = candidate.key
    for trial in trials:
        if attributes_of(trial).get("candidate_key") == key and outcome_of(trial) in TRAINED:
            return trial
    return None


def count_outcomes(trials: Iterable[FrozenTrial]) -> Counter[Outcome]:
    """Count trials by outcome. Candidates that random sampling redrew without creating a trial count as rejected."""
    counts: Counter[Outcome] = Counter()
    for trial in trials:
        if outcome := outcome_of(trial):
            counts[outcome] += 1
        counts[Outcome.REJECTED] += attributes_of(trial).get("num_redrawn", 0)
    return counts
