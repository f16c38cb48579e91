"""Pure functions that choose contenders for the front, the seeds they still need, and the front's members.

A search measures each trial once, with one seed, and its front consists of the luckiest. Here trials are measured again
with fresh seeds. If the order of two is still open after a few seeds, more are added; the front is then that of the
means. All decisions are based on validation accuracy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from search.sampling.estimate import Estimate
from studies.intervals import seed_variance
from studies.pareto import FrontPoint, pareto_front

CONFIDENCE = 0.95
"""Confidence required to consider the order of two contenders settled, or a trial off the front."""
_NUM_ERRORS = NormalDist().inv_cdf(CONFIDENCE)
"""The same confidence as a number of standard errors, one-sided."""


@dataclass(frozen=True, eq=False, slots=True)
class Contender:
    trial: int
    num_params: int
    correct: NDArray[np.bool_] | NDArray[np.float64]
    """(S, N): whether the model of each seed classifies each validation image correctly, or that times the weight of
    the image, whose mean is 1."""

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())


def class_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of each of (N,) images with which the mean over images is the mean of the classes' means."""
    counts = np.bincount(labels)
    weights: NDArray[np.float64] = len(labels) / (np.count_nonzero(counts) * counts[labels])
    return weights


def choose_contenders(
    points: Sequence[FrontPoint],
    *,
    num_validation: int,
    estimates: Mapping[int, Estimate] | None = None,
    top: int | None = None,
) -> list[FrontPoint]:
    """Choose the completed trials whose accuracy, with its error, reaches the front; fewest parameters first.

    A trial reaches the front if the upper end of its one-sided interval is at least the accuracy of the best trial with
    no more parameters. ``top`` limits their number: the front, thinned out if it is longer, then the trials closest to
    it. Given the estimates of all points by trial, those count in place of the accuracies, which tell good trials and
    lucky ones less well apart.
    """
    by_trial = {point.trial: point for point in points}
    if estimates:
        errors = {point.trial: estimates[point.trial].std for point in points}
        points = [replace(point, val_accuracy=estimates[point.trial].accuracy) for point in points]
    else:
        shares = {point.trial: point.val_accuracy for point in points}
        errors = {trial: math.sqrt(share * (1 - share) / num_validation) for trial, share in shares.items()}
    chosen = _nearest(points, top, num_validation, errors)
    return sorted((by_trial[point.trial] for point in chosen), key=lambda point: (point.num_params, point.trial))


def nearest_to_front(points: Sequence[FrontPoint], most: int, *, num_validation: int) -> list[FrontPoint]:
    """Return at most so many trials by their accuracies: the front, then the trials closest to it."""
    return _nearest(points, most, num_validation, None)


def _nearest(
    points: Sequence[FrontPoint], most: int | None, num_validation: int, errors: Mapping[int, float] | None
) -> list[FrontPoint]:
    """Return the front, thinned out if need be, then the points that lack least, if they reach it with their errors."""
    front = pareto_front(points)
    if most is not None and most < len(front):
        return _thin_out(front, most, 0.5 / num_validation)
    lacking = {}
    for point in set(points) - set(front):
        best = max(rival.val_accuracy for rival in front if rival.num_params <= point.num_params)
        if errors is None or point.val_accuracy + _NUM_ERRORS * errors[point.trial] >= best:
            lacking[point] = best - point.val_accuracy
    return [*front, *sorted(lacking, key=lambda point: (lacking[point], point.trial))][:most]


def _thin_out(front: Sequence[FrontPoint], most: int, least_error: float) -> list[FrontPoint]:
    """Repeatedly drop the point without which the front changes least.

    This is the point with the smallest exclusive hypervolume, in the logarithms of parameters and error: the loss if
    the point before it replaces it up to the size of the next. The largest point is assumed to cover up to twice its
    size.
    """
    kept = list(front)
    while len(kept) > most:
        errors = [1.0, *(max(1 - point.val_accuracy, least_error) for point in kept)]
        sizes = [*(point.num_params for point in kept), 2 * kept[-1].num_params]
        volumes = [
            math.log(before / after) * math.log(larger / smaller)
            for (before, after), (smaller, larger) in zip(pairwise(errors), pairwise(sizes), strict=True)
        ]
        del kept[volumes.index(min(volumes))]
    return kept


def needing_seeds(contenders: Sequence[Contender], most: int) -> list[int]:
    """Return the trials that need one more seed; empty once every relevant order is settled or has ``most`` seeds.

    Whether a contender is on the front depends on its order with one rival: the most accurate of those with no more
    parameters. While that order is open, the one with fewer seeds gets another; if they have equally many, both do.
    """
    variance = _pooled_seed_variance(contenders)
    needing: set[int] = set()
    for contender in contenders:
        rival = _strongest_rival(contender, contenders)
        if rival is None or _is_settled(contender, rival, variance):
            continue
        fewest = min(len(contender.correct), len(rival.correct))
        if fewest < most:
            needing.update(one.trial for one in (contender, rival) if len(one.correct) == fewest)
    return sorted(needing)


def front_members(contenders: Sequence[Contender]) -> list[int]:
    """Return the trials on the Pareto front of mean accuracy against parameters, fewest parameters first."""
    points = [FrontPoint(one.trial, one.num_params, one.accuracy, "") for one in contenders]
    return [point.trial for point in pareto_front(points)]


def _strongest_rival(contender: Contender, contenders: Sequence[Contender]) -> Contender | None:
    rivals = [one for one in contenders if one.num_params <= contender.num_params and one.trial != contender.trial]
    return max(rivals, key=lambda one: (one.accuracy, -one.num_params, -one.trial), default=None)


def _is_settled(a: Contender, b: Contender, seed_variance: float) -> bool:
    """Return whether the difference of two accuracies on the same images clearly exceeds its standard error."""
    by_image = a.correct.mean(axis=0) - b.correct.mean(axis=0)
    seeds = seed_variance * (1 / len(a.correct) + 1 / len(b.correct))
    error = math.sqrt(seeds + float(by_image.var(ddof=1)) / len(by_image))
    return abs(float(by_image.mean())) > _NUM_ERRORS * error


def _pooled_seed_variance(contenders: Sequence[Contender]) -> float:
    """Estimate the seed variance from all contenders together, since two seeds of one are too few."""
    weights = [len(one.correct) - 1 for one in contenders]
    return max(0.0, float(np.average([seed_variance(one.correct) for one in contenders], weights=weights)))
