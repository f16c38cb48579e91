"""Random candidates: any net within budget and limits, or nets of a chosen size whose widths grow slowly."""

import math
import random
import sys
from dataclasses import dataclass, field
from typing import Any

from space.architecture import num_params
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from space.footprint import footprint
from space.limits import NO_LIMITS, DeviceLimits, describe, fits, measures_of
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from studies.study import Suggestion
from studies.trials import TrialAttributes

STARTUP_TRIALS = 10
"""Number of random nets before a sampler has enough to learn from."""
SIZE_RANGE = 16.0
"""Ratio of the budget to the smallest size that counts, at which the smallest startup net aims too."""
SIZE_TOLERANCE = 0.9
"""Smallest size of a growing net, as a share of the size it aims at."""
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
MAX_GROWTH = 1.7
"""Largest ratio of a layer's width to that of the layer before it in a growing net."""
MAX_DRAWS = 500
"""Number of draws to find one growing net. In the default space about one draw in fifty has the right size."""
MAX_REJECTIONS = 2_000
"""Number of candidates in a row, over the budget or a limit or equal to trained ones, after which a search gives up."""

SMALLEST_DRAWS = 50
"""Number of draws of kinds of layers, of which the one with the fewest parameters is kept."""


@dataclass
class SmallestSeen:
    """The least of all candidates that were tried, of each kind by itself."""

    num_params: int = sys.maxsize
    taken: dict[str, int] = field(default_factory=dict)
    """What a candidate takes of each thing that has a limit, by the limit's name."""

    def note(self, candidate: CandidateSpec, limits: DeviceLimits) -> None:
        self.num_params = min(self.num_params, candidate.num_params)
        if limits:
            found = measures_of(footprint(candidate.architecture))
            self.taken = {name: min(found[name], self.taken.get(name, found[name])) for name in limits.given}


def too_many_rejections(
    budget: int, smallest: SmallestSeen, limits: DeviceLimits = NO_LIMITS, *, num: int
) -> SearchFailedError:
    """Return the error of a search that found no candidate among ``num``."""
    over = f" or a limit ({limits})" if limits else ""
    seen = "".join(f", {describe(name, taken)}" for name, taken in smallest.taken.items())
    each = ", each by itself" if seen else ""
    return SearchFailedError(
        f"{num:,} candidates in a row were over the budget of {budget:,}{over} or equal to trained ones; "
        f"the smallest seen had {smallest.num_params:,} parameters{seen}{each}: raise {limits.options}, or widen or "
        "shrink the ranges with --space"
    )


def draw_growing(
    space: SearchSpace,
    budget: int,
    generator: random.Random,
    *,
    size_range: float,
    place: float | None = None,
    epochs: int,
    limits: DeviceLimits = NO_LIMITS,
) -> Suggestion | None:
    """Draw a random net within budget and limits whose widths grow slowly; returns None if no draw was within them.

    A front spans sizes, so each call aims at a size: on a log scale, at the ``place`` from 0, which stands for the
    budget divided by ``size_range``, to 1, which stands for the budget; at a random place if None is given. Small nets
    are best if their widths grow slowly, which few random nets do, and TPE would need more trials than a default run
    has to learn this. If no draw has the size, the largest within the budget is used.
    """
    lowest = max(num_params(space.smallest), budget / size_range)
    if place is None:
        place = generator.random()
    size = lowest * (budget / lowest) ** place
    largest, params = 0, None
    for _ in range(MAX_DRAWS):
        draw = GrowingDraw(generator)
        candidate = space.suggest_candidate(draw, epochs=epochs)
        drawn_size = candidate.num_params
        is_aimed_at = SIZE_TOLERANCE * size <= drawn_size <= size
        if not (is_aimed_at or largest < drawn_size <= budget) or not limits.allow(candidate.architecture):
            continue
        if is_aimed_at:
            return Suggestion.of(draw.params, space, epochs=epochs)
        largest, params = drawn_size, draw.params
    return None if params is None else Suggestion.of(params, space, epochs=epochs)


def draw_startup(
    space: SearchSpace,
    budget: int,
    generator: random.Random,
    number: int,
    *,
    epochs: int,
    limits: DeviceLimits = NO_LIMITS,
) -> Suggestion | None:
    """Draw a growing net to start a search from; those of numbers from 0 have sizes that are spread evenly."""
    return draw_growing(
        space,
        budget,
        generator,
        size_range=SIZE_RANGE,
        place=evenly_spread(number),
        epochs=epochs,
        limits=limits,
    )


def evenly_spread(number: int) -> float:
    """Return a place from 0 to 1 for each number from 0; those of any first few numbers are spread evenly."""
    return (number + 0.5) * GOLDEN_RATIO % 1


class GrowingDraw(RandomDraw):
    """Draws each convolution's width from 1 to `MAX_GROWTH` times that of the one before, clipped to its range."""

    def __init__(self, generator: random.Random) -> None:
        super().__init__(generator)
        self._latest: int | None = None
        self._num_left = 0

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        if name.endswith("_layers"):
            self._num_left = super().suggest_int(name, low, high, log=log)
            return self._num_left
        # The width of a layer that this candidate does not have is drawn from its whole range and not grown from.
        self._num_left -= 1
        if self._num_left < 0 or self._latest is None:
            width = super().suggest_int(name, low, high, log=log)
        else:
            least, most = (min(max(width, low), high) for width in (self._latest, int(MAX_GROWTH * self._latest)))
            width = super().suggest_int(name, least, most, log=log)
        if self._num_left >= 0:
            self._latest = width
        return width


def draw_within_budget(
    space: SearchSpace, budget: int, generator: random.Random, *, epochs: int, limits: DeviceLimits = NO_LIMITS
) -> Suggestion:
    """Draw candidates at random until one is within budget and limits.

    Its user attributes count those that were not. Raises `SearchFailedError` after `MAX_REJECTIONS` of them.
    """
    smallest = SmallestSeen()
    for num_over in range(MAX_REJECTIONS):
        draw = RandomDraw(generator)
        candidate = space.suggest_candidate(draw, epochs=epochs)
        smallest.note(candidate, limits)
        if fits(candidate, budget, limits):
            attributes: TrialAttributes = {"num_redrawn": num_over} if num_over else {}
            return Suggestion.of(draw.params, space, epochs=epochs, attributes=attributes)
    raise too_many_rejections(budget, smallest, limits, num=MAX_REJECTIONS)


def smallest_params(space: SearchSpace, generator: random.Random, *, epochs: int) -> dict[str, Any]:
    """Return the parameters of one of the smallest nets; those that do not change its size are drawn at random."""
    draws = [SmallestDraw(generator) for _ in range(SMALLEST_DRAWS)]
    sizes = [space.suggest_candidate(draw, epochs=epochs).num_params for draw in draws]
    return draws[sizes.index(min(sizes))].params


class SmallestDraw(RandomDraw):
    """Draws the lowest of every range of whole numbers, and everything else at random."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return super().suggest_int(name, low, low, log=log)
