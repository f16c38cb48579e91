"""TPE on a bounded number of trials, so that asking takes no longer with ten thousand than with some hundreds."""

import math
import random
import warnings
from collections.abc import Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.sampling.draws import STARTUP_TRIALS, draw_startup
from search.sampling.instructive import most_instructive
from space.limits import NO_LIMITS, DeviceLimits
from space.search_space import SearchSpace
from studies.storage import DIRECTIONS
from studies.study import Suggestion
from studies.summaries import TrialSummaries

MAX_TRIALS = 150
"""Largest number of trials that TPE learns from, as its time grows with them (docs/decisions.md)."""
KEPT_TRIALS = 100
"""Number of trials that are kept when there are more."""

_LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


class BoundedTpe:
    """TPE over all parameters jointly (Bergstra et al. 2011; multivariate as in Falkner et al., arXiv:1807.01774).

    It learns from a copy of the study in memory, which each call of `suggest` updates with what `TrialSummaries` found.
    """

    def __init__(
        self, space: SearchSpace, budget: int, *, epochs: int, seed: int, limits: DeviceLimits = NO_LIMITS
    ) -> None:
        self._space = space
        self._budget = budget
        self._epochs = epochs
        self._limits = limits
        self._generator = random.Random(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.simplefilter("ignore", FutureWarning)  # gamma will be removed in Optuna 6
            self._sampler = TPESampler(
                multivariate=True, n_startup_trials=STARTUP_TRIALS, gamma=num_good_trials, seed=seed
            )
        self._num_seen = 0
        self._copy = self._new_copy([])

    def suggest(self, trials: TrialSummaries, *, is_first: bool) -> Suggestion:
        """Return the next candidate. TPE learns from the trials that have ended, and avoids those in training.

        It starts from `STARTUP_TRIALS` random growing nets. Finding one takes many draws, so that it is tried only if
        ``is_first``, when this is not about another candidate in place of one that was rejected.
        """
        # Known nets do not replace startup trials, which spread over sizes: they may all have one size.
        if is_first and (number := trials.num_trials - trials.num_warm_started) < STARTUP_TRIALS:
            drawn = draw_startup(
                self._space, self._budget, self._generator, number, epochs=self._epochs, limits=self._limits
            )
            if drawn is not None:
                return drawn
        self._learn(trials)
        trial = self._copy.ask()
        candidate = self._space.suggest_candidate(trial, epochs=self._epochs)
        self._copy.tell(trial, state=TrialState.FAIL)  # TPE ignores failed trials
        return Suggestion(trial.params, trial.distributions, candidate)

    def _learn(self, trials: TrialSummaries) -> None:
        """Add to the copy what has ended, and what has begun, since the last call."""
        new = [trial for trial in trials.ended[self._num_seen :] if trial.state in _LEARNT_FROM]
        if self._num_learnt + len(new) <= MAX_TRIALS:
            self._copy.add_trials(trials.read([trial.trial_id for trial in new]))
            self._num_learnt += len(new)
        else:
            learnt_from = [trial for trial in trials.ended if trial.state in _LEARNT_FROM]
            chosen = most_instructive(learnt_from, KEPT_TRIALS)
            self._copy = self._new_copy(trials.read([trial.trial_id for trial in chosen]))
        self._num_seen = len(trials.ended)  # only now: if a server went away in between, they are read again
        for number in self._running.keys() - trials.unfinished.keys():
            self._copy._storage.set_trial_state_values(self._running.pop(number), TrialState.FAIL)
        begun = [trial_id for number, trial_id in trials.unfinished.items() if number not in self._running]
        # Without these, several workers would find much the same candidates (constant liar, as Optuna calls it).
        for trial in trials.read(begun):
            if trial.state == TrialState.RUNNING:  # others have ended since the summaries were read
                self._copy.add_trial(trial)
                self._running[trial.number] = self._copy.get_trials(deepcopy=False)[-1]._trial_id

    def _new_copy(self, trials: Sequence[FrozenTrial]) -> Study:
        study = optuna.create_study(directions=DIRECTIONS, sampler=self._sampler)
        study.add_trials(trials)
        self._num_learnt = len(trials)
        self._running: dict[int, int] = {}
        """Ids in the copy of the trials that others are training, by their numbers in the study."""
        return study


def num_good_trials(num_trials: int) -> int:
    """Return the number of good trials near which TPE samples.

    TPE's default is a tenth: one or two in a short study, chosen by the volume that they dominate, which are always
    small nets. A third is about the whole front.
    """
    return min(math.ceil(num_trials / 3), 25)
