"""Choosing the next candidate of a search from several sources, new and within the budget."""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from search.sampling.draws import MAX_REJECTIONS, draw_growing, draw_within_budget, too_many_rejections
from search.sampling.tpe import STARTUP_TRIALS, BoundedTpe
from space.search_space import SearchSpace
from studies.slots import Slot
from studies.study import SearchStudy, Suggestion
from studies.trials import TrialAttributes, attributes_of, read_trial

STARTUP_SIZE_RANGE = 16.0
"""Approximate ratio of the largest startup trial's parameters to the smallest's."""
EXPLORE_EVERY = 2
"""After startup, every N-th trial is a random growing net, and TPE proposes the rest. TPE alone drifts to ever smaller
nets, since there is usually room beside them for another one that nothing dominates."""
EXPLORE_SIZE_RANGE = 1.6
"""The ratio of `STARTUP_SIZE_RANGE` for these random nets, which cover the larger sizes."""


@dataclass(frozen=True)
class Proposals:
    """Chooses the candidates that one worker trains."""

    search: SearchStudy
    space: SearchSpace
    budget: int
    num_epochs: int
    is_random: bool
    """Whether all candidates are drawn at random, without TPE."""
    tpe: BoundedTpe
    random: random.Random
    should_stop: Callable[[], bool]

    def find(self, slot: Slot) -> Suggestion | None:
        """Return the candidate to train in a slot, or None if the worker was asked to stop.

        A trial that an earlier version interrupted is repeated. Candidates that are over the budget or equal to a
        trained one are stored as such and do not count. Raises `SearchFailedError` after `MAX_REJECTIONS` of them in a
        row.
        """
        if slot.trial_number is not None:
            return self._repeat(slot.trial_number)
        smallest = sys.maxsize
        for attempt in range(MAX_REJECTIONS):
            self.search.summaries.update()
            if self.should_stop():
                self.search.slots.interrupt(slot)
                return None
            # Finding a growing net takes many draws, so it is tried only once.
            first = (self._queued(slot) or self._draw_growing()) if attempt == 0 else None
            suggestion = first or self._sample()
            num_params = suggestion.candidate.num_params
            if num_params > self.budget:
                self.search.add_rejected(suggestion, self.budget)
            elif (original := self.search.slots.find_trained(suggestion.candidate.key)) is not None:
                self.search.add_duplicate(suggestion, original)
            elif self.search.slots.reserve(slot, suggestion.candidate.key):
                return suggestion
            smallest = min(num_params, smallest)
        raise too_many_rejections(self.budget, smallest)

    def _repeat(self, trial_number: int) -> Suggestion:
        """Return the candidate of a trial that an earlier version interrupted, which made it a failed one."""
        trial = read_trial(self.search.store, self.search.name, trial_number)
        source = attributes_of(trial).get("warm_start")
        attributes: TrialAttributes = {} if source is None else {"warm_start": source}
        return Suggestion.of(trial.params, self.space, epochs=self.num_epochs, attributes=attributes)

    def _queued(self, slot: Slot) -> Suggestion | None:
        """Return the slot's candidate from `--warm-start`, if it has one."""
        if slot.queued is None:
            return None
        source: TrialAttributes = {"warm_start": slot.queued.source}
        return Suggestion.of(slot.queued.params, self.space, epochs=self.num_epochs, attributes=source)

    def _draw_growing(self) -> Suggestion | None:
        """Draw a growing net for a startup or exploring trial; returns None if it is the sampler's turn."""
        # Known nets do not replace startup trials, which spread over sizes: they may all have one size.
        num_trials = self.search.summaries.num_trials - self.search.summaries.num_warm_started
        is_startup = num_trials < STARTUP_TRIALS
        if self.is_random or not (is_startup or num_trials % EXPLORE_EVERY == 0):
            return None
        size_range = STARTUP_SIZE_RANGE if is_startup else EXPLORE_SIZE_RANGE
        return draw_growing(self.space, self.budget, self.random, size_range=size_range, epochs=self.num_epochs)

    def _sample(self) -> Suggestion:
        if not self.is_random:
            return self.tpe.suggest(self.search.summaries, self.space, epochs=self.num_epochs)
        drawn = draw_within_budget(self.space, self.budget, self.random, epochs=self.num_epochs)
        if drawn.suggestion is None:
            raise too_many_rejections(self.budget, drawn.smallest)
        return replace(drawn.suggestion, attributes={"num_redrawn": drawn.num_over} if drawn.num_over else {})


def sampler_seed(study_seed: int, worker: int, num_trials: int) -> int:
    """Return a seed for one worker's sampler.

    It depends on the number of trials in the store: with the seed of an earlier call, TPE would repeat its candidates.
    """
    return int(np.random.SeedSequence([study_seed, worker, num_trials]).generate_state(1)[0])
