"""The layers a network is made of, each with its output shape, number of parameters and multiply-adds.

A shape is ``(channels, height, width)``. After the head's pooling or flattening it is ``(features, 1, 1)``, so that
every layer maps one shape to one shape.
"""

from dataclasses import dataclass, field

from space.errors import InputError, shortened
from space.fields import LEFT_OUT_AT_DEFAULT, check_types

Shape = tuple[int, int, int]

INPUT_SHAPE: Shape = (1, 28, 28)
"""Shape of MNIST's images, for which a net is written without it."""
MAX_CHANNELS, MAX_SIDE = 4, 1024
"""Largest number of channels and longest side of an image that a net takes."""
MAX_WIDTH = 99_999
KERNELS = (1, 3, 5)
STRIDES = (1, 2)
CONV_OPS = ("", "r", "b", "br", "rb")


def read_shape(sizes: object) -> Shape:
    """Return the shape of a net's images from a list in a file. Raises `InputError` if there can be none such."""
    if not isinstance(sizes, list) or len(sizes) != 3 or not all(type(size) is int for size in sizes):
        raise InputError(f"a shape must be a list of channels, height and width, not {shortened(sizes)}")
    shape = (sizes[0], sizes[1], sizes[2])
    check_input_shape(shape)
    return shape


def check_input_shape(shape: Shape) -> None:
    """Raise `InputError` for a shape that no net's images can have."""
    channels, *sides = shape
    if not 1 <= channels <= MAX_CHANNELS or min(sides) < 1 or max(sides) > MAX_SIDE:
        raise InputError(
            f"images have from 1 to {MAX_CHANNELS} channels, and a height and width from 1 to {MAX_SIDE} pixels, not "
            f"{format_shape(shape)}"
        )


def format_shape(shape: Shape) -> str:
    """Return a shape as the notation writes it: channels, height and width, such as ``3x32x32``."""
    return "x".join(map(str, shape))


@dataclass(frozen=True, slots=True)
class Conv:
    """A 2-d convolution, then BatchNorm and ReLU in either order or absent, then dropout.

    A separable one is a depthwise convolution, without bias and normalisation, followed by a 1x1 convolution (Howard et
    al., "MobileNets", arXiv:1704.04861; without what MobileNets have between the two).
    """

    width: int
    """Output channels."""
    kernel: int = 3
    padding: int = 1
    """Zeros added on each side, in pixels."""
    bias: bool = False
    ops: str = "br"
    """What follows the convolution, in order: ``b`` for BatchNorm, ``r`` for ReLU; empty for a bare convolution."""
    dropout: float = 0.0
    """Probability of zeroing a value (or a channel, see ``dropout2d``)."""
    dropout2d: bool = False
    """Whether dropout zeroes whole channels."""
    separable: bool = field(default=False, metadata=LEFT_OUT_AT_DEFAULT)
    """Whether it is a depthwise convolution of this kernel and padding, then a 1x1 convolution to this width."""
    stride: int = field(default=1, metadata=LEFT_OUT_AT_DEFAULT)
    """Pixels from one window to the next, in both directions; of a separable one, in its depthwise half."""

    def __post_init__(self) -> None:
        check_types(self)
        if not 1 <= self.width <= MAX_WIDTH:
            raise InputError(f"a convolution's width must be from 1 to {MAX_WIDTH}, not {self.width}")
        if self.kernel not in KERNELS:
            raise InputError(f"a kernel must be one of {', '.join(map(str, KERNELS))}, not {self.kernel}")
        if self.separable and self.kernel == 1:
            raise InputError("a separable convolution's kernel must be one of 3, 5, not 1")
        if not 0 <= self.padding < self.kernel:
            raise InputError(f"padding must be from 0 to kernel - 1 = {self.kernel - 1}, not {self.padding}")
        if self.stride not in STRIDES:
            raise InputError(f"a convolution's stride must be 1 or 2, not {self.stride}")
        if self.ops not in CONV_OPS:
            raise InputError(f"what follows a convolution must be one of br, rb, b, r or nothing, not {self.ops!r}")
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"a dropout rate must be from 0 to below 1, not {self.dropout}")
        if self.dropout2d and self.dropout == 0.0:
            raise InputError("2-d dropout needs a rate above 0")

    @property
    def batch_norm(self) -> bool:
        return "b" in self.ops

    def output_shape(self, shape: Shape) -> Shape:
        grow = 2 * self.padding - self.kernel
        height, width = ((side + grow) // self.stride + 1 for side in shape[1:])
        return self.width, height, width

    def num_weights(self, in_channels: int) -> int:
        """Count the weights of the convolution, or of both when it is separable, without bias and BatchNorm."""
        if self.separable:
            return in_channels * (self.kernel * self.kernel + self.width)
        return self.width * in_channels * self.kernel * self.kernel

    def num_params(self, shape: Shape) -> int:
        return self.num_weights(shape[0]) + self.width * (self.bias + 2 * self.batch_norm)

    def num_macs(self, shape: Shape) -> int:
        _, height, width = self.output_shape(shape)
        # Every weight is used once for each place of the output.
        return height * width * self.num_weights(shape[0])

    @property
    def token(self) -> str:
        kernel = "" if self.kernel == 3 else f"k{self.kernel}"
        if self.kernel == 1:
            padding = ""
        elif self.padding == self.kernel // 2:
            padding = "s"
        else:
            padding = f"p{self.padding}" if self.padding else "v"
        dropout = f"{'D' if self.dropout2d else 'd'}{self.dropout!r}" if self.dropout else ""
        after = f":{self.ops}{dropout}" if self.ops or dropout else ""
        stride = f"/{self.stride}" if self.stride > 1 else ""
        separable, bias = "sep" if self.separable else "", "+" if self.bias else ""
        return f"{separable}{self.width}{kernel}{padding}{stride}{bias}{after}"


@dataclass(frozen=True, slots=True)
class _Pool:
    """Pooling over squares that do not overlap; incomplete squares at the edge are dropped."""

    size: int = 2

    def __post_init__(self) -> None:
        check_types(self)
        if self.size < 2:
            raise InputError(f"a pool's size must be at least 2, not {self.size}")

    def output_shape(self, shape: Shape) -> Shape:
        return shape[0], shape[1] // self.size, shape[2] // self.size

    def num_params(self, shape: Shape) -> int:
        return 0

    def num_macs(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class MaxPool(_Pool):
    """The largest value of each square."""

    @property
    def token(self) -> str:
        return "p" if self.size == 2 else f"p{self.size}"


@dataclass(frozen=True, slots=True)
class AveragePool(_Pool):
    """The mean of each square."""

    @property
    def token(self) -> str:
        return "ap" if self.size == 2 else f"ap{self.size}"


@dataclass(frozen=True, slots=True)
class GlobalAveragePool:
    """The mean of each channel: the start of a head that needs no flattening."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape[0], 1, 1

    def num_params(self, shape: Shape) -> int:
        return 0

    def num_macs(self, shape: Shape) -> int:
        return 0

    @property
    def token(self) -> str:
        return "gap"


@dataclass(frozen=True, slots=True)
class Flatten:
    """Every value of every channel as one feature: the start of a fully connected head."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape[0] * shape[1] * shape[2], 1, 1

    def num_params(self, shape: Shape) -> int:
        return 0

    def num_macs(self, shape: Shape) -> int:
        return 0

    @property
    def token(self) -> str:
        return "flat"


@dataclass(frozen=True, slots=True)
class Linear:
    """A fully connected layer of the head; after global average pooling it equals a 1x1 convolution."""

    width: int
    """Output features."""
    bias: bool = True
    relu: bool = False

    def __post_init__(self) -> None:
        check_types(self)
        if not 1 <= self.width <= MAX_WIDTH:
            raise InputError(f"a fully connected layer's width must be from 1 to {MAX_WIDTH}, not {self.width}")

    def output_shape(self, shape: Shape) -> Shape:
        return self.width, 1, 1

    def num_params(self, shape: Shape) -> int:
        return self.width * (shape[0] + self.bias)

    def num_macs(self, shape: Shape) -> int:
        return self.width * shape[0]

    @property
    def token(self) -> str:
        return f"fc{self.width}{'+' if self.bias else ''}{':r' if self.relu else ''}"


Pool = MaxPool | AveragePool
Layer = Conv | Pool | GlobalAveragePool | Flatten | Linear
