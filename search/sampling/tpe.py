"""TPE on a bounded number of trials, so that asking takes no longer with ten thousand than with some hundreds."""

import math
import warnings
from collections.abc import Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from space.search_space import SearchSpace
from studies.pareto import pareto_front
from studies.storage import DIRECTIONS
from studies.study import Suggestion
from studies.summaries import TrialSummaries, TrialSummary
from studies.trials import Outcome

STARTUP_TRIALS = 10
"""Number of random trials before TPE has enough to learn from."""
MAX_TRIALS = 150
"""Largest number of trials that TPE learns from, as its time grows with them (docs/decisions.md)."""
KEPT_TRIALS = 100
"""Number of trials that are kept when there are more: half of them the best, half the latest."""

_LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


class BoundedTpe:
    """TPE over all parameters jointly (Bergstra et al. 2011; multivariate as in Falkner et al., arXiv:1807.01774).

    It learns from a copy of the study in memory, which each call of `suggest` updates with what `TrialSummaries` found.
    """

    def __init__(self, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            warnings.simplefilter("ignore", FutureWarning)  # gamma will be removed in Optuna 6
            self._sampler = TPESampler(
                multivariate=True, n_startup_trials=STARTUP_TRIALS, gamma=num_good_trials, seed=seed
            )
        self._num_seen = 0
        self._copy = self._new_copy([])

    def suggest(self, trials: TrialSummaries, space: SearchSpace, *, epochs: int) -> Suggestion:
        """Return the next candidate. TPE learns from the trials that have ended, and avoids those in training."""
        self._learn(trials)
        trial = self._copy.ask()
        candidate = space.suggest_candidate(trial, epochs=epochs)
        self._copy.tell(trial, state=TrialState.FAIL)  # TPE ignores failed trials
        return Suggestion(trial.params, trial.distributions, candidate)

    def _learn(self, trials: TrialSummaries) -> None:
        """Add to the copy what has ended, and what has begun, since the last call."""
        new = [trial for trial in trials.ended[self._num_seen :] if trial.state in _LEARNT_FROM]
        self._num_seen = len(trials.ended)
        if self._num_learnt + len(new) <= MAX_TRIALS:
            self._copy.add_trials(trials.read([trial.trial_id for trial in new]))
            self._num_learnt += len(new)
        else:
            chosen = _most_instructive([trial for trial in trials.ended if trial.state in _LEARNT_FROM])
            self._copy = self._new_copy(trials.read([trial.trial_id for trial in chosen]))
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


def _most_instructive(ended: Sequence[TrialSummary]) -> list[TrialSummary]:
    """Return at most `KEPT_TRIALS`: the front, the front of the rest and so on, and the latest trials."""
    kept: set[int] = set()
    # Duplicates are complete too, but equal to another trial in the list.
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE and trial.outcome != Outcome.DUPLICATE]
    rest = {point.trial: point for point in (trial.front_point for trial in complete)}
    while len(kept) < KEPT_TRIALS // 2 and (front := [point.trial for point in pareto_front(rest.values())]):
        kept.update(front[: KEPT_TRIALS // 2 - len(kept)])
        for number in front:
            del rest[number]
    latest = sorted((trial.number for trial in ended if trial.number not in kept), reverse=True)
    kept.update(latest[: KEPT_TRIALS - len(kept)])
    return [trial for trial in ended if trial.number in kept]
