"""Shrinking the measured accuracies of a front's members towards their trend over sizes: empirical Bayes.

Who looks for the best rows of a table finds those that were lucky. If the members' true log errors scatter normally
around a smooth trend in the log of the number of parameters, with a variance that is estimated from the table itself,
the posterior mean of a member does not depend on why one looks at it, and on average over the table it is nearer to the
truth than the measurement (Efron and Morris 1975, "Data analysis using Stein's estimator and its generalizations",
JASA 70). As for regressions with unequal variances in Morris 1983, "Parametric empirical Bayes inference", JASA 78; the
variance between members is that of Paule and Mandel 1982, "Consensus values and weighting factors", Journal of Research
of the National Bureau of Standards 87.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from studies.intervals import Correct, image_covariance, seed_variance

Array = NDArray[np.float64]

MIN_MEMBERS = 5
"""Smallest number of members: the trend is a line at least, and three more are needed for shrinkage to be of use."""
MIN_FOR_CURVE = 7
"""Number of members from which on the trend is a parabola."""
_NUM_HALVINGS = 60


def shrunken_accuracies(num_params: Sequence[int], tested: Sequence[Correct]) -> list[float] | None:
    """Return the shrunken test accuracies of K members, or None for fewer than `MIN_MEMBERS` or sizes without a trend.

    ``tested`` holds (S, N) for each member: whether the model of each seed classifies each test image correctly. The
    luck of the images that is common to all members moves the trend alike, and no row against another; it stays in.
    """
    if len(tested) < MIN_MEMBERS:
        return None
    accuracies = np.array([correct.mean() for correct in tested])
    errors = np.maximum(1 - accuracies, 0.5 / tested[0].size)
    shrunken = shrink(np.log(np.array(num_params, float)), np.log(errors), own_variance(tested) / errors.mean())
    return None if shrunken is None else [float(1 - error) for error in np.exp(shrunken[0])]


def own_variance(tested: Sequence[Correct]) -> float:
    """Return the mean variance of the members' accuracies due to their seeds and to images, beyond what all share."""
    covariance = image_covariance(tested)
    num = len(tested)
    shared = float(covariance.sum() - np.trace(covariance)) / (num * (num - 1))
    images = max(0.0, float(np.trace(covariance)) / num - shared)
    seeds = np.mean([seed_variance(correct) / len(correct) for correct in tested])
    return images + max(0.0, float(seeds))


def shrink(log_sizes: Array, log_errors: Array, variance: float) -> tuple[Array, Array] | None:
    """Return (K,) log errors drawn towards their trend over the log sizes, and that trend.

    None if the sizes don't tell a trend. ``variance`` is that of a measured error, divided by the error: it is taken to
    be the same for all, as for counts.
    """
    num_terms = 3 if len(log_sizes) >= MIN_FOR_CURVE else 2
    if len(set(log_sizes)) < num_terms:
        return None
    centred = log_sizes - log_sizes.mean()
    terms = np.stack([centred**power for power in range(num_terms)], axis=1)
    # By the trend's own error, since a member with few errors by luck would look more precise than it is.
    variances = variance / np.exp(_trend(terms, log_errors, np.ones(len(log_errors))))
    trend, between = _between_members(terms, log_errors, variances)
    degrees = len(log_errors) - num_terms
    share = (degrees - 2) / degrees * variances / np.maximum(variances + between, 1e-300)
    return log_errors + share * (trend - log_errors), trend


def _between_members(terms: Array, log_errors: Array, variances: Array) -> tuple[Array, float]:
    """Return the (K,) trend and the variance around it with which the weighted squares of its residuals are K - p."""
    degrees = terms.shape[0] - terms.shape[1]

    def fit(between: float) -> tuple[Array, float]:
        weights = 1 / np.maximum(variances + between, 1e-300)
        trend = _trend(terms, log_errors, weights)
        return trend, float((weights * (log_errors - trend) ** 2).sum())

    low, high = 0.0, float(np.square(log_errors - log_errors.mean()).sum()) + float(variances.max())
    if fit(low)[1] <= degrees:
        return fit(low)[0], low
    for _ in range(_NUM_HALVINGS):
        middle = (low + high) / 2
        if fit(middle)[1] > degrees:
            low = middle
        else:
            high = middle
    return fit(high)[0], high


def _trend(terms: Array, log_errors: Array, weights: Array) -> Array:
    roots = np.sqrt(weights / weights.max())
    solution, *_ = np.linalg.lstsq(roots[:, None] * terms, roots * log_errors)
    trend: Array = terms @ solution
    return trend
