"""A study as search strategies see it: they begin trials and train them on, by simulation or for real."""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.runs.pruning import should_prune
from space.candidate import CandidateSpec
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from studies.rivals import TrialCurve

Array = NDArray[np.float64]
Params = Mapping[str, Any]
FULL_SCHEDULE = 15


class Epoch(NamedTuple):
    val_accuracy: float
    train_accuracy: float
    seconds: float
    """Processor time that the epoch took."""


@dataclass
class Trial:
    params: Params
    candidate: CandidateSpec
    training: Iterator[Epoch]
    """Trains as it is iterated over."""
    epochs: list[Epoch] = field(default_factory=list)
    """Those that have been trained."""

    @property
    def num_epochs(self) -> int:
        return len(self.epochs)

    @property
    def is_complete(self) -> bool:
        return self.num_epochs == FULL_SCHEDULE

    @property
    def curve(self) -> TrialCurve:
        val_accuracy, train_accuracy, _ = zip(*self.epochs, strict=True)
        return TrialCurve(self.candidate.num_params, val_accuracy, train_accuracy)

    @property
    def error(self) -> float:
        """Validation error after the latest epoch."""
        return 1 - self.epochs[-1].val_accuracy


@dataclass
class StrategyStudy:
    """Counts what training costs, and tells after each part of it how things stand."""

    start: Callable[[CandidateSpec], Iterator[Epoch]]
    """Returns a training that has not begun."""
    space: SearchSpace
    budget: int
    num_validation: int
    random: random.Random
    max_epochs: float = math.inf
    max_seconds: float = math.inf
    after_training: Callable[["StrategyStudy"], None] = lambda _: None
    judge: Callable[["StrategyStudy", Sequence[Trial]], Array] = lambda _, trials: np.log(
        [trial.error for trial in trials]
    )
    """Returns the log errors of full trainings by which the strategy tells which points it puts forward: (N,), as
    measured unless a strategy knows better."""
    trials: list[Trial] = field(default_factory=list)
    num_epochs: int = 0
    seconds: float = 0.0
    """Processor time of all epochs."""

    @property
    def is_over(self) -> bool:
        return self.num_epochs >= self.max_epochs or self.seconds >= self.max_seconds

    @property
    def share_spent(self) -> float:
        """Epochs or seconds that were spent, as a fraction of those that the study has."""
        return max(self.num_epochs / self.max_epochs, self.seconds / self.max_seconds)

    def begin(self, params: Params, candidate: CandidateSpec) -> Trial:
        trial = Trial(params, candidate, self.start(candidate))
        self.trials.append(trial)
        return trial

    def train(self, trial: Trial, up_to: int, *, stop: Callable[[Trial], bool] | None = None) -> None:
        """Train up to an epoch, or until ``stop`` says so after an epoch."""
        while trial.num_epochs < up_to:
            trial.epochs.append(next(trial.training))
            self.num_epochs += 1
            self.seconds += trial.epochs[-1].seconds
            if stop is not None and trial.num_epochs < up_to and stop(trial):
                break
        self.after_training(self)

    def complete(self) -> list[Trial]:
        """Return the trials that were trained in full."""
        return [trial for trial in self.trials if trial.is_complete]

    def is_hopeless(self, trial: Trial) -> bool:
        """Return what the size-aware pruning rule of a search says."""
        rivals = [other.curve for other in self.complete()]
        return should_prune(trial.curve, rivals, num_epochs=FULL_SCHEDULE, num_validation=self.num_validation)

    def draw(self) -> tuple[Params, CandidateSpec]:
        """Draw from the whole space until a candidate is within the budget."""
        while True:
            draw = RandomDraw(self.random)
            candidate = self.space.suggest_candidate(draw, epochs=FULL_SCHEDULE)
            if candidate.num_params <= self.budget:
                return draw.params, candidate
