"""Invented states of a search, for tests of what is shown of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from optuna.trial import TrialState

from search.runs.snapshot import RunningTrial, Snapshot
from studies.pareto import FrontPoint
from studies.summaries import TrialSummary
from studies.trials import TRAINED, Outcome


def finished(number: int, outcome: Outcome, *, accuracy: float | None = 0.9876, seconds: float = 61.0) -> TrialSummary:
    return TrialSummary(
        number=number,
        trial_id=number,
        state=TrialState.FAIL if outcome == Outcome.FAILED else TrialState.PRUNED,
        outcome=outcome,
        num_params=1_234,
        val_accuracy=accuracy,
        num_epochs=4,
        seconds=seconds,
        engine="torch on cpu",
    )


def snapshot(
    trials: Sequence[TrialSummary] = (),
    *,
    running: Sequence[RunningTrial] = (),
    num_workers: int = 2,
    front: Sequence[FrontPoint] = (),
) -> Snapshot:
    return Snapshot(
        num_trials=12,
        counts=Counter(trial.outcome for trial in trials),
        finished=trials,
        trained_seconds=sum(trial.seconds for trial in trials if trial.outcome in TRAINED),
        running=running,
        num_workers=num_workers,
        front=front,
        seconds=75.0,
        budget=8_000,
    )


def running(number: int, curve: Sequence[float] = ()) -> RunningTrial:
    return RunningTrial(number, "8s:br p 12v:br gap fc10+", 1_234, curve)


FULL = replace(
    snapshot(
        [
            finished(0, Outcome.COMPLETE),
            finished(1, Outcome.PRUNED),
            finished(2, Outcome.REJECTED),
            finished(3, Outcome.DIVERGED, accuracy=None),
        ],
        running=[running(4), running(5, [0.5, 0.95, 0.98])],
        front=[FrontPoint(0, 1_234, 0.9876, "4s:br gap fc10+"), FrontPoint(9, 2_345, 0.9912, "8s:br gap fc10+")],
    ),
    counts=Counter({Outcome.COMPLETE: 1, Outcome.PRUNED: 1, Outcome.REJECTED: 444, Outcome.DIVERGED: 1}),
)
