"""What a net takes on a device as integer C, counted from its layers alone: bytes of flash and RAM, multiply-adds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from space.architecture import ArchitectureSpec
from space.errors import InputError
from space.layers import Conv, GlobalAveragePool, Linear, MaxPool, Pool
from space.summary import Step, inference_steps

LAYER_BYTES = 48
"""Size of a row of the C code's layer table: seven int32_t, five int16_t, seven uint8_t, and what aligns the next."""
BIAS_BYTES = 4
SUM_BYTES = 4
FACTOR_BYTES = 5
"""Size of what a sum is multiplied by before it becomes a byte: a factor, int32_t, and a shift, uint8_t."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the C code with integers takes that ``export --format c-int8`` writes, to the byte."""

    flash_bytes: int
    """Constants: weights, biases, factors and the layer table. The code is not among them."""
    ram_bytes: int
    """Activations, which are all static. The stack, and the image that the caller gives, are not among them."""
    num_macs: int
    """Multiply-accumulates for one image."""


def footprint(architecture: ArchitectureSpec) -> Footprint:
    """Count what a net takes on a device, without building it."""
    num_macs = 0
    shape = architecture.input_shape
    for layer in architecture.layers:
        num_macs += layer.num_macs(shape)
        shape = layer.output_shape(shape)
    steps = inference_steps(architecture)
    flash_bytes = max(1, sum(map(_num_weights, steps))) + sum(map(_constant_bytes, steps))  # C has no arrays of size 0
    return Footprint(flash_bytes, place_maps(steps).num_bytes + SUM_BYTES * num_sums(steps), num_macs)


@lru_cache(maxsize=10_000)
def footprint_of(notation: str) -> Footprint | None:
    """Count what the net of a notation takes; None where the notation can't be read, as in a damaged store."""
    try:
        return footprint(ArchitectureSpec.from_text(notation))
    except InputError:
        return None


def num_sums(steps: Sequence[Step]) -> int:
    """Count the sums that are stored while a step pools or adds up: one for each channel of the widest step.

    Where maxima are averaged, it is two for each channel: the latest maximum, and the sum of those before it.
    """
    return max(step.output_shape[0] * (1 + _averages_maxima(step)) for step in steps)


def _averages_maxima(step: Step) -> bool:
    return takes_mean(step) and any(isinstance(layer, MaxPool) for layer in step.layers)


def pool_side(step: Step) -> int:
    """Return the side of the squares that a step pools, 1 if none: pools of sizes 2 and 3 equal one pool of size 6."""
    return math.prod(layer.size for layer in step.layers if isinstance(layer, Pool))


def takes_mean(step: Step) -> bool:
    """Return whether a step keeps only the mean of each of its maps."""
    return any(isinstance(layer, GlobalAveragePool) for layer in step.layers)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the maps between the steps of a net lie in one buffer."""

    num_bytes: int
    """Size of the buffer."""
    inputs: tuple[int, ...]
    """Where the input of each step begins, directly followed by the step's scratch values. The first step reads the
    image where its caller has it, so that for this step only the scratch values lie there."""


def place_maps(steps: Sequence[Step]) -> Placement:
    """Place the maps, a byte for each value, in the smallest buffer in which no step overwrites what it still reads.

    Maps are stored row by row, with all channels of a place together, and a step writes one row of places after the
    other. So its output may begin before its input and grow into the rows that it has read for the last time, or lie
    apart from the input, behind its scratch values.
    """
    low, high = 0, sum(map(math.prod, (step.input_shape for step in steps))) + sum(map(_scratch_bytes, steps)) + 1
    while low < high:  # the smallest size that is enough: whatever fits a buffer fits a larger one
        middle = (low + high) // 2
        if _place_within(steps, middle) is None:
            low = middle + 1
        else:
            high = middle
    inputs = _place_within(steps, high)
    assert inputs is not None
    return Placement(max(1, high), inputs)  # C has no arrays of size 0


def _place_within(steps: Sequence[Step], num_bytes: int) -> tuple[int, ...] | None:
    """Place the input of each step in a buffer; returns None if they do not fit.

    Of all places that a map could take only the first and the last matter for what follows: the next map begins as much
    before it as it needs to, or behind it.
    """
    bounds: list[tuple[int, int]] = []
    for number, step in enumerate(steps):
        room = num_bytes - _input_bytes(number, step) - _scratch_bytes(step)
        if number == 0:
            places = [0, room]
        else:
            before, (first, last) = steps[number - 1], bounds[-1]
            behind = first + _input_bytes(number - 1, before) + _scratch_bytes(before)
            ahead = last - _lead(number - 1, before)
            places = ([0, min(ahead, room)] if ahead >= 0 else []) + ([behind, room] if behind <= room else [])
        if not places or room < 0:
            return None
        bounds.append((min(places), max(places)))
    chosen = [bounds[-1][0]]
    for number in range(len(steps) - 2, -1, -1):  # from the last to the first, each where the one after it allows
        step, (first, last) = steps[number], bounds[number]
        is_behind = chosen[-1] >= first + _input_bytes(number, step) + _scratch_bytes(step)
        chosen.append(first if is_behind else last)
    return tuple(reversed(chosen))


def _lead(number: int, step: Step) -> int:
    """Return how many bytes before its input a step's output must begin at least, to grow into it."""
    channels, height, _ = step.output_shape
    written = channels * step.output_shape[2]
    if number == 0 or takes_mean(step):
        return channels * height * step.output_shape[2]
    read = step.input_shape[0] * step.input_shape[2]
    first = step.layers[0]
    stride, padding = (first.stride, first.padding) if isinstance(first, Conv) else (1, 0)
    pool = pool_side(step)
    return max((y + 1) * written - max(0, y * pool * stride - padding) * read for y in range(height))


def _input_bytes(number: int, step: Step) -> int:
    return 0 if number == 0 else math.prod(step.input_shape)


def _scratch_bytes(step: Step) -> int:
    """Count the bytes that a convolution stores for one place: what its kernel covers, and if separable, the value of
    each channel between its halves.
    """
    first = step.layers[0] if step.layers else None
    if not isinstance(first, Conv) or first.kernel == 1:
        return 0
    return step.input_shape[0] * (first.kernel**2 + first.separable)


def _num_weights(step: Step) -> int:
    match step.layers:
        case (Conv() as conv, *_):
            return conv.num_weights(step.input_shape[0])
        case (Linear() as linear, *_):
            return linear.num_macs(step.input_shape)
    return 0


def _constant_bytes(step: Step) -> int:
    """Return the size of a step's biases and factors, and of its row of the layer table."""
    num_biases = num_factors = step.output_shape[0]
    first = step.layers[0] if step.layers else None
    if isinstance(first, Conv):
        num_biases += first.width if first.ops == "rb" else 0
        num_factors += step.input_shape[0] if first.separable else 0
    return BIAS_BYTES * num_biases + FACTOR_BYTES * num_factors + LAYER_BYTES
