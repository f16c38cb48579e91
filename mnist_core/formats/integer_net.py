"""A net of integers, computed with numpy as the exported C code computes it, bit for bit (docs/model-files.md).

Activations are bytes q that stand for (q - zero) times a scale, weights int8, sums int32. A sum becomes a byte by a
factor of 31 bits and a shift, rounded once: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", arXiv:1712.05877, section 2.2, as in TensorFlow Lite and CMSIS-NN.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOGIT_BITS = 16
"""Bits of a logit's fraction: an int32 logit stands for itself divided by 65,536."""
INT32 = np.iinfo(np.int32)
DEPTHWISE_ZERO = 128
"""The byte that stands for 0 in the values between the halves of a separable convolution."""
_CHUNK = 200
"""Number of images that are computed at a time."""
_WINDOW_BYTES = 64 * 2**20
"""Memory for the windows of some images, which holds each pixel as often as there are places in the kernel."""

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A row of the C code's layer table, applied in the order of the fields from ``depthwise`` to ``out_zero``."""

    token: str
    in_shape: tuple[int, int, int]
    """(height, width, channels)"""
    padding: int
    stride: int
    zero: int
    """The byte that stands for 0 in the input; of it consists the padding."""
    depthwise: NDArray[np.int8] | None
    """(kernel, kernel, in): the first half of a separable convolution; None for another one."""
    weights: NDArray[np.int8] | None
    """(out, kernel, kernel, in), with a kernel of 1 for a separable one; None for a step without weights."""
    biases: NDArray[np.int32]
    """(out,), added to the sums of bytes times weights; they make good that a byte of 0 does not stand for 0."""
    relu: bool
    down: int
    """Bits by which a value is shifted to the right before values are added up, lest their sum has more than 32."""
    pool: int
    """Side of the squares that are pooled; 1 if none are."""
    average: bool
    """Whether pooling takes the sum of a square, which ``factors`` divide, instead of its largest value."""
    mean: bool
    """Whether the sum over each map is taken, which ``factors`` divide, instead of every value."""
    late_biases: NDArray[np.int32] | None
    """(out,), added after all that: shifts of a BatchNorm that follows ReLU; None without one."""
    factors: NDArray[np.int32]
    """Those of the depthwise values, if there are any, then (out,). The value of a channel whose factor is negative
    changes its sign after ReLU, and the factor with it: what pooling takes is then the smallest."""
    shifts: NDArray[np.uint8]
    """Bits by which the products with ``factors`` are shifted to the right."""
    out_zero: int
    """The byte that stands for 0 in the output."""

    @property
    def kernel(self) -> int:
        """Side of the windows; 0 without weights."""
        weights = self.weights if self.depthwise is None else self.depthwise
        return 0 if weights is None else int(weights.shape[1])

    @property
    def out_channels(self) -> int:
        return len(self.biases)

    @property
    def out_sizes(self) -> tuple[int, int]:
        """Height and width of the output maps, before the mean is taken."""
        height, width, _ = self.in_shape
        if self.kernel:
            height, width = ((side + 2 * self.padding - self.kernel) // self.stride + 1 for side in (height, width))
        return height // self.pool, width // self.pool


def integer_logits(layers: Sequence[IntegerLayer], images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Compute the (N, num_classes) logits of (N, height, width, channels) bytes, in units of 2 to the -`LOGIT_BITS`."""
    chunks = [_logits(layers, images[first : first + _CHUNK]) for first in range(0, len(images), _CHUNK)]
    return np.concatenate(chunks)


def _logits(layers: Sequence[IntegerLayer], images: NDArray[np.uint8]) -> NDArray[np.int32]:
    values: Array = images
    for layer in layers[:-1]:
        values = np.clip(_run(layer, values) + layer.out_zero, 0, 255)
    logits = np.clip(_run(layers[-1], values), INT32.min, INT32.max).astype(np.int32)
    return logits.transpose(0, 3, 1, 2).reshape(len(images), -1)


def _run(layer: IntegerLayer, values: Array) -> NDArray[np.int64]:
    """Return (N, height, width, out), as multiples of the scale of the layer's output."""
    # Sums of products of bytes are exact in floats of 64 bits, whose matrix products are fast.
    given = values.reshape(-1, *layer.in_shape).astype(np.float64)
    sums: Array = given
    num_depthwise = 0
    if layer.depthwise is not None:
        num_depthwise = layer.in_shape[2]
        sums = depthwise_sums(given - layer.zero, layer.depthwise, layer.padding, layer.stride).astype(np.int64)
        scaled = _scale(sums, layer.factors[:num_depthwise], layer.shifts[:num_depthwise])
        assert layer.weights is not None
        sums = window_sums(np.clip(scaled + DEPTHWISE_ZERO, 0, 255).astype(np.float64), layer.weights, 0, 1)
    elif layer.weights is not None:
        sums = window_sums(given, layer.weights, layer.padding, layer.stride, outside=layer.zero)
    found = sums.astype(np.int64) + layer.biases
    if layer.relu:
        found = found.clip(min=0)
    factors = layer.factors[num_depthwise:]
    found = (found >> layer.down) * np.sign(factors)
    found = pool_squares(found, layer.pool, average=layer.average)
    if layer.mean:
        found = found.sum((1, 2), keepdims=True)
    if layer.late_biases is not None:
        found = found + layer.late_biases
    assert np.abs(found).max() <= INT32.max, "sums have 32 bits"
    return _scale(found, np.abs(factors), layer.shifts[num_depthwise:])


def _scale(values: NDArray[np.int64], factors: NDArray[np.int32], shifts: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Multiply by factors, one for each channel, and divide by powers of 2, rounding half up."""
    bits = shifts.astype(np.int64)
    scaled: NDArray[np.int64] = (values * factors.astype(np.int64) + (np.int64(1) << (bits - 1))) >> bits
    return scaled


def window_sums(values: Array, weights: Array, padding: int, stride: int, *, outside: int = 0) -> Array:
    """Convolve (N, height, width, in) with (out, kernel, kernel, in) weights; the padding consists of ``outside``."""
    kernel = weights.shape[1]
    edges = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    padded = np.pad(values, edges, constant_values=outside)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    strided = windows[:, ::stride, ::stride]
    kernels = weights.astype(np.float64)
    # The windows of a few images at a time are copied for the product.
    at_once = max(1, _WINDOW_BYTES // (math.prod(strided.shape[1:]) * kernels.itemsize))
    parts = (strided[first : first + at_once] for first in range(0, len(strided), at_once))
    return np.concatenate([np.tensordot(part, kernels, axes=([4, 5, 3], [1, 2, 3])) for part in parts])


def depthwise_sums(values: Array, weights: Array, padding: int, stride: int) -> Array:
    """Convolve each channel of (N, height, width, in) with its own of (kernel, kernel, in) weights."""
    kernel = weights.shape[0]
    padded = np.pad(values, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    sums: Array = np.einsum("nyxcij,ijc->nyxc", windows[:, ::stride, ::stride], weights.astype(np.float64))
    return sums


def pool_squares(values: Array, side: int, *, average: bool) -> Array:
    """Take the largest value of each square of (N, height, width, channels), or the sum if ``average``."""
    num_images, height, width, channels = values.shape
    cut = values[:, : height // side * side, : width // side * side]
    squares = cut.reshape(num_images, height // side, side, width // side, side, channels)
    pooled: Array = squares.sum((2, 4)) if average else squares.max((2, 4))
    return pooled
