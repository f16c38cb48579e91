"""Aligning a known net's convolutions with those of the candidates of a search space."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from space.architecture import ArchitectureSpec
from space.layers import Conv, Pool
from space.ranges import Stage
from space.search_space import SearchSpace

ADDED = DROPPED = 2.0
"""Distance for one layer more or less, the same as for a width that changes by a factor of e^2."""
DROPPED_1X1 = 0.25
"""Distance for dropping a 1x1 convolution, which mixes channels but does not enlarge the receptive field."""


@dataclass(frozen=True)
class Placed:
    """A convolution and its position in its net."""

    conv: Conv
    part: int
    """Number of pools before the convolution."""
    place: float
    """Position of the convolution in its net, from 0 to 1."""


@dataclass(frozen=True)
class Target:
    """A layer of a possible candidate."""

    stage_number: int
    """Number of the stage, counted from 1."""
    stage: Stage
    place: float

    def clip(self, width: int) -> int:
        return min(max(width, self.stage.width[0]), self.stage.width[1])


@dataclass(frozen=True)
class Alignment:
    """An assignment of a known net's layers to the layers of a candidate."""

    distance: float
    known: Sequence[Placed]
    targets: Sequence[Target]
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


def placed_layers(architecture: ArchitectureSpec) -> list[Placed]:
    parts: list[list[Conv]] = [[]]
    for layer in architecture.layers:
        if isinstance(layer, Pool):
            parts.append([])
        elif isinstance(layer, Conv):
            if layer.stride > 1:  # as good as a pool
                parts.append([])
            parts[-1].append(layer)
    places = _places([len(part) for part in parts])
    return [Placed(conv, number, next(places)) for number, part in enumerate(parts) for conv in part]


def _places(sizes: Sequence[int]) -> Iterator[float]:
    """Yield the position of each layer in a net; ``sizes`` are the numbers of layers between its pools."""
    return ((part + (i + 0.5) / size) / len(sizes) for part, size in enumerate(sizes) for i in range(size))


def align_with_space(space: SearchSpace, known: Sequence[Placed]) -> Alignment:
    """Return the alignment with the smallest distance over all depths of all stages; the first of equal ones."""
    drops = sorted(_drop(layer.conv) for layer in known)
    best: Alignment | None = None
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
                    Target(number, stage, next(places))
                    for number, (stage, depth) in enumerate(zip(space.stage, depths, strict=True), start=1)
                    for _ in range(depth)
                ],
            )
            if best is None or alignment.distance < best.distance:
                best = alignment
    assert best is not None
    return best


def _align(known: Sequence[Placed], targets: Sequence[Target]) -> Alignment:
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
    return Alignment(distance, known, targets, sources)


def _difference(layer: Placed, target: Target) -> float:
    width, kernel = layer.conv.width, layer.conv.kernel
    return (
        abs(math.log(target.clip(width) / width))
        + abs(math.log(target.stage.kernel / kernel))
        + abs(target.place - layer.place)
    )


def _drop(conv: Conv) -> float:
    return DROPPED_1X1 if conv.kernel == 1 else DROPPED
