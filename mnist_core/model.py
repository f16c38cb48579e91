"""Building the PyTorch module of an architecture."""

import numpy as np
import torch
from torch import Tensor, nn

from mnist_core.seeds import Purpose, purpose_seed
from space.architecture import ArchitectureSpec
from space.layers import AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool, Shape


class Network(nn.Sequential):
    """The modules of an architecture in sequence."""

    def __init__(self, architecture: ArchitectureSpec, modules: list[nn.Module]) -> None:
        super().__init__(*modules)
        self.architecture = architecture


def build_model(architecture: ArchitectureSpec, *, seed: int = 0) -> Network:
    """Build a module from (N, channels, height, width) normalised pixels to (N, num_classes) logits.

    It is initialised from ``seed`` as PyTorch does by default; the global random state is left as it was.
    """
    modules: list[nn.Module] = []
    shape = architecture.input_shape
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed the accelerators.
        torch.default_generator.manual_seed(purpose_seed(seed, Purpose.INITIALISATION))
        for layer in architecture.layers:
            modules += _build_layer(layer, shape)
            shape = layer.output_shape(shape)
    return Network(architecture, modules)


def seed_dropout(model: nn.Module, seed: int, device: torch.device) -> None:
    """Give all dropout layers of ``model`` one fresh random stream."""
    noise = DropoutNoise(seed, device)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.noise = noise


def _build_layer(layer: Layer, shape: Shape) -> list[nn.Module]:
    match layer:
        case Conv():
            modules = build_convolutions(layer, shape[0])
            for op in layer.ops:
                modules.append(nn.BatchNorm2d(layer.width) if op == "b" else nn.ReLU(inplace=True))
            if layer.dropout:
                modules.append(Dropout(layer.dropout, whole_channels=layer.dropout2d))
            return modules
        case MaxPool():
            return [nn.MaxPool2d(layer.size)]
        case AveragePool():
            return [nn.AvgPool2d(layer.size)]
        case GlobalAveragePool():
            return [GlobalMean()]
        case Flatten():
            return [nn.Flatten()]
        case Linear():
            linear = nn.Linear(shape[0], layer.width, bias=layer.bias)
            return [linear, nn.ReLU(inplace=True)] if layer.relu else [linear]


def build_convolutions(layer: Conv, in_channels: int) -> list[nn.Module]:
    """Build the convolution of a layer, or both if it is separable, without what follows it."""
    size, padding, stride = layer.kernel, layer.padding, layer.stride
    if not layer.separable:
        return [nn.Conv2d(in_channels, layer.width, size, stride, padding, bias=layer.bias)]
    return [
        nn.Conv2d(in_channels, in_channels, size, stride, padding, groups=in_channels, bias=False),
        nn.Conv2d(in_channels, layer.width, 1, bias=layer.bias),
    ]


class GlobalMean(nn.Module):
    """Mean of each map: (N, C, H, W) to (N, C). `nn.AdaptiveAvgPool2d` has no deterministic backward on CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class DropoutNoise:
    """A stream of dropout masks. On the CPU, numpy's SFC64 draws them ten times as fast as torch's ``bernoulli_``."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self._on_cpu = device.type == "cpu"
        self._numpy = np.random.Generator(np.random.SFC64(seed))
        self._torch = torch.Generator(device if not self._on_cpu else "cpu").manual_seed(seed)

    def keep_mask(self, size: int, rate: float, like: Tensor) -> Tensor:
        """Draw a flat mask of ones, and zeros with probability ``rate`` (in steps of 1/65,536), in ``like``'s dtype."""
        if self._on_cpu:
            drawn = np.frombuffer(self._numpy.bytes(2 * size), np.uint16)
            return torch.from_numpy(drawn >= round(rate * 65_536)).to(like.dtype)
        mask = torch.empty(size, dtype=like.dtype, device=like.device)
        return mask.bernoulli_(1 - rate, generator=self._torch)


class Dropout(nn.Module):
    """Dropout of single values or of whole channels, from a random stream of its own (see `seed_dropout`)."""

    noise: DropoutNoise | None = None

    def __init__(self, rate: float, *, whole_channels: bool) -> None:
        super().__init__()
        self.rate = rate
        self.whole_channels = whole_channels

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        assert self.noise is not None, "training with dropout needs seed_dropout"
        if self.whole_channels:
            mask = self.noise.keep_mask(x.shape[0] * x.shape[1], self.rate, x).view(*x.shape[:2], 1, 1)
        else:
            # The mask has the memory layout of x, so that the product is one pass over contiguous memory.
            mask = self.noise.keep_mask(x.numel(), self.rate, x).as_strided(x.shape, x.stride())
        return x * mask.mul_(1 / (1 - self.rate))

    def extra_repr(self) -> str:
        return f"rate={self.rate}, whole_channels={self.whole_channels}"
