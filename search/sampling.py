"""Where a trial's parameters come from: TPE, random draws within the budget, or an earlier attempt."""

import math
import random
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler

from space.architecture import num_params
from space.errors import SearchFailedError
from space.search_space import RandomDraw, SearchSpace

SAMPLER_NAMES = ("tpe", "random")
STARTUP_TRIALS = 10
"""Random trials before TPE has enough to learn from."""
STARTUP_BUDGET_RANGE = 16
"""The startup trials' own budgets lie between the study's and this many times less, evenly on a log scale."""
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
        return TPESampler(multivariate=True, n_startup_trials=STARTUP_TRIALS, seed=seed)


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


def startup_budget(space: SearchSpace, budget: int, generator: random.Random) -> int:
    """A random budget for one startup trial.

    A front spans sizes, so the trials that TPE starts from shall too; others would crowd just below the budget.
    """
    lowest = max(num_params(space.smallest), budget // STARTUP_BUDGET_RANGE)
    # The lowest itself would leave one candidate or none, so up to twice as much is granted.
    return min(budget, round(2 * math.exp(generator.uniform(math.log(lowest), math.log(budget)))))


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
