"""A network as a tuple of layers, checked and counted without building it.

Model building and parameter counting read the same tuple, so they cannot disagree.
"""

from dataclasses import dataclass
from typing import Any

from space.errors import InputError
from space.fields import stored_fields
from space.layers import (
    INPUT_SHAPE,
    AveragePool,
    Conv,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    Shape,
    check_input_shape,
    read_shape,
)
from space.notation import format_net, parse_net

MAX_PARAMS = 1_000_000_000
"""Largest limit on the number of parameters that is accepted, far above any useful one."""
_KINDS: dict[str, type[Layer]] = {
    "conv": Conv,
    "max_pool": MaxPool,
    "average_pool": AveragePool,
    "gap": GlobalAveragePool,
    "flatten": Flatten,
    "linear": Linear,
}
_INPUT = "input"
"""Kind of the entry in front of the layers that gives the shape of the images, unless it is `INPUT_SHAPE`."""
_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class ArchitectureSpec:
    """A convolutional network for images of one shape: convolutions and pools, then one head.

    The head is `GlobalAveragePool` or `Flatten` followed by any number of `Linear` layers. Raises `InputError` with the
    rule and the offending layer for a net that cannot be built.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape = INPUT_SHAPE
    """(channels, height, width) of the images."""

    def __post_init__(self) -> None:
        check_input_shape(self.input_shape)
        head = None
        shape = self.input_shape
        for position, layer in enumerate(self.layers, start=1):
            where = f"layer {position} '{layer.token}'"
            if isinstance(layer, Linear) and head is None:
                raise InputError(f"{where}: fully connected layers come after gap or flat")
            if not isinstance(layer, Linear) and head is not None:
                raise InputError(f"{where}: only fully connected layers may follow '{head}'")
            if isinstance(layer, GlobalAveragePool | Flatten):
                head = layer.token
            before, shape = shape, layer.output_shape(shape)
            if min(shape) < 1:
                raise InputError(
                    f"{where}: the spatial size must stay at least 1, but {_size(before)} would become {_size(shape)}"
                )
        if head is None:
            raise InputError("an architecture ends in a head: gap or flat, then any fully connected layers")

    @classmethod
    def from_text(cls, text: str) -> "ArchitectureSpec":
        """Read the one-line notation, such as ``8s:br p 12v:br gap fc10+`` (docs/notation.md)."""
        shape, layers = parse_net(text)
        return cls(layers, shape)

    def __str__(self) -> str:
        return format_net(self.input_shape, self.layers)

    @classmethod
    def from_json(cls, layers: list[dict[str, Any]]) -> "ArchitectureSpec":
        """Read the output of `to_json`. Raises `InputError` for an unknown kind of layer or field."""
        shape = INPUT_SHAPE
        if layers and isinstance(layers[0], dict) and layers[0].get("kind") == _INPUT:
            shape = read_shape(layers[0].get("shape"))
            layers = layers[1:]
        built = []
        for position, fields in enumerate(layers, start=1):
            kind = fields.get("kind") if isinstance(fields, dict) else None
            if not isinstance(kind, str) or kind not in _KINDS:
                raise InputError(f"layer {position}: kind must be one of {', '.join(_KINDS)}, not {kind!r}")
            try:
                built.append(_KINDS[kind](**{name: value for name, value in fields.items() if name != "kind"}))
            except (TypeError, InputError) as error:
                raise InputError(f"layer {position} ({kind}): {error}") from None
        return cls(tuple(built), shape)

    def to_json(self) -> list[dict[str, Any]]:
        shape = [] if self.input_shape == INPUT_SHAPE else [{"kind": _INPUT, "shape": list(self.input_shape)}]
        return [*shape, *({"kind": _KIND_NAMES[type(layer)], **stored_fields(layer)} for layer in self.layers)]

    @property
    def num_classes(self) -> int:
        """Width of the last layer."""
        return self.output_shape[0]

    @property
    def output_shape(self) -> Shape:
        shape = self.input_shape
        for layer in self.layers:
            shape = layer.output_shape(shape)
        return shape


def num_params(architecture: ArchitectureSpec) -> int:
    """Count the trainable parameters before BatchNorm is folded: weights, biases, and BatchNorm's scale and shift."""
    total = 0
    shape = architecture.input_shape
    for layer in architecture.layers:
        total += layer.num_params(shape)
        shape = layer.output_shape(shape)
    return total


def _size(shape: Shape) -> str:
    return f"{shape[1]}x{shape[2]}"
