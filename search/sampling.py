"""Where a trial's parameters come from: TPE, random draws within the budget, or an earlier attempt."""

import itertools
import math
import random
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler

from space.architecture import ArchitectureSpec, num_params
from space.errors import SearchFailedError
from space.layers import Conv
from space.search_space import RandomDraw, SearchSpace

SAMPLER_NAMES = ("tpe", "random")
STARTUP_TRIALS = 10
"""Random trials before TPE has enough to learn from."""
STARTUP_SIZE_RANGE = 8.0
"""The largest startup trial is about so many times the smallest."""
EXPLORE_EVERY = 2
"""Later, one trial in so many is such a draw too, and TPE's the others. TPE drifts to ever smaller nets, since next to
them there is most often room for one more that nothing dominates."""
EXPLORE_SIZE_RANGE = 3.0
"""As `STARTUP_SIZE_RANGE`: these look after the larger nets."""
SIZE_TOLERANCE = 0.7
"""The least share of the size it aims at that a growing net may have."""
MAX_GROWTH = 1.7
"""The most times a layer of a growing net may be as wide as the one before."""
MAX_DRAWS = 20_000
"""Draws, of about 0.08 ms, to find one such net."""
MAX_REJECTIONS = 2_000
"""Candidates over the budget, or equal to trained ones, in a row after which a search gives up."""


def sampler_seed(study_seed: int, worker: int, num_trials: int) -> int:
    """A seed for one worker's sampler.

    The trials in the store are part of it, since with the seed of an earlier call TPE would repeat its candidates.
    """
    return int(np.random.SeedSequence([study_seed, worker, num_trials]).generate_state(1)[0])


def tpe_sampler(seed: int) -> BaseSampler:
    """TPE over all parameters jointly (Bergstra et al. 2011; multivariate as in Falkner et al., arXiv:1807.01774)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.simplefilter("ignore", FutureWarning)  # gamma is to go with Optuna 6
        return TPESampler(multivariate=True, n_startup_trials=STARTUP_TRIALS, gamma=num_good_trials, seed=seed)


def num_good_trials(num_trials: int) -> int:
    """How many trials TPE samples near.

    Its default is a tenth: one or two in a short study, chosen by the volume that they dominate, which are always small
    nets. A third is about the whole front.
    """
    return min(math.ceil(num_trials / 3), 25)


def fixed_sampler(params: dict[str, Any]) -> BaseSampler:
    """Suggests exactly ``params``. Unlike an enqueued trial, no other worker can take it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return PartialFixedSampler(params, RandomSampler())


def too_many_rejections(budget: int, smallest: int) -> SearchFailedError:
    return SearchFailedError(
        f"{MAX_REJECTIONS:,} candidates in a row were over the budget of {budget:,} or equal to trained ones; "
        f"the smallest seen had {smallest:,} parameters: raise --budget, or widen or shrink the ranges with --space"
    )


@dataclass(frozen=True)
class DrawResult:
    params: dict[str, Any] | None
    """Of the first candidate within the budget; None where there was none."""
    num_over: int
    """Draws over the budget."""
    smallest: int
    """Parameters of the smallest candidate drawn."""


def draw_growing_params(
    space: SearchSpace, budget: int, generator: random.Random, *, size_range: float, epochs: int
) -> dict[str, Any] | None:
    """Random parameters of a net whose widths grow slowly, within the budget; None where no draw was within it.

    A front spans sizes, so each draw aims at a size of its own, evenly on a log scale from the budget down to
    1 / ``size_range`` of it. Small nets are best when their widths grow slowly, which few random nets' do and which TPE
    would take more trials than a default run has to find out. Where none is drawn, any within the budget will do.
    """
    lowest = max(num_params(space.smallest), budget / size_range)
    size = math.exp(generator.uniform(math.log(lowest), math.log(budget)))
    within_budget = None
    for _ in range(MAX_DRAWS):
        draw = RandomDraw(generator)
        architecture = space.suggest_candidate(draw, epochs=epochs).architecture
        drawn_size = num_params(architecture)
        if SIZE_TOLERANCE * size <= drawn_size <= size and _grows_slowly(architecture):
            return draw.params
        if drawn_size <= budget:
            within_budget = within_budget or draw.params
    return within_budget


def _grows_slowly(architecture: ArchitectureSpec) -> bool:
    widths = [layer.width for layer in architecture.layers if isinstance(layer, Conv)]
    return all(width <= following <= MAX_GROWTH * width for width, following in itertools.pairwise(widths))


def draw_within_budget(space: SearchSpace, budget: int, generator: random.Random, *, epochs: int) -> DrawResult:
    """Draw candidates at random until one is within the budget, at most `MAX_REJECTIONS` times."""
    smallest = sys.maxsize
    for num_over in range(MAX_REJECTIONS):
        draw = RandomDraw(generator)
        size = space.suggest_candidate(draw, epochs=epochs).num_params
        smallest = min(size, smallest)
        if size <= budget:
            return DrawResult(draw.params, num_over, smallest)
    return DrawResult(None, MAX_REJECTIONS, smallest)
