"""Finding the candidate of a search space that is nearest to a known net."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from optuna.trial import FixedTrial

from search.sampling.alignment import Alignment, align_with_space, placed_layers
from search.sampling.differences import changes
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.layers import AveragePool, Conv, Pool
from space.limits import NO_LIMITS, DeviceLimits, fits
from space.search_space import NATURAL_SETTINGS, UNIT_ROTATION, UNIT_SCALE, UNIT_TRANSLATION, SearchSpace

MOST_TAKEN_OFF = 35
"""Largest reduction of a layer's width, in per cent, to fit the budget."""


@dataclass(frozen=True)
class Nearest:
    params: dict[str, Any]
    """A value for each parameter of the space."""
    candidate: CandidateSpec
    """The candidate that these parameters describe."""
    changes: tuple[str, ...]
    """Descriptions of its differences from the known net; empty if they are equal."""


def nearest_params(
    space: SearchSpace, candidate: CandidateSpec, *, budget: int, limits: DeviceLimits = NO_LIMITS, epochs: int
) -> Nearest | None:
    """Find the candidate of ``space`` that is nearest to a known net, within ``budget`` parameters and ``limits``.

    The distance between two nets is the smallest sum, over alignments that keep the order of their convolutions, of

    - for a layer kept: abs(log(new width / width)) + abs(log(new kernel / kernel)) + the change of its position.
      Positions go from 0 to 1; the parts between pools have equal lengths, and so have the layers within a part;
    - for a layer added or dropped: `ADDED`, `DROPPED`, or `DROPPED_1X1` for a 1x1 convolution.

    All depths of all stages are compared. An added layer is as wide as the one before it, if possible in its own stage.
    If the nearest candidate is over the budget or a limit, all its widths are multiplied by the largest of 0.99, 0.98,
    ... with which it fits; returns None if this reduces them by more than `MOST_TAKEN_OFF` per cent.

    A stage's convolutions and the pools become of the kind that most of the known net's are, if there is a choice.
    Training settings become the nearest values in their ranges, batch sizes on a log scale. Dropout is the mean over
    the layers kept, and the strength of augmentation the median of the strengths of rotation, translation and scale. A
    candidate of the space within the budget is its own nearest candidate.
    """
    alignment = align_with_space(space, placed_layers(candidate.architecture))
    sampled = _nearest_training(space, candidate.training) | {"dropout": _nearest_dropout(space, alignment.kept)}
    sampled |= _nearest_kinds(space, alignment, candidate.architecture)
    for per_cent in range(100, 99 - MOST_TAKEN_OFF, -1):
        params = _width_params(space, alignment, per_cent) | sampled
        nearest = space.suggest_candidate(FixedTrial(params), epochs=epochs)
        if fits(nearest, budget, limits):
            return Nearest(params, nearest, tuple(_changes(candidate, nearest, alignment)))
    return None


def _changes(known: CandidateSpec, nearest: CandidateSpec, alignment: Alignment) -> Iterator[str]:
    layers = zip(alignment.sources, placed_layers(nearest.architecture), strict=True)
    kept = [(alignment.known[source], layer) for source, layer in layers if source is not None]
    return changes(
        known,
        nearest,
        [(old.conv, new.conv) for old, new in kept],
        moved=any(old.part != new.part for old, new in kept),
        dropped=alignment.dropped,
        num_added=alignment.sources.count(None),
    )


def _width_params(space: SearchSpace, alignment: Alignment, per_cent: int) -> dict[str, int]:
    """Return depths and widths at ``per_cent`` of the alignment's; layers the candidate lacks repeat the last width."""
    params = {}
    for i, stage in enumerate(space.stage, start=1):
        widths = [
            target.clip((width * per_cent + 50) // 100)
            for target, width in zip(alignment.targets, alignment.widths, strict=True)
            if target.stage_number == i
        ]
        params[f"stage{i}_layers"] = len(widths)
        for j in range(stage.layers[1]):
            params[f"stage{i}_width{j + 1}"] = widths[min(j, len(widths) - 1)]
    return params


def _nearest_kinds(space: SearchSpace, alignment: Alignment, known: ArchitectureSpec) -> dict[str, Any]:
    """Return the kinds of convolutions and pools, where there is a choice: the known net's own, else the first."""
    kinds: dict[str, Any] = {}
    for i, stage in enumerate(space.stage, start=1):
        own = [
            "separable" if alignment.known[source].conv.separable else "plain"
            for position, (target, source) in enumerate(zip(alignment.targets, alignment.sources, strict=True))
            # A net's first convolution is never separable.
            if target.stage_number == i and source is not None and position > 0
        ]
        if len(stage.convolution_choices) > 1:
            kinds[f"stage{i}_convolution"] = max(stage.convolution_choices, key=own.count)
    if len(space.architecture.pool_choices) > 1:
        pools = [
            "average" if isinstance(layer, AveragePool) else "max" if isinstance(layer, Pool) else "stride"
            for layer in known.layers
            if isinstance(layer, Pool) or (isinstance(layer, Conv) and layer.stride > 1)
        ]
        kinds["pool"] = max(space.architecture.pool_choices, key=pools.count)
    return kinds


def _nearest_dropout(space: SearchSpace, kept: Sequence[Conv]) -> float:
    low, high = space.architecture.dropout
    return _clip(round(fmean(conv.dropout for conv in kept), 2) if kept else low, (low, high))


def _nearest_training(space: SearchSpace, training: TrainingConfig) -> dict[str, Any]:
    ranges = space.training
    return {
        "batch_size": min(ranges.batch_size_choices, key=lambda size: abs(math.log(size / training.batch_size))),
        "max_lr": _clip(training.max_lr, ranges.max_lr),
        "weight_decay": _clip(training.weight_decay, ranges.weight_decay),
        "label_smoothing": _clip(training.label_smoothing, ranges.label_smoothing),
        "augmentation": _clip(_strength(training), ranges.augmentation),
        **{
            name: _clip(getattr(training, name), getattr(ranges, name))
            for name in NATURAL_SETTINGS
            if getattr(ranges, name)[0] < getattr(ranges, name)[1]
        },
    }


def _strength(training: TrainingConfig) -> float:
    """Return the strength of augmentation with the smallest sum of differences from the settings, in their units."""
    wanted = (
        (training.rotation, UNIT_ROTATION),
        (training.translation, UNIT_TRANSLATION),
        (training.scale, UNIT_SCALE),
    )
    median = sorted(value / unit for value, unit in wanted)[1]
    # Multiplying a strength by a unit and dividing again may change its last bit, so neighbouring values are tried.
    near = (median, math.nextafter(median, 0.0), math.nextafter(median, math.inf))
    return min(near, key=lambda strength: sum(abs(strength * unit - value) / unit for value, unit in wanted))


def _clip(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
