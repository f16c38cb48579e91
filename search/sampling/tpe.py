"""TPE on a bounded number of trials, so that asking takes no longer with ten thousand than with some hundreds."""

import math
import warnings
from collections.abc import Iterable, Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from space.search_space import SearchSpace
from studies.pareto import pareto_front
from studies.storage import DIRECTIONS
from studies.study import Suggestion
from studies.trials import attributes_of, front_point

STARTUP_TRIALS = 10
"""Number of random trials before TPE has enough to learn from."""
MAX_TRIALS = 150
"""Largest number of trials that TPE learns from, as its time grows with them (docs/decisions.md)."""
KEPT_TRIALS = 100
"""Number of trials that are kept when there are more: half of them the best, half the latest."""


class BoundedTpe:
    """TPE over all parameters jointly (Bergstra et al. 2011; multivariate as in Falkner et al., arXiv:1807.01774).

    It learns from a copy of the study in memory, which each call of `suggest` updates.
    """

    def __init__(self, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.simplefilter("ignore", FutureWarning)  # gamma will be removed in Optuna 6
            self._sampler = TPESampler(
                multivariate=True, n_startup_trials=STARTUP_TRIALS, gamma=num_good_trials, seed=seed
            )
        self._known: set[int] = set()
        self._copy = self._new_copy([])

    def suggest(self, trials: Iterable[FrozenTrial], space: SearchSpace, *, epochs: int) -> Suggestion:
        """Return the next candidate. ``trials`` are all trials of the study; TPE learns from the finished ones."""
        finished = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
        new = [trial for trial in finished if trial.number not in self._known]
        self._known |= {trial.number for trial in new}
        if len(self._copy.get_trials(deepcopy=False)) + len(new) <= MAX_TRIALS:
            self._copy.add_trials(new)
        else:
            self._copy = self._new_copy(_most_instructive(finished))
        trial = self._copy.ask()
        candidate = space.suggest_candidate(trial, epochs=epochs)
        self._copy.tell(trial, state=TrialState.FAIL)  # TPE ignores failed trials
        return Suggestion(trial.params, trial.distributions, candidate)

    def _new_copy(self, trials: Sequence[FrozenTrial]) -> Study:
        study = optuna.create_study(directions=DIRECTIONS, sampler=self._sampler)
        study.add_trials(trials)
        return study


def num_good_trials(num_trials: int) -> int:
    """Return the number of good trials near which TPE samples.

    TPE's default is a tenth: one or two in a short study, chosen by the volume that they dominate, which are always
    small nets. A third is about the whole front.
    """
    return min(math.ceil(num_trials / 3), 25)


def _most_instructive(finished: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return at most `KEPT_TRIALS`, in order: the front, the front of the rest and so on, and the latest trials."""
    kept: set[int] = set()
    rest = {point.trial: point for point in map(front_point, _complete(finished))}
    while len(kept) < KEPT_TRIALS // 2 and (front := [point.trial for point in pareto_front(rest.values())]):
        kept.update(front[: KEPT_TRIALS // 2 - len(kept)])
        for number in front:
            del rest[number]
    latest = [trial.number for trial in reversed(finished) if trial.number not in kept]
    kept.update(latest[: KEPT_TRIALS - len(kept)])
    return [trial for trial in finished if trial.number in kept]


def _complete(finished: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    # Duplicates are complete too, but equal to another trial in the list.
    return [
        trial for trial in finished if trial.state == TrialState.COMPLETE and "duplicate_of" not in attributes_of(trial)
    ]
