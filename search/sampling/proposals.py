"""Choosing the next candidate of a search: new, and within budget and limits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from search.sampling.draws import MAX_REJECTIONS, SmallestSeen, too_many_rejections
from space.limits import NO_LIMITS, DeviceLimits, fits
from space.search_space import SearchSpace
from studies.slots import Slot
from studies.study import SearchStudy, Suggestion
from studies.trials import TrialAttributes, attributes_of, read_trial


@dataclass(frozen=True)
class Proposals:
    """Chooses the candidates that one worker trains."""

    search: SearchStudy
    space: SearchSpace
    budget: int
    num_epochs: int
    sample: Callable[[bool], Suggestion]
    """The sampler. It is told whether it is asked for the first time since the last candidate that was trained."""
    should_stop: Callable[[], bool]
    limits: DeviceLimits = NO_LIMITS

    def find(self, slot: Slot) -> Suggestion | None:
        """Return the candidate to train in a slot, or None if the worker was asked to stop.

        A trial that an earlier version interrupted is repeated. Candidates over the budget or a limit, or equal to a
        trained one, are stored as such and do not count. Raises `SearchFailedError` after `MAX_REJECTIONS` of them in a
        row.
        """
        if slot.trial_number is not None:
            return self._repeat(slot.trial_number)
        smallest = SmallestSeen()
        for attempt in range(MAX_REJECTIONS):
            self.search.summaries.update()
            if self.should_stop():
                self.search.slots.interrupt(slot)
                return None
            queued = self._queued(slot) if attempt == 0 else None
            suggestion = queued or self.sample(attempt == 0)
            candidate = suggestion.candidate
            if not fits(candidate, self.budget, self.limits):
                self.search.add_rejected(suggestion, self.budget, self.limits)
            elif (original := self.search.slots.find_trained(candidate.key)) is not None:
                self.search.add_duplicate(suggestion, original)
            elif self.search.slots.reserve(slot, candidate.key):
                return suggestion
            smallest.note(candidate, self.limits)
        raise too_many_rejections(self.budget, smallest, self.limits, num=MAX_REJECTIONS)

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


def sampler_seed(study_seed: int, worker: int, num_trials: int) -> int:
    """Return a seed for one worker's sampler.

    It depends on the number of trials in the store: with the seed of an earlier call, candidates would be repeated.
    """
    return int(np.random.SeedSequence([study_seed, worker, num_trials]).generate_state(1)[0])
