"""Turning a trained model into a net of integers, with ranges of activations that calibration images give."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.formats.c_layers import CLayer, fold_layers
from mnist_core.formats.c_model import check_finite
from mnist_core.formats.integer_net import (
    DEPTHWISE_ZERO,
    LOGIT_BITS,
    IntegerLayer,
    depthwise_sums,
    pool_squares,
    window_sums,
)

NUM_CALIBRATION_IMAGES = 500
"""Number of images, the first of those given, whose extremes set the ranges of the activations."""
_MAX_BIAS, _MAX_SUM = 2.0**28, 2.0**30
"""Largest bias and sum that weights are rounded for: where numbers of a model would give larger ones, as those of a
channel without weights do, the channel's weights get a larger scale."""
_TINY = 1e-12

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Scale:
    """What a byte q stands for: (q - zero) * scale. The remainder is what rounding ``zero`` took from every value."""

    scale: float
    zero: int
    remainder: float = 0.0


@dataclass(frozen=True, eq=False)
class _FloatLayer:
    """A layer with its weights in the order of the integer net, whose maps have the channels of a place together."""

    folded: CLayer
    in_shape: tuple[int, int, int]
    """(height, width, channels)"""
    depthwise: Array | None
    """(kernel, kernel, in)"""
    weights: Array | None
    """(out, kernel, kernel, in); None for a step without weights."""

    @property
    def slopes(self) -> Array:
        """(out,): what multiplies a value after ReLU, never quite 0."""
        scales = self.folded.scales
        if scales is None:
            return np.ones(len(self.folded.biases))
        slopes: Array = np.where(scales[0] < 0, -1, 1) * np.maximum(np.abs(scales[0].astype(float)), _TINY)
        return slopes

    @property
    def shifts(self) -> Array:
        """(out,): what is added after that."""
        scales = self.folded.scales
        return np.zeros(len(self.folded.biases)) if scales is None else scales[1].astype(float)

    @property
    def num_added(self) -> int:
        """Number of values of a pool and of a map that are added up, for their mean."""
        height, width = self.folded.out_sizes
        places = height * width if self.folded.mean else 1
        return places * (self.folded.pool**2 if self.folded.average else 1)

    def run(self, values: Array) -> tuple[Array, Array | None]:
        """Return the output for (N, height, width, in) values, and the largest depthwise value of each channel."""
        layer = self.folded
        values = values.reshape(-1, *self.in_shape)
        ranges = None
        padding, stride = layer.padding, layer.stride
        if self.depthwise is not None:
            values = depthwise_sums(values, self.depthwise, padding, stride)
            ranges = np.abs(values).max((0, 1, 2))
            padding, stride = 0, 1
        if self.weights is not None:
            values = window_sums(values, self.weights, padding, stride)
        values = values + layer.biases
        if layer.relu:
            values = values.clip(min=0)
        values = values * self.slopes + self.shifts
        values = pool_squares(values, layer.pool, average=layer.average)
        values = values / (layer.pool**2 if layer.average else 1)
        return values.mean((1, 2), keepdims=True) if layer.mean else values, ranges


def quantise(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> list[IntegerLayer]:
    """Return the layers of a net of integers; ``images`` are training images, (N, height, width, channels) bytes.

    Weights are rounded symmetrically with a scale for each output channel. Activations have one scale for a map, which
    the calibration images fill, and those between the halves of a separable convolution one for each channel. Raises
    `InputError` if the model holds numbers that are not finite.
    """
    values = (images[:NUM_CALIBRATION_IMAGES] / 255.0 - checkpoint.mean) / checkpoint.std
    middle = 255 * checkpoint.mean
    zero = int(np.clip(np.rint(middle), 0, 255))
    given = _Scale(1 / (255 * checkpoint.std), zero, (zero - middle) / (255 * checkpoint.std))
    layers = fold_layers(checkpoint)
    quantised = []
    for number, folded in enumerate(layers):
        for numbers in (folded.all_weights, folded.constants):
            check_finite(numbers)
        layer = _in_order(folded, values.shape[1:])
        values, ranges = layer.run(values)
        out = _scale_of(values) if number < len(layers) - 1 else _Scale(2.0**-LOGIT_BITS, 0)
        quantised.append(_quantise_layer(layer, ranges, given, out))
        given = out
    return quantised


def _in_order(folded: CLayer, before: tuple[int, ...]) -> _FloatLayer:
    """Order a layer's weights for maps of the shape ``before``, (height, width, channels), which it may flatten."""
    height, width, channels = before
    depthwise = None if folded.depthwise is None else folded.depthwise[:, 0].transpose(1, 2, 0)
    if not folded.has_weights:
        return _FloatLayer(folded, (height, width, channels), None, None)
    weights = folded.weights
    num_out, num_in = weights.shape[:2]
    if num_in != channels:  # a fully connected layer: its weights have the order of channels, rows and columns
        flat = weights.reshape(num_out, channels, height, width).transpose(0, 2, 3, 1)
        return _FloatLayer(folded, (1, 1, num_in), None, flat.reshape(num_out, 1, 1, num_in))
    return _FloatLayer(folded, (height, width, channels), depthwise, weights.transpose(0, 2, 3, 1))


def _scale_of(values: Array) -> _Scale:
    """Return the scale with which bytes cover all values, and 0 exactly, which padding and ReLU give."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = (high - low) / 255 or 1.0
    return _Scale(scale, int(np.rint(-low / scale)))


def _quantise_layer(layer: _FloatLayer, ranges: Array | None, given: _Scale, out: _Scale) -> IntegerLayer:
    """Round a layer; ``ranges`` are the largest depthwise values, ``given`` and ``out`` the scales of its maps."""
    folded = layer.folded
    in_scale, zero = given.scale, given.zero
    biases, weights, depthwise = folded.biases.astype(float), layer.weights, None
    factors: list[Array] = []
    if layer.depthwise is not None:
        assert ranges is not None
        assert weights is not None
        # The scale of each channel between the halves goes into the weights that read it.
        between = np.maximum(ranges, _TINY) / (DEPTHWISE_ZERO - 1)
        depthwise, scales = _round_weights(layer.depthwise.transpose(2, 0, 1))
        depthwise = depthwise.transpose(1, 2, 0)
        factors.append(in_scale * scales / between)
        biases = biases + given.remainder * (weights[:, 0, 0] @ layer.depthwise.sum((0, 1)))
        weights, in_scale, zero = weights * between, 1.0, DEPTHWISE_ZERO
    elif weights is not None:
        biases = biases + given.remainder * weights.sum((1, 2, 3))
    else:
        biases = biases + given.remainder
    codes, steps = _round_channels(layer, weights, biases, in_scale)
    # Bytes stand for their distance from the zero, which the biases therefore take off the sums.
    ones = np.ones((len(biases), 1, 1, 1)) if codes is None else codes.astype(float)
    rounded_biases = np.rint(biases / steps) - zero * ones.sum((1, 2, 3))
    sums = np.abs(rounded_biases) + 255 * np.abs(ones).sum((1, 2, 3))
    down = 0
    while np.ceil(sums.max() / 2**down) * layer.num_added > _MAX_SUM:
        down += 1
    steps = steps * 2.0**down / layer.num_added
    factors.append(layer.slopes * steps / out.scale)
    late = np.rint(layer.shifts / (np.abs(layer.slopes) * steps)).astype(np.int32)
    multipliers, shifts = _fixed_point(np.concatenate(factors))
    return IntegerLayer(
        token=folded.token,
        in_shape=layer.in_shape,
        padding=folded.padding,
        stride=folded.stride,
        zero=given.zero,
        depthwise=depthwise,
        weights=codes,
        biases=rounded_biases.astype(np.int32),
        relu=folded.relu,
        down=down,
        pool=folded.pool,
        average=folded.average,
        mean=folded.mean,
        late_biases=None if folded.scales is None else late,
        factors=multipliers,
        shifts=shifts,
        out_zero=out.zero,
    )


def _round_channels(
    layer: _FloatLayer, weights: Array | None, biases: Array, in_scale: float
) -> tuple[NDArray[np.int8] | None, Array]:
    """Round weights; returns them and what each channel's sums count in, large enough for biases and sums to fit."""
    if weights is None:
        return None, np.full(len(biases), in_scale)
    late = np.abs(layer.shifts) * layer.num_added / np.abs(layer.slopes)
    least = np.maximum(np.abs(biases), late) / _MAX_BIAS
    codes, scales = _round_weights(weights, least / in_scale)
    sums = 255 * np.abs(codes.astype(float)).sum((1, 2, 3))
    codes, scales = _round_weights(weights, scales * np.maximum(1, sums / (_MAX_SUM / 2)))
    return codes, in_scale * scales


def _round_weights(weights: Array, least: Array | float = 0.0) -> tuple[NDArray[np.int8], Array]:
    """Return integers from -127 to 127, and the scale of each output channel, the first axis: at least ``least``."""
    scales = np.maximum(np.abs(weights).reshape(len(weights), -1).max(axis=1) / 127.0, least)
    scales = np.where(scales == 0, 1, scales)
    return np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1))).astype(np.int8), scales


def _fixed_point(factors: Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return (n,) factors as integers of 31 bits and their sign, and the shifts of 1 to 62 bits that belong to them."""
    _, exponents = np.frexp(factors)
    shifts = np.clip(31 - exponents, 1, 62)
    multipliers = np.rint(factors * 2.0**shifts)
    shifts = np.where((np.abs(multipliers) == 2.0**31) & (shifts > 1), shifts - 1, shifts)
    multipliers = np.clip(np.rint(factors * 2.0**shifts), -(2.0**31 - 1), 2.0**31 - 1)
    return multipliers.astype(np.int32), shifts.astype(np.uint8)
