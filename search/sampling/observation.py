"""What one trial tells the model of errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from space.candidate import CandidateSpec


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
