"""What the trials of a search tell the model of errors, each read once after it has ended."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from optuna.trial import TrialState

from search.sampling.instructive import most_instructive
from search.sampling.observation import Observation, observe
from space.candidate import CandidateSpec
from studies.records import read_accuracies
from studies.rivals import TrialCurve
from studies.storage import Store
from studies.summaries import TrialSummaries, TrialSummary
from studies.trials import Outcome, candidate_of

MAX_OBSERVATIONS = 250
"""Largest number of trials that the model learns from, as its time grows with their third power."""
KEPT_OBSERVATIONS = 200
"""Number of trials that are kept when there are more."""

_LEARNT_FROM = (Outcome.COMPLETE, Outcome.PRUNED)


class _Known(NamedTuple):
    """A trial that was trained, to its end or until it was pruned."""

    params: Mapping[str, Any]
    candidate: CandidateSpec
    curve: TrialCurve


class Observations:
    """The observations of a search, as far as its summaries know the trials."""

    def __init__(self, store: Store, trials: TrialSummaries, *, num_epochs: int, num_validation: int) -> None:
        """``num_epochs`` is the length of a whole training, ``num_validation`` the number of validation images."""
        self._store = store
        self._trials = trials
        self._num_epochs = num_epochs
        self._num_validation = num_validation
        self._num_seen = 0
        self._known: dict[int, _Known] = {}

    def read(self) -> list[Observation]:
        """Return what ended trials showed, at most `MAX_OBSERVATIONS` of them, and then the trials in training."""
        ended = self._trials.ended
        new = [trial for trial in ended[self._num_seen :] if trial.outcome in _LEARNT_FROM]
        if len(self._known) + len(new) > MAX_OBSERVATIONS:
            learnt_from = [trial for trial in ended if trial.outcome in _LEARNT_FROM]
            chosen = most_instructive(learnt_from, KEPT_OBSERVATIONS)
            self._known = {trial.number: self._known[trial.number] for trial in chosen if trial.number in self._known}
            new = [trial for trial in chosen if trial.number not in self._known]
        self._learn(new)
        self._num_seen = len(ended)  # only now: if a server went away in between, they are read again
        observations = observe(self._known.values(), num_epochs=self._num_epochs, num_validation=self._num_validation)
        return observations + self._in_training()

    def _learn(self, new: list[TrialSummary]) -> None:
        trials = {trial.number: trial for trial in self._trials.read([trial.trial_id for trial in new])}
        accuracies = read_accuracies(self._store.database, self._trials.study_name, list(trials))
        for number, curves in accuracies.items():
            candidate = candidate_of(trials[number])
            self._known[number] = _Known(trials[number].params, candidate, TrialCurve(candidate.num_params, *curves))

    def _in_training(self) -> list[Observation]:
        trials = self._trials.read(list(self._trials.unfinished.values()))
        # Others have ended since the summaries were read.
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        return [Observation(trial.params, candidate_of(trial), log_error=None) for trial in running]
