"""A net that is written for one kind of images, for images of another shape and other classes."""

from dataclasses import dataclass, replace

from space.architecture import ArchitectureSpec
from space.errors import InputError
from space.layers import INPUT_SHAPE, Linear, Shape, format_shape


@dataclass(frozen=True)
class ImageKind:
    """What a net must know of a dataset: the shape of its images, and the number of their classes."""

    name: str
    shape: Shape = INPUT_SHAPE
    num_classes: int = 10


def with_shape(architecture: ArchitectureSpec, kind: ImageKind) -> ArchitectureSpec:
    """Return a net for the shape of ``kind``, if it is written for that of MNIST's images or without a shape.

    Raises `InputError` for a net that is written for another shape, and for images that are too small for it.
    """
    if architecture.input_shape == kind.shape:
        return architecture
    if architecture.input_shape != INPUT_SHAPE:
        raise InputError(
            f"the net is for images of {format_shape(architecture.input_shape)} (channels, height, width), and those "
            f"of {kind.name} are of {format_shape(kind.shape)}"
        )
    try:
        return replace(architecture, input_shape=kind.shape)
    except InputError as error:
        raise InputError(f"images of {kind.name}, {format_shape(kind.shape)}, are too small: {error}") from None


def with_classes(architecture: ArchitectureSpec, kind: ImageKind) -> ArchitectureSpec:
    """Return a net whose last layer has an output for each class of ``kind``.

    Raises `InputError` if a net with another number of outputs does not end in a fully connected layer.
    """
    if architecture.num_classes == kind.num_classes:
        return architecture
    last = architecture.layers[-1]
    if not isinstance(last, Linear):
        raise InputError(
            f"the net has {architecture.num_classes} outputs for the {kind.num_classes} classes of {kind.name}, and "
            f"ends in {last.token!r}, not in a fully connected layer"
        )
    return replace(architecture, layers=(*architecture.layers[:-1], replace(last, width=kind.num_classes)))
