"""What accuracy a trial's net has on average over seeds, as a model of all trials of its study judges it.

A single validation accuracy is partly luck, and the trials of a front are those that had most of it. The posterior of
the model of errors draws each of them towards what nets of its size and shape reach.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search.sampling.front_search import FeatureScale, fit_model
from search.sampling.observation import Observation
from space.candidate import CandidateSpec

MIN_OBSERVATIONS = 10
"""Number of trials below which the model knows too little."""
NORMAL_975 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """The mean validation accuracy over seeds, a fraction, and its 95 % interval."""

    accuracy: float
    low: float
    high: float


def estimate_accuracies(
    observations: Sequence[Observation], candidates: Sequence[CandidateSpec]
) -> list[AccuracyEstimate]:
    """Return the estimates of some candidates, (N,), or none if there are fewer than `MIN_OBSERVATIONS`.

    Observations that are still being trained say nothing.
    """
    known = [observation for observation in observations if observation.log_error is not None]
    if len(known) < MIN_OBSERVATIONS or not candidates:
        return []
    scale = FeatureScale.of([observation.candidate for observation in known])
    means, stds = fit_model(known, scale).predict(scale.scaled(candidates))
    return [
        AccuracyEstimate(*(1 - min(math.exp(mean + z * std), 1.0) for z in (0.0, NORMAL_975, -NORMAL_975)))
        for mean, std in zip(means, stds, strict=True)
    ]
