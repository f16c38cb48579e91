"""What a net takes on a device: worked out by hand, and maps that no step overwrites while it reads them."""

import itertools
import math

import pytest
from hypothesis import example, given

from space.architecture import ArchitectureSpec
from space.footprint import Footprint, footprint, place_maps
from space.layers import Conv, GlobalAveragePool, Pool
from space.summary import inference_steps, summarise
from tests.strategies import architectures

MEMBER = "7s:brd0.01 9s:brd0.01 p 9s:brd0.01 9s:brd0.01 p 13v:brd0.01 19v:brd0.01 gap fc10+"

BY_HAND = {
    # The second layer reads 28 rows of 196 bytes, and its output begins by a row of its own, 14 x 9 bytes, before them;
    # behind them lie the 9 places of 7 channels that a kernel covers. The widest layer has 19 sums.
    MEMBER: (9 * (7 + 63 + 81 + 81 + 117 + 247) + 190, 76, 76, 7, 28 * 28 * 7 + 14 * 9 + 9 * 7 + 4 * 19),
    # The image is not in the buffer, nor are logits; a pool and a mean are merged into the convolution before them,
    # which keeps 9 places of 1 channel, and for maxima that are averaged two sums for a channel.
    "4s:br p gap fc10": (36 + 40, 14, 14, 2, 9 + 4 + 4 * 10),
    "12s:br p gap fc10": (108 + 120, 22, 22, 2, 9 + 12 + 4 * 24),
    "4s:br p 8s:br gap fc10": (36 + 288 + 80, 22, 22, 3, 14 * 14 * 4 + 9 * 4 + 8 + 4 * 10),
    # A BatchNorm after ReLU has biases of its own. A separable convolution has factors for its first half, and keeps
    # the values between its halves, 4, beside what the kernel covers.
    "4s:br ap sep6s:rb ap flat fc10+": (
        36 + (36 + 24) + 2940,
        *(4 + 12 + 10, 4 + (4 + 6) + 10, 3),
        784 + (9 * 4 + 4) + 7 * 6 + 4 * 10,
    ),
    "p4 sep9s:br gap": (9 + 9, 1 + 9, 1 + (1 + 9), 2, 49 + (9 + 1) + 4 * 9),
    "gap": (1, 1, 1, 1, 1 + 4),  # C has no arrays of size 0
}
"""Weights, biases, factors, layers, and bytes of RAM."""


@pytest.mark.parametrize("text", BY_HAND)
def test_a_footprint_worked_out_by_hand(text: str) -> None:
    num_weights, num_biases, num_factors, num_layers, ram_bytes = BY_HAND[text]
    flash_bytes = num_weights + 4 * num_biases + 5 * num_factors + 48 * num_layers
    architecture = ArchitectureSpec.from_text(text)
    num_macs = sum(row.num_macs for row in summarise(architecture))
    assert footprint(architecture) == Footprint(flash_bytes, ram_bytes, num_macs)


@given(architectures())
@example(ArchitectureSpec.from_text(MEMBER))
@example(ArchitectureSpec.from_text("12s:br 12s:br 12s:br 12s:br 12s:br flat fc10"))
@example(ArchitectureSpec.from_text("2s:br 9s/2:br 30s:br 2k5p4:br 40s:br ap 3v:br 50k1:br flat fc99 fc10"))
@example(ArchitectureSpec.from_text("sep3s:br ap p sep40s ap sep4k5p4/2 gap fc10"))
def test_no_step_overwrites_what_is_still_read(architecture: ArchitectureSpec) -> None:
    steps = inference_steps(architecture)
    placement = place_maps(steps)
    for number, step in enumerate(steps):
        start = placement.inputs[number]
        size = math.prod(step.input_shape) if number else 0
        pool = math.prod(layer.size for layer in step.layers if isinstance(layer, Pool))
        has_mean = any(isinstance(layer, GlobalAveragePool) for layer in step.layers)
        conv = step.layers[0] if step.layers and isinstance(step.layers[0], Conv) else Conv(1, 1, 0)
        num_scratch = step.input_shape[0] * (conv.kernel**2 + conv.separable) if conv.kernel > 1 else 0
        assert start >= 0
        assert start + size + num_scratch <= placement.num_bytes
        if number == len(steps) - 1:
            continue  # it writes into its caller's memory
        row_bytes = step.input_shape[0] * step.input_shape[2]
        out, (channels, height, width) = placement.inputs[number + 1], step.output_shape
        assert out + channels * height * width <= placement.num_bytes
        for y in range(height):
            end = out + (y + 1) * channels * width
            first_read = 0 if has_mean else max(0, y * pool * conv.stride - conv.padding)
            still_read = start + first_read * row_bytes if number else start
            # Written from the start of the output up to here; read from there to the end of the scratch values.
            assert end <= still_read or out >= start + size + num_scratch, (architecture, number, y)


@given(architectures())
def test_a_buffer_is_hardly_larger_than_its_largest_map_and_never_than_two(architecture: ArchitectureSpec) -> None:
    steps = inference_steps(architecture)
    maps = [math.prod(step.input_shape) for step in steps[1:]]
    kernels = [layer.kernel if isinstance(layer, Conv) else 1 for layer in architecture.layers]
    most = max(step.input_shape[0] for step in steps) * (max(kernels) ** 2 + 1)
    num_bytes = place_maps(steps).num_bytes
    assert max([1, *maps]) <= num_bytes <= most + max([1, *map(sum, itertools.pairwise([0, *maps, 0]))])
