"""The error with which a stopped training would have ended, judged by those that were trained to the end."""

import math
import statistics
from collections.abc import Sequence

from studies.rivals import TrialCurve

UNKNOWN_FALL = 0.4
"""Standard deviation of the log error at the end of a stopped training, where too few others tell how errors fall."""
MIN_CURVES = 3


def expected_log_error(
    curve: TrialCurve, complete: Sequence[TrialCurve], *, num_epochs: int, num_validation: int
) -> tuple[float, float]:
    """Return the mean of the log error after the last epoch, and the variance of the measurement.

    A whole curve has its last error; its variance is that of the number of errors, a Poisson variable, which is about
    as large as what differs between seeds (docs/decisions.md). The error of a stopped one is taken to fall by the
    median factor of those in ``complete``, which have all ``num_epochs`` epochs.
    """
    least = 0.5 / num_validation
    if len(curve) == num_epochs:
        error = max(1 - curve.val_accuracy[-1], least)
        return math.log(error), 1 / (num_validation * error)
    epoch = len(curve)
    falls = [math.log(max(1 - other.val_accuracy[-1], least) / other.error_so_far(epoch, least)) for other in complete]
    so_far = math.log(curve.error_so_far(epoch, least))
    if len(falls) < MIN_CURVES:
        return so_far, UNKNOWN_FALL**2
    expected = so_far + statistics.median(falls)
    return expected, statistics.variance(falls) + 1 / (num_validation * math.exp(expected))
