"""How much a candidate may improve a front of error against size, in expectation.

Sizes are known exactly before training, so the expected hypervolume improvement (Emmerich et al. 2006, "Single- and
multiobjective evolutionary optimization assisted by Gaussian random field metamodels") has a closed form: a candidate
dominates a strip for each step of the front at its size or above, as high as its error turns out to be below that step.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]


def non_dominated(log_sizes: Array, log_errors: Array, reference: float = math.inf) -> list[int]:
    """Return the indices of those of (N,) points that no other dominates, smallest size first.

    Points with errors at or above the reference are left out, and of equal points all but one.
    """
    kept: list[int] = []
    for i in np.lexsort((log_errors, log_sizes)):
        if log_errors[i] < (log_errors[kept[-1]] if kept else reference):
            kept.append(int(i))
    return kept


@dataclass(frozen=True)
class Front:
    """Steps of the lowest log error against log size, within a range of sizes."""

    log_sizes: Array
    """(N,) rising, all below `log_budget`."""
    log_errors: Array
    """(N,) falling."""
    log_smallest: float
    """The logarithm of the smallest size that counts."""
    log_budget: float
    """The logarithm of the largest size that counts."""
    reference: float
    """The log error that counts for sizes below the front: what no useful net exceeds."""

    @classmethod
    def of(
        cls, log_sizes: Array, log_errors: Array, *, log_smallest: float, log_budget: float, reference: float
    ) -> "Front":
        """Return the front of (N,) points in any order; those at or above the reference are not on it."""
        kept = non_dominated(log_sizes, log_errors, reference)
        return cls(log_sizes[kept], log_errors[kept], log_smallest, log_budget, reference)

    @property
    def area(self) -> float:
        """The area between the reference and the front, over the sizes that count."""
        lefts = np.maximum(self.log_smallest, self.log_sizes)
        rights = np.maximum(self.log_smallest, np.concatenate([self.log_sizes[1:], [self.log_budget]]))
        return float(((rights - lefts) * (self.reference - self.log_errors)).sum())

    def expected_improvement(self, log_sizes: Array, means: Array, stds: Array) -> Array:
        """Return the (N,) expected gains of area below the front by points with these log sizes and log errors.

        The errors are normally distributed, with the given means and standard deviations, (N,) each.
        """
        lefts = np.maximum(self.log_smallest, np.concatenate([[-np.inf], self.log_sizes]))
        rights = np.concatenate([self.log_sizes, [self.log_budget]])
        heights = np.concatenate([[self.reference], self.log_errors])
        gains = np.zeros(len(means))
        for left, right, height in zip(lefts, rights, heights, strict=True):
            widths = np.clip(right - np.maximum(left, log_sizes), 0.0, None)
            scaled = (height - means) / stds
            density = np.exp(-0.5 * scaled**2) / np.sqrt(2 * np.pi)
            gains += widths * stds * (scaled * ndtr(scaled) + density)
        return gains
