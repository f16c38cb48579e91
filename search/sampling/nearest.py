"""Finding the candidate of a search space that is nearest to a known net, and their differences."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from optuna.trial import FixedTrial

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.layers import Conv, MaxPool
from space.search_space import UNIT_ROTATION, UNIT_SCALE, UNIT_TRANSLATION, SearchSpace, Stage

ADDED = DROPPED = 2.0
"""Distance for one layer more or less, the same as for a width that changes by a factor of e^2."""
DROPPED_1X1 = 0.25
"""Distance for dropping a 1x1 convolution, which mixes channels but does not enlarge the receptive field."""
MOST_TAKEN_OFF = 35
"""Largest reduction of a layer's width, in per cent, to fit the budget."""

SAMPLED_SETTINGS = (
    "epochs",
    "batch_size",
    "max_lr",
    "weight_decay",
    "label_smoothing",
    "rotation",
    "translation",
    "scale",
)
FIXED_SETTINGS = {
    "optimizer": ("optimizer", "momentum", "peak_momentum", "nesterov", "clip_norm"),
    "schedule": (
        *("schedule", "pct_start", "div_factor", "final_div_factor", "anneal"),
        *("lr_factor", "lr_step", "lr_patience", "plateau_on"),
    ),
    "pixel scaling": ("pixel_mean", "pixel_std"),
    "stopping": ("stop_accuracy", "patience"),
}
"""Training settings that no space samples, by the words that messages use for them."""


@dataclass(frozen=True)
class Nearest:
    params: dict[str, Any]
    """A value for each parameter of the space."""
    candidate: CandidateSpec
    """The candidate that these parameters describe."""
    changes: tuple[str, ...]
    """Descriptions of its differences from the known net; empty if they are equal."""


def nearest_params(space: SearchSpace, candidate: CandidateSpec, *, budget: int, epochs: int) -> Nearest | None:
    """Find the candidate of ``space`` that is nearest to a known net and has at most ``budget`` parameters.

    The distance between two nets is the smallest sum, over alignments that keep the order of their convolutions, of

    - for a layer kept: abs(log(width / width)) + abs(log(kernel / kernel)) + the change of its position. Positions go
      from 0 to 1; the parts between pools have equal lengths, and so have the layers within a part;
    - for a layer added or dropped: `ADDED`, `DROPPED`, or `DROPPED_1X1` for a 1x1 convolution.

    All depths of all stages are compared. An added layer is as wide as the one before it, if possible in its own stage.
    If the nearest candidate is over the budget, all its widths are multiplied by the largest of 0.99, 0.98, ... with
    which it fits; returns None if this reduces them by more than `MOST_TAKEN_OFF` per cent.

    Training settings become the nearest values in their ranges, batch sizes on a log scale. Dropout is the mean over
    the layers kept, and the strength of augmentation the median of the strengths of rotation, translation and scale. A
    candidate of the space within the budget is its own nearest candidate.
    """
    alignment = _align_with_space(space, _placed_layers(candidate.architecture))
    sampled = _nearest_training(space, candidate.training) | {"dropout": _nearest_dropout(space, alignment.kept)}
    for per_cent in range(100, 99 - MOST_TAKEN_OFF, -1):
        params = _width_params(space, alignment, per_cent) | sampled
        nearest = space.suggest_candidate(FixedTrial(params), epochs=epochs)
        if nearest.num_params <= budget:
            return Nearest(params, nearest, tuple(_changes(candidate, nearest, alignment)))
    return None


@dataclass(frozen=True)
class _Placed:
    """A convolution and its position in its net."""

    conv: Conv
    part: int
    """Number of pools before the convolution."""
    place: float
    """Position of the convolution in its net, from 0 to 1."""


@dataclass(frozen=True)
class _Target:
    """A layer of a possible candidate."""

    stage_number: int
    """Number of the stage, counted from 1."""
    stage: Stage
    place: float

    def clip(self, width: int) -> int:
        return min(max(width, self.stage.width[0]), self.stage.width[1])


@dataclass(frozen=True)
class _Alignment:
    """An assignment of a known net's layers to the layers of a candidate."""

    distance: float
    known: Sequence[_Placed]
    targets: Sequence[_Target]
    sources: Sequence[int | None]
    """Index of the known layer for each target; None for an added layer."""

    @property
    def kept(self) -> list[Conv]:
        return [self.known[source].conv for source in self.sources if source is not None]

    @property
    def dropped(self) -> list[Conv]:
        return [layer.conv for number, layer in enumerate(self.known) if number not in self.sources]

    @property
    def widths(self) -> list[int]:
        """Widths of the candidate, clipped to the ranges of its stages."""
        latest = self.kept[0].width if self.kept else 0
        widths = []
        layers = zip(self.targets, self.sources, strict=True)
        for _, stage in itertools.groupby(layers, key=lambda layer: layer[0].stage_number):
            targets, sources = zip(*stage, strict=True)
            own = [self.known[source].conv.width for source in sources if source is not None]
            latest = own[0] if own else latest
            for target, source in zip(targets, sources, strict=True):
                latest = latest if source is None else self.known[source].conv.width
                widths.append(target.clip(latest))
        return widths


def _placed_layers(architecture: ArchitectureSpec) -> list[_Placed]:
    parts: list[list[Conv]] = [[]]
    for layer in architecture.layers:
        if isinstance(layer, MaxPool):
            parts.append([])
        elif isinstance(layer, Conv):
            parts[-1].append(layer)
    places = _places([len(part) for part in parts])
    return [_Placed(conv, number, next(places)) for number, part in enumerate(parts) for conv in part]


def _places(sizes: Sequence[int]) -> Iterator[float]:
    """Yield the position of each layer in a net; ``sizes`` are the numbers of layers between its pools."""
    return ((part + (i + 0.5) / size) / len(sizes) for part, size in enumerate(sizes) for i in range(size))


def _align_with_space(space: SearchSpace, known: Sequence[_Placed]) -> _Alignment:
    """Return the alignment with the smallest distance over all depths of all stages; the first of equal ones."""
    drops = sorted(_drop(layer.conv) for layer in known)
    best: _Alignment | None = None
    all_depths = itertools.product(*(range(stage.layers[0], stage.layers[1] + 1) for stage in space.stage))
    # Depths closest to the net's own come first, so that most of a large space need not be aligned.
    for depths in sorted(all_depths, key=lambda depths: abs(sum(depths) - len(known))):
        surplus = len(known) - sum(depths)
        at_least = -surplus * ADDED if surplus < 0 else math.fsum(drops[:surplus])
        if best is None or at_least < best.distance:
            places = _places(depths)
            alignment = _align(
                known,
                [
                    _Target(number, stage, next(places))
                    for number, (stage, depth) in enumerate(zip(space.stage, depths, strict=True), start=1)
                    for _ in range(depth)
                ],
            )
            if best is None or alignment.distance < best.distance:
                best = alignment
    assert best is not None
    return best


def _align(known: Sequence[_Placed], targets: Sequence[_Target]) -> _Alignment:
    """Return the alignment with the smallest distance, computed like an edit distance (Wagner and Fischer 1974)."""
    # For each j, the distance and the sources that align the known layers so far with the first j targets.
    row: list[tuple[float, tuple[int | None, ...]]] = [(j * ADDED, (None,) * j) for j in range(len(targets) + 1)]
    for number, layer in enumerate(known):
        previous, row = row, [(row[0][0] + _drop(layer.conv), ())]
        for j, target in enumerate(targets):
            options = (
                (previous[j][0] + _difference(layer, target), (*previous[j][1], number)),
                (previous[j + 1][0] + _drop(layer.conv), previous[j + 1][1]),
                (row[j][0] + ADDED, (*row[j][1], None)),
            )
            row.append(min(options, key=lambda option: option[0]))
    distance, sources = row[-1]
    return _Alignment(distance, known, targets, sources)


def _difference(layer: _Placed, target: _Target) -> float:
    width, kernel = layer.conv.width, layer.conv.kernel
    return (
        abs(math.log(target.clip(width) / width))
        + abs(math.log(target.stage.kernel / kernel))
        + abs(target.place - layer.place)
    )


def _drop(conv: Conv) -> float:
    return DROPPED_1X1 if conv.kernel == 1 else DROPPED


def _width_params(space: SearchSpace, alignment: _Alignment, per_cent: int) -> dict[str, int]:
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


def _changes(known: CandidateSpec, nearest: CandidateSpec, alignment: _Alignment) -> Iterator[str]:
    """Describe the differences of the candidate from the known net; yields nothing if they are equal."""
    layers = zip(alignment.sources, _placed_layers(nearest.architecture), strict=True)
    kept = [(alignment.known[source], layer) for source, layer in layers if source is not None]
    convs = [(old.conv, new.conv) for old, new in kept]
    if any(old.width != new.width for old, new in convs):
        yield f"widths {_list(old.width for old, _ in convs)} -> {_list(new.width for _, new in convs)}"
    if any(old.kernel != new.kernel for old, new in convs):
        yield f"kernels {_list(old.kernel for old, _ in convs)} -> {_list(new.kernel for _, new in convs)}"
    if alignment.dropped:
        yield f"without {_list(conv.token for conv in alignment.dropped)}"
    if num_added := alignment.sources.count(None):
        yield f"{num_added} more convolution{'s' if num_added > 1 else ''}"
    old_pools, new_pools = (
        [layer.size for layer in candidate.architecture.layers if isinstance(layer, MaxPool)]
        for candidate in (known, nearest)
    )
    if len(old_pools) != len(new_pools):
        yield f"{len(new_pools)} pool{'' if len(new_pools) == 1 else 's'}, not {len(old_pools)}"
    elif any(old.part != new.part for old, new in kept):
        yield "pools at other places"
    if set(old_pools) - {MaxPool().size}:
        yield "pools of 2x2"
    if any(old.ops == "rb" for old, _ in convs):
        yield "batch norm before ReLU"
    if any("b" not in old.ops for old, _ in convs):
        yield "batch norm"
    if any("r" not in old.ops for old, _ in convs):
        yield "ReLU"
    if any(old.padding != new.padding for old, new in convs):
        yield "padding"
    if any(old.bias for old, _ in convs):
        yield "no bias"
    if any(old.dropout != new.dropout for old, new in convs):
        rates = sorted({old.dropout for old, _ in convs})
        yield f"dropout {'/'.join(f'{rate:g}' for rate in rates)} -> {convs[0][1].dropout:g}"
    if any(old.dropout2d for old, _ in convs):
        yield "dropout of single values"
    old_head, new_head = (
        _list(layer.token for layer in candidate.architecture.layers if not isinstance(layer, Conv | MaxPool))
        for candidate in (known, nearest)
    )
    if old_head != new_head:
        yield f"head {old_head} -> {new_head}"
    yield from _training_changes(known.training, nearest.training)


def _training_changes(old: TrainingConfig, new: TrainingConfig) -> Iterator[str]:
    for name in SAMPLED_SETTINGS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"{name} {before:g} -> {after:g}"
    differing = [
        word
        for word, names in FIXED_SETTINGS.items()
        if any(getattr(old, name) != getattr(new, name) for name in names)
    ]
    if differing:
        *others, last = differing
        yield f"the search's own {', '.join(others)}{' and ' if others else ''}{last}"


def _list(values: Iterable[object]) -> str:
    return " ".join(map(str, values))
