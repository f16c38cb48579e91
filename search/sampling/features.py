"""What the model of errors sees of a candidate: its size, and numbers that describe its shape and its training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from space.candidate import CandidateSpec
from space.layers import Conv, Pool

Array = NDArray[np.float64]

SMALLEST_SETTING = 1e-8
"""Stands for settings of 0 on a log scale, far below any useful value."""


def features(candidate: CandidateSpec) -> Array:
    """Return (num_features,) numbers; all candidates of one space have the same ones in the same order.

    Widths are relative to the net's mean width, on a log scale, so that they tell shapes apart and not sizes. The first
    number is the logarithm of the number of parameters, on which the best shape and training depend.
    """
    stages = _stages(candidate)
    widths = [[math.log(conv.width) for conv in stage] for stage in stages]
    every = [width for stage in widths for width in stage]
    mean = sum(every) / len(every)
    numbers = [math.log(candidate.num_params), mean, _narrowest_step(every)]
    for stage, logs in zip(stages, widths, strict=True):
        numbers += [
            float(len(stage)),
            # The first convolution of a net is plain in any case.
            float(stage[-1].separable),
            sum(logs) / len(logs) - mean,
            logs[-1] - logs[0],
        ]
    training = candidate.training
    numbers += [
        math.log(training.batch_size),
        math.log(training.max_lr),
        math.log(training.weight_decay + SMALLEST_SETTING),
        training.label_smoothing,
        training.rotation,
        stages[0][0].dropout,
    ]
    return np.array(numbers)


@dataclass(frozen=True)
class FeatureScale:
    """The mean and the standard deviation of each feature over some candidates, (num_features,) each."""

    center: Array
    spread: Array

    @classmethod
    def of(cls, candidates: Sequence[CandidateSpec]) -> "FeatureScale":
        numbers = np.array([features(candidate) for candidate in candidates])
        # A feature that does not vary in the space says nothing.
        return cls(numbers.mean(0), np.where(numbers.std(0) > 1e-9, numbers.std(0), np.inf))

    def scaled(self, candidates: Sequence[CandidateSpec]) -> Array:
        """Return (N, num_features) features with a mean of 0 and a standard deviation of 1 over those candidates."""
        scaled: Array = (np.array([features(candidate) for candidate in candidates]) - self.center) / self.spread
        return scaled


def _stages(candidate: CandidateSpec) -> list[list[Conv]]:
    """Return the convolutions of each stage: a pool or a stride begins the next one."""
    stages: list[list[Conv]] = [[]]
    for layer in candidate.architecture.layers:
        if isinstance(layer, Pool) or (isinstance(layer, Conv) and layer.stride > 1):
            stages.append([])
        if isinstance(layer, Conv):
            stages[-1].append(layer)
    return [stage for stage in stages if stage]


def _narrowest_step(widths: Sequence[float]) -> float:
    """Return the logarithm of the smallest ratio of a width to the one before it, at most 0: how tight a neck is."""
    return min([0.0, *(after - before for before, after in pairwise(widths))])
