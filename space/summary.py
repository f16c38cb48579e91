"""Shapes, counts and receptive fields of a net's layers and its memory, without building it."""

import math
from dataclasses import dataclass, replace
from typing import Any

from space.architecture import ArchitectureSpec, num_params
from space.layers import AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool, Pool, Shape

BYTES_PER_VALUE = 4
"""Bytes of a weight or an activation in fp32."""
_OPS = {"b": "BatchNorm", "r": "ReLU"}


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
    shape, receptive_field, jump = architecture.input_shape, 1, 1
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


def describe_layer(layer: Layer) -> str:
    match layer:
        case Conv():
            kind = "separable convolution" if layer.separable else "convolution"
            parts = [f"{layer.kernel}×{layer.kernel} {kind}", *(_OPS[op] for op in layer.ops)]
            if layer.dropout:
                parts.append(f"dropout {'of channels ' if layer.dropout2d else ''}{layer.dropout:g}")
            return ", ".join(parts)
        case MaxPool():
            return f"{layer.size}×{layer.size} max-pooling"
        case AveragePool():
            return f"{layer.size}×{layer.size} average pooling"
        case GlobalAveragePool():
            return "global average pooling"
        case Flatten():
            return "flattening"
        case Linear():
            return "fully connected" + (", ReLU" if layer.relu else "")


@dataclass(frozen=True, slots=True)
class Step:
    """What inference computes at once: a layer with weights, and what is merged into it and never stored before that.

    A step has one kind of pool at most: a pool of another kind begins a step, as does a pool or ``gap`` at the start.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    output_shape: Shape

    def merges(self, layer: Layer) -> bool:
        kinds = {type(pool) for pool in self.layers if isinstance(pool, Pool)}
        return isinstance(layer, GlobalAveragePool) or (isinstance(layer, Pool) and kinds <= {type(layer)})

    @property
    def num_scratch_values(self) -> int:
        """Number of values that a separable convolution stores for one place at a time: the depthwise value of every
        input channel; where only the mean of each output channel is kept, also the values that are added to it.
        """
        first = self.layers[0] if self.layers else None
        if not isinstance(first, Conv) or not first.separable:
            return 0
        return self.input_shape[0] + (first.width if isinstance(self.layers[-1], GlobalAveragePool) else 0)


def inference_steps(architecture: ArchitectureSpec) -> list[Step]:
    """Return the steps of the C code that `export` writes, in order and at least one; flattening is none."""
    steps: list[Step] = []
    shape = architecture.input_shape
    for layer in architecture.layers:
        before, shape = shape, layer.output_shape(shape)
        if isinstance(layer, Flatten):
            continue
        if steps and steps[-1].merges(layer):
            steps[-1] = replace(steps[-1], layers=(*steps[-1].layers, layer), output_shape=shape)
        else:
            steps.append(Step((layer,), before, shape))
    return steps or [Step((), architecture.input_shape, architecture.input_shape)]


def peak_activation_bytes(architecture: ArchitectureSpec) -> int:
    """Return the most memory that activations take at a time for one image: a step's input, output and scratch values.

    The last step writes into its caller's memory. The C code that `export` writes works this way; this is the size of
    its static memory.
    """
    *others, last = inference_steps(architecture)
    num_values = [
        *(math.prod(step.input_shape) + step.num_scratch_values + math.prod(step.output_shape) for step in others),
        math.prod(last.input_shape) + last.num_scratch_values,
    ]
    return max(num_values) * BYTES_PER_VALUE


def all_activation_bytes(architecture: ArchitectureSpec) -> int:
    """Return the memory of the input and of every layer's output for one image, all of which training keeps.

    Of a separable convolution it keeps the depthwise output too.
    """
    num_values = math.prod(architecture.input_shape)
    for row in summarise(architecture):
        num_values += math.prod(row.output_shape)
        if isinstance(row.layer, Conv) and row.layer.separable:
            num_values += row.input_shape[0] * math.prod(row.output_shape[1:])
    return num_values * BYTES_PER_VALUE


def _window(layer: Layer, shape: Shape) -> tuple[int, int]:
    """Return the side and the stride of the input square that one output value is computed from."""
    match layer:
        case Conv():
            return layer.kernel, layer.stride
        case MaxPool() | AveragePool():
            return layer.size, layer.size
        case GlobalAveragePool() | Flatten() | Linear():
            return shape[1], 1
