"""The state of a study at one moment of a call, and the time that is left."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from studies.pareto import FrontPoint
from studies.summaries import TrialSummary
from studies.trials import TRAINED, Outcome


@dataclass(frozen=True)
class RunningTrial:
    number: int
    notation: str
    num_params: int
    curve: Sequence[float]
    """Validation accuracy after each finished epoch."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a study at one moment of a call."""

    num_trials: int
    """Number of trained trials at which the search ends."""
    counts: Counter[Outcome]
    finished: Sequence[TrialSummary]
    """Trials that have ended, to which later snapshots only append."""
    trained_seconds: float
    """Training time of all trained trials."""
    running: Sequence[RunningTrial]
    num_workers: int
    front: Sequence[FrontPoint]
    seconds: float
    """Time since the call began."""
    confirm_seconds: float = 0.0
    """Estimated time to confirm the current front; 0 if no confirmation follows."""
    budget: int = 0
    """Largest number of parameters that a net may have."""

    @property
    def num_trained(self) -> int:
        return sum(self.counts[outcome] for outcome in TRAINED)

    @property
    def eta_seconds(self) -> float | None:
        """Estimated time to the end; None before the first trial.

        Assumes that the remaining trials take as long as the trained ones, and the confirmation, if one follows, as
        long as one of the current front.
        """
        if not self.num_trained:
            return None
        mean = self.trained_seconds / self.num_trained
        searching = (self.num_trials - self.num_trained) * mean / max(1, self.num_workers)
        return searching + self.confirm_seconds

    @property
    def eta_range(self) -> tuple[float, float] | None:
        """The times between which the end lies in nineteen of twenty searches; None before the third trial.

        It covers how much single trials differ, and with them the mean of those that are left and of those so far.
        """
        seconds = [trial.seconds for trial in self.finished if trial.outcome in TRAINED]
        num_left = self.num_trials - self.num_trained
        if self.eta_seconds is None or len(seconds) < 3 or num_left <= 0 or not mean(seconds):
            return None
        spread = 2 * stdev(seconds) * math.sqrt(num_left + num_left**2 / len(seconds)) / max(1, self.num_workers)
        return max(0.0, self.eta_seconds - spread), self.eta_seconds + spread
