"""Proposing candidates that fill the front: a model of errors ranks random nets and variations of the best ones."""

import math
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.sampling.draws import (
    SIZE_RANGE,
    STARTUP_TRIALS,
    GrowingDraw,
    SmallestSeen,
    draw_startup,
    smallest_params,
    too_many_rejections,
)
from search.sampling.error_model import ErrorModel
from search.sampling.features import FeatureScale
from search.sampling.improvement import Front
from search.sampling.observation import Observation, measurement_variance
from search.sampling.variation import Variation
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from space.limits import NO_LIMITS, DeviceLimits, fits
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from studies.study import Suggestion

Array = NDArray[np.float64]

NUM_DRAWS, NUM_VARIATIONS = 150, 300
"""Numbers of random nets and of variations among which the model chooses."""
DRAWS_FOR_EACH = 20
"""Number of draws, for each net that is wanted, after which there are fewer: the others were over the budget."""
REFERENCE_MARGIN = 0.1
"""By how much the log error that counts for sizes below the front is above the worst one."""

Drawn = tuple[Mapping[str, Any], CandidateSpec]
"""The parameters of a candidate, and the candidate."""


class FrontSearch:
    """Proposes the candidates of one study."""

    def __init__(
        self,
        space: SearchSpace,
        budget: int,
        *,
        epochs: int,
        num_validation: int,
        generator: random.Random,
        limits: DeviceLimits = NO_LIMITS,
    ) -> None:
        """``num_validation`` is the number of images on which errors are measured, which says how exact they are."""
        self._space = space
        self._budget = budget
        self._epochs = epochs
        self._num_validation = num_validation
        self._generator = generator
        self._limits = limits

    @cached_property
    def _smallest(self) -> Mapping[str, Any]:
        return smallest_params(self._space, self._generator, epochs=self._epochs)

    @cached_property
    def _scale(self) -> FeatureScale:
        drawn = [*self._draw_growing()] or [*self._vary([self._smallest])]
        return FeatureScale.of([candidate for _, candidate in drawn] or [self._suggestion(self._smallest).candidate])

    def propose(self, observations: Sequence[Observation], *, num_sampled: int | None = None) -> Suggestion:
        """Return the candidate whose training is expected to improve the front most, one of some that are drawn.

        The front is that of the model's means, and what counts is how far a training would move the mean, not how far
        the truth may lie from it: the knowledge gradient (Frazier, Powell and Dayanik 2009, "The Knowledge-Gradient
        Policy for Correlated Normal Beliefs"), without what a training says of other candidates. Otherwise a search
        would train large nets again and again, whose errors are so few that each training tells little.
        Candidates that are being trained count as ending with the error that is expected of them. The first
        `STARTUP_TRIALS` are random growing nets whose sizes are spread evenly over those of the front. ``num_sampled``
        is the number of trials that have begun, without those of known nets, which do not replace these: they may all
        have one size. If it is not given, it is the number of observations. Raises `SearchFailedError` if no net is
        found that is not among the observations.
        """
        every = [observation.candidate for observation in observations]
        taken = set(every)
        number = len(observations) if num_sampled is None else num_sampled
        if number < STARTUP_TRIALS and (first := self._draw_first(number)).candidate not in taken:
            return first
        known = np.array([observation.log_error is not None for observation in observations])
        if not known.any():  # others are training all there are
            return self._suggestion(self._new_ones([self._smallest], taken)[0][0])
        features_of_every = self._scale.scaled(every)
        model = ErrorModel(
            features_of_every[known],
            np.array([item.log_error for item in observations if item.log_error is not None]),
            np.array([item.variance for item in observations if item.log_error is not None]),
        )
        means, _ = model.predict(features_of_every)
        log_sizes = np.log([candidate.num_params for candidate in every])
        front = self._front(log_sizes, means, float(means.max()))
        on_front = set(front.log_sizes)
        pool = self._new_ones(
            [item.params for item, size in zip(observations, log_sizes, strict=True) if size in on_front], taken
        )
        candidates = [candidate for _, candidate in pool]
        means, stds = model.predict(self._scale.scaled(candidates))
        changes = model.changes(stds, measurement_variance(np.exp(means), self._num_validation))
        gains = front.expected_improvement(np.log([candidate.num_params for candidate in candidates]), means, changes)
        return self._suggestion(pool[int(np.argmax(gains))][0])

    def _front(self, log_sizes: Array, log_errors: Array, worst: float) -> Front:
        return Front.of(
            log_sizes,
            log_errors,
            log_smallest=math.log(self._budget / SIZE_RANGE),
            log_budget=math.log(self._budget),
            reference=worst + REFERENCE_MARGIN,
        )

    def _draw_first(self, number: int) -> Suggestion:
        drawn = draw_startup(
            self._space, self._budget, self._generator, number, epochs=self._epochs, limits=self._limits
        )
        if drawn is not None:
            return drawn
        params, _ = next(self._vary([self._smallest]), (self._smallest, None))
        suggestion = self._suggestion(params)
        if not fits(suggestion.candidate, self._budget, self._limits):
            raise self._nothing_fits()
        return suggestion

    def _nothing_fits(self) -> SearchFailedError:
        """Return the error for limits of which each is met by some net, and all together by none that was drawn."""
        seen = SmallestSeen()
        for _ in range(NUM_VARIATIONS):
            draw = Variation(self._generator, self._smallest)
            seen.note(self._space.suggest_candidate(draw, epochs=self._epochs), self._limits)
        return too_many_rejections(self._budget, seen, self._limits, num=NUM_VARIATIONS)

    def _new_ones(self, parents: Sequence[Mapping[str, Any]], taken: Collection[CandidateSpec]) -> list[Drawn]:
        """Draw random nets and variations of the parents. Raises `SearchFailedError` if all of them are taken."""
        drawn = [*self._draw_growing(), *self._vary(parents)]
        new = [(params, candidate) for params, candidate in drawn if candidate not in taken]
        if not drawn:
            raise self._nothing_fits()
        if not new:
            within = f" and the limits ({self._limits})" if self._limits else ""
            raise SearchFailedError(
                f"{len(drawn):,} nets were drawn within the budget of {self._budget:,}{within}, and all have been "
                f"trained or are in training: raise {self._limits.options}, or widen the ranges with --space"
            )
        return new

    def _suggestion(self, params: Mapping[str, Any]) -> Suggestion:
        return Suggestion.of(dict(params), self._space, epochs=self._epochs)

    def _draw_growing(self) -> Iterator[Drawn]:
        """Draw random nets within budget and limits whose widths grow slowly."""
        return self._within_budget(NUM_DRAWS, lambda: GrowingDraw(self._generator))

    def _vary(self, parents: Sequence[Mapping[str, Any]]) -> Iterator[Drawn]:
        """Draw variations of the parents within budget and limits."""
        return self._within_budget(NUM_VARIATIONS, lambda: Variation(self._generator, self._generator.choice(parents)))

    def _within_budget(self, num: int, new_draw: Callable[[], RandomDraw]) -> Iterator[Drawn]:
        def drawn() -> Iterator[Drawn]:
            for _ in range(DRAWS_FOR_EACH * num):
                draw = new_draw()
                candidate = self._space.suggest_candidate(draw, epochs=self._epochs)
                if fits(candidate, self._budget, self._limits):
                    yield draw.params, candidate

        return islice(drawn(), num)
