"""What a trial tells the model of errors: its last error, or what is expected of a training that was stopped."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from space.candidate import CandidateSpec
from studies.rivals import TrialCurve

Array = NDArray[np.float64]
Errors = TypeVar("Errors", float, Array)

PRIOR_MEANS = np.array([0.0, 0.0, 0.0, 0.5])
PRIOR_STDS = np.array([10.0, 1.0, 0.5, 0.5])
"""What is assumed beforehand of the constant, the log size, its square and the log error so far as predictors of the
log error at the end."""
PRIOR_SPREAD, PRIOR_WEIGHT = 0.15, 3.0
"""Standard deviation around the prediction that is assumed beforehand, and the number of trials that this counts as."""
LEAST_SHARE = 0.05
"""Smallest share of the variance that the error so far is taken to explain."""


@dataclass(frozen=True)
class Observation:
    """What a trial showed, or, for one that is still being trained, that it is taken."""

    params: Mapping[str, Any]
    """The trial's parameters in the space."""
    candidate: CandidateSpec
    log_error: float | None
    """The logarithm of the error at the end of its schedule, expected or measured; None while it is being trained."""
    variance: float = 0.0
    """Variance of `log_error` around the mean over seeds."""


def measurement_variance(errors: Errors, num_validation: int) -> Errors:
    """Return the variance of the logarithm of each measured error that counting errors causes, a Poisson variable.

    The model of errors finds out by which factor the scatter between seeds is larger or smaller.
    """
    return 1 / (num_validation * errors)


def observe(
    trainings: Iterable[tuple[Mapping[str, Any], CandidateSpec, TrialCurve]], *, num_epochs: int, num_validation: int
) -> list[Observation]:
    """Return what trainings that have ended tell the model of errors, in the same order.

    Each is given by its parameters, its candidate and its curve. Those that were stopped before ``num_epochs`` epochs
    are judged by the complete ones among them.
    """
    ended = list(trainings)
    complete = [curve for _, _, curve in ended if len(curve) == num_epochs]
    observations = []
    for params, candidate, curve in ended:
        log_error, variance = expected_log_error(curve, complete, num_epochs=num_epochs, num_validation=num_validation)
        observations.append(Observation(params, candidate, log_error, variance))
    return observations


def expected_log_error(
    curve: TrialCurve, complete: Sequence[TrialCurve], *, num_epochs: int, num_validation: int
) -> tuple[float, float]:
    """Return the mean of the log error after the last epoch, and the variance of the measurement.

    A whole curve has its last error. The error of a stopped one is predicted from its size and its error so far, by a
    regression on those in ``complete``, which have all ``num_epochs`` epochs. Trainings are stopped because their error
    so far is large, and much of that is chance. So were it taken to fall by the same factor as that of the others, they
    would count as worse than they are.
    """
    least = 0.5 / num_validation
    if len(curve) == num_epochs:
        error = max(1 - curve.val_accuracy[-1], least)
        return math.log(error), measurement_variance(error, num_validation)
    so_far = math.log(curve.error_so_far(len(curve), least))
    sizes = np.array([math.log(other.num_params / curve.num_params) for other in complete])
    errors_so_far = np.array([math.log(other.error_so_far(len(curve), least)) for other in complete])
    ends = np.array([math.log(max(1 - other.val_accuracy[-1], least)) for other in complete])
    center, end = (errors_so_far.mean(), ends.mean()) if complete else (so_far, so_far)
    predictors = np.stack([np.ones_like(sizes), sizes, sizes**2, errors_so_far - center], axis=1)
    own = np.array([1.0, 0.0, 0.0, so_far - center])
    mean, variance, spread = _regression(predictors, ends - end, own)
    _, _, spread_by_size = _regression(predictors[:, :3], ends - end, own[:3])
    # What the size tells is no evidence of this training: whoever learns from it knows the other trials. Left of the
    # prediction's precision is the share that the error so far adds.
    share = max(1 - spread / spread_by_size, LEAST_SHARE)
    return float(end) + mean, variance / share


def _regression(predictors: Array, values: Array, own: Array) -> tuple[float, float, float]:
    """Return the mean and the variance of a Bayesian linear regression at (P,) ``own``, and the variance around it.

    It learns from (N, P) predictors and (N,) values, and the first P of the priors.
    """
    num = len(own)
    left = values - predictors @ PRIOR_MEANS[:num]
    spread = PRIOR_SPREAD**2
    for _ in range(2):  # the variance around the line and the line depend on each other
        covariance = np.linalg.inv(predictors.T @ predictors / spread + np.diag(PRIOR_STDS[:num] ** -2))
        change = covariance @ predictors.T @ left / spread
        squares = float(((left - predictors @ change) ** 2).sum())
        spread = (PRIOR_WEIGHT * PRIOR_SPREAD**2 + squares) / (PRIOR_WEIGHT + len(values))
    return float(own @ (PRIOR_MEANS[:num] + change)), spread + float(own @ covariance @ own), spread
