"""Shapes, counts and receptive fields of a net's layers and its memory, without building it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from space.architecture import ArchitectureSpec, num_params
from space.layers import INPUT_SHAPE, AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool, Shape

BYTES_PER_VALUE = 4
"""Bytes of a weight or an activation in fp32."""


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One layer of a network with its shapes, counts and receptive field."""

    layer: Layer
    input_shape: Shape
    output_shape: Shape
    num_params: int
    share: float
    """The layer's parameters as a fraction of the network's."""
    num_macs: int
    """Multiply-accumulates for one image; only convolutions and fully connected layers have any."""
    kernel: int
    """Side of the input square that one output value is computed from; for the head's layers the whole map."""
    stride: int
    receptive_field: int
    """Side, in input pixels, of the square that one output value sees; padding counts as pixels."""

    @property
    def param_bytes(self) -> int:
        return self.num_params * BYTES_PER_VALUE

    @property
    def activation_bytes(self) -> int:
        """Bytes of the layer's output for one image."""
        return math.prod(self.output_shape) * BYTES_PER_VALUE

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer.token,
            "output_shape": self.output_shape,
            "num_params": self.num_params,
            "share": self.share,
            "num_macs": self.num_macs,
            "param_bytes": self.param_bytes,
            "activation_bytes": self.activation_bytes,
            "kernel": self.kernel,
            "stride": self.stride,
            "receptive_field": self.receptive_field,
        }


def summarise(architecture: ArchitectureSpec) -> list[LayerSummary]:
    """Compute the shapes, counts and receptive fields of all layers, in order.

    Receptive fields follow r' = r + (kernel - 1) * jump, jump' = jump * stride (Araujo et al., "Computing Receptive
    Fields of Convolutional Neural Networks", Distill 2019).
    """
    rows = []
    total = num_params(architecture)
    shape, receptive_field, jump = INPUT_SHAPE, 1, 1
    for layer in architecture.layers:
        kernel, stride = _window(layer, shape)
        if not isinstance(layer, Linear):
            receptive_field += (kernel - 1) * jump
            jump *= stride
        output, own = layer.output_shape(shape), layer.num_params(shape)
        share = own / total if total else 0.0
        macs = layer.num_macs(shape)
        rows.append(LayerSummary(layer, shape, output, own, share, macs, kernel, stride, receptive_field))
        shape = output
    return rows


def peak_activation_bytes(architecture: ArchitectureSpec) -> int:
    """Return the most memory that activations take at a time for one image: a layer's input and its output.

    A pool is computed with the layer before it, so that layer's full output is never stored, and the last layer writes
    into its caller's memory. The C code that `export` writes works this way; this is the size of its static memory.
    """
    stored: list[Shape] = []
    shape = INPUT_SHAPE
    for layer in architecture.layers:
        shape = layer.output_shape(shape)
        if isinstance(layer, Flatten):
            continue
        if isinstance(layer, Conv | Linear) or not stored:
            stored.append(shape)
        else:
            stored[-1] = shape
    num_values = [math.prod(INPUT_SHAPE), *map(math.prod, stored[:-1]), 0]
    return _largest_pair(num_values) * BYTES_PER_VALUE


def all_activation_bytes(architecture: ArchitectureSpec) -> int:
    """Return the memory of the input and of every layer's output for one image, all of which training keeps."""
    return math.prod(INPUT_SHAPE) * BYTES_PER_VALUE + sum(row.activation_bytes for row in summarise(architecture))


def _window(layer: Layer, shape: Shape) -> tuple[int, int]:
    """Return the side and the stride of the input square that one output value is computed from."""
    match layer:
        case Conv():
            return layer.kernel, 1
        case MaxPool() | AveragePool():
            return layer.size, layer.size
        case GlobalAveragePool() | Flatten() | Linear():
            return shape[1], 1


def _largest_pair(sizes: Iterable[int]) -> int:
    return max(before + after for before, after in pairwise(sizes))
