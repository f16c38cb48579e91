"""A model of the error that a candidate will end with, learnt from the trials of a study.

A Gaussian process (Rasmussen and Williams, "Gaussian Processes for Machine Learning", chapter 2) on the logarithm of
the error: a quadratic in the logarithm of the size, about which nothing is assumed, plus a smooth function of the
candidate's features, which is small beside it. Its posterior, rather than one lucky training, ranks candidates.
"""

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]

TREND_VARIANCE = 100.0
"""Prior variance of the coefficients of the quadratic in log size: large, so that the data decide."""
SPREADS = (0.02, 0.04, 0.08, 0.16, 0.32)
"""Standard deviations that the effect of shape and training on the log error may have."""
LENGTHS = (1.0, 2.0, 4.0)
"""Length scales of that effect: root mean squares, over the features, of their standardised differences."""
NOISE_FACTORS = (0.7, 1.0, 1.5)
"""Factors on the standard deviation of the observations' noise."""


class ErrorModel:
    """The posterior after some observations, with the prior of the highest marginal likelihood."""

    def __init__(self, features: Array, log_errors: Array, variances: Array) -> None:
        """Learn from (N, num_features) `features`, (N,) log errors and the (N,) variances of their noise.

        The features are expected to have a mean of about 0 and a standard deviation of about 1 over the space, the
        first of them the log size before that scaling. Raises `ValueError` if there are none.
        """
        if not len(log_errors):
            raise ValueError("a model needs at least one observation")
        self._features = features
        distances = _squared_distances(features, features)
        self._terms = _trend(features)
        trend = TREND_VARIANCE * self._terms @ self._terms.T
        with _one_thread():
            self._fit(trend, distances, log_errors, variances)

    def _fit(self, trend: Array, distances: Array, log_errors: Array, variances: Array) -> None:
        best = -math.inf
        for spread, length in itertools.product(SPREADS, LENGTHS):
            prior = trend + spread**2 * np.exp(-distances / (2 * length**2 * self._features.shape[1]))
            for factor in NOISE_FACTORS:
                root, whitened = _factorised(prior + np.diag(factor**2 * variances), log_errors)
                likelihood = -0.5 * float(whitened @ whitened) - float(np.log(np.diag(root)).sum())
                if likelihood > best:
                    best = likelihood
                    self.spread, self.length, self.noise_factor = spread, length, factor
                    self._root, self._whitened = root, whitened

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Return the mean and standard deviation of the log error, (N,) each, for (N, num_features) `features`.

        The errors are averages over seeds.
        """
        terms = _trend(features)
        with _one_thread():
            whitened = np.linalg.solve(self._root, self._covariances(features, terms).T)
        means = self._whitened @ whitened
        variances = TREND_VARIANCE * (terms**2).sum(1) + self.spread**2 - (whitened**2).sum(0)
        return means, np.sqrt(np.maximum(variances, 1e-12))

    def changes(self, stds: Array, variances: Array) -> Array:
        """Return the standard deviation, (N,), of what one more training each would change of the model's means.

        ``stds`` are those that `predict` returned, ``variances`` those of the trainings' noise, as in the constructor.
        """
        changes: Array = stds**2 / np.sqrt(stds**2 + self.noise_factor**2 * variances)
        return changes

    def _covariances(self, features: Array, terms: Array) -> Array:
        distances = _squared_distances(features, self._features)
        smooth = self.spread**2 * np.exp(-distances / (2 * self.length**2 * features.shape[1]))
        covariances: Array = TREND_VARIANCE * terms @ self._terms.T + smooth
        return covariances


def _one_thread() -> threadpool_limits:
    """Return a context in which linear algebra has one thread: more wait for each other while nets are trained."""
    return threadpool_limits(limits=1, user_api="blas")


def _trend(features: Array) -> Array:
    """Return (N, 3): the terms of a quadratic in the log size, the first feature."""
    size = features[:, 0]
    terms: Array = np.stack([np.ones_like(size), size, size**2], axis=1)
    return terms


def _squared_distances(left: Array, right: Array) -> Array:
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    distances: Array = np.maximum(squares, 0.0)
    return distances


def _factorised(matrix: Array, values: Array) -> tuple[Array, Array]:
    """Return the lower triangular (N, N) root of a positive definite matrix, and that root's inverse times (N,) values.

    The latter is the last row of the root of the matrix that is bordered by the values, so nothing of scipy is needed,
    whose import takes longer than all that is computed here.
    """
    num = len(values)
    bordered = np.empty((num + 1, num + 1))
    bordered[:num, :num] = matrix
    bordered[num, :num] = bordered[:num, num] = values
    bordered[num, num] = 1e300  # enough for the bordered matrix to be positive definite; no other number depends on it
    root = np.linalg.cholesky(bordered).astype(np.float64, copy=False)
    return root[:num, :num], root[num, :num]
