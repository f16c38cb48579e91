"""The layers of a trained model as exported C code computes them: BatchNorm folded, pools and means merged in."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.checkpoint import Checkpoint, restore_model
from space.footprint import pool_side, takes_mean
from space.layers import AveragePool, Conv, Linear
from space.summary import Step, inference_steps

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CLayer:
    """A row of the layer table: a convolution and everything merged into it, applied in the order of the fields."""

    token: str
    in_height: int
    in_width: int
    padding: int
    stride: int
    depthwise: Floats | None
    """(in, 1, kernel, kernel): the first half of a separable convolution; None for another one."""
    weights: Floats
    """(out, in, kernel, kernel); (out, in, 1, 1) of a separable convolution"""
    biases: Floats
    """(out,)"""
    has_weights: bool = True
    """Whether it is more than a pool or a mean: the weights of those change nothing."""
    relu: bool = False
    scales: Floats | None = None
    """(2, out): each channel's scale and shift of a BatchNorm that follows ReLU."""
    pool: int = 1
    """Side of the squares that are pooled; 1 if none are."""
    average: bool = False
    """Whether pooling takes the mean of a square instead of its largest value."""
    mean: bool = False
    """Whether only the mean of each map is kept."""

    @property
    def all_weights(self) -> NDArray[Any]:
        """The depthwise weights, then the others."""
        return _joined(self.depthwise, self.weights)

    @property
    def constants(self) -> NDArray[Any]:
        """The biases, then the scales, if there are any."""
        return _joined(self.biases, self.scales)

    @property
    def kernel(self) -> int:
        weights = self.weights if self.depthwise is None else self.depthwise
        side: int = weights.shape[2]
        return side

    @property
    def out_sizes(self) -> tuple[int, int]:
        """Height and width of the output maps, before the mean is taken."""
        grow = 2 * self.padding - self.kernel
        height, width = (((side + grow) // self.stride + 1) // self.pool for side in (self.in_height, self.in_width))
        return height, width


def fold_layers(checkpoint: Checkpoint) -> list[CLayer]:
    """Return the rows of the layer table, one for each of the net's `inference_steps`."""
    with_params = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    modules = (module for module in restore_model(checkpoint).double() if isinstance(module, with_params))
    return [_fold_step(step, modules) for step in inference_steps(checkpoint.candidate.architecture)]


def _fold_step(step: Step, modules: Iterator[nn.Module]) -> CLayer:
    """Fold a step; takes the modules of its layer with weights from ``modules``."""
    match step.layers:
        case (Conv() as conv, *_):
            layer = _fold_conv(conv, step, modules)
        case (Linear() as linear, *_):
            # A 1x1 convolution of one pixel: Flatten does not change the order in memory.
            ops = "r" if linear.relu else ""
            layer = _fold_conv(Conv(linear.width, 1, 0, linear.bias, ops), step, modules)
        case _:
            # A convolution that changes nothing, for a step of pools or of a mean alone.
            channels, height, width = step.input_shape
            ones = np.eye(channels, dtype=np.float32)[:, :, None, None]
            layer = CLayer("", height, width, 0, 1, None, ones, np.zeros(channels, np.float32), has_weights=False)
    return replace(
        layer,
        token=" ".join(layer.token for layer in step.layers),
        pool=pool_side(step),
        average=any(isinstance(pool, AveragePool) for pool in step.layers),
        mean=takes_mean(step),
    )


def _fold_conv(layer: Conv, step: Step, modules: Iterator[nn.Module]) -> CLayer:
    """Fold a convolution with its BatchNorm, whose factors go into the weights before it."""
    in_channels, in_height, in_width = step.input_shape
    depthwise = None
    kernel = layer.kernel
    if layer.separable:
        depthwise = _numpy(next(modules).get_parameter("weight")).astype(np.float32)
        kernel = 1
    module = next(modules)
    # The weights of a fully connected layer have two axes.
    weights = _numpy(module.get_parameter("weight")).reshape(layer.width, in_channels, kernel, kernel)
    biases = _numpy(module.get_parameter("bias")) if layer.bias else np.zeros(layer.width)
    scales = None
    if layer.batch_norm:
        scales = _batch_norm(next(modules))
        if layer.ops != "rb":
            weights = weights * scales[0][:, None, None, None]
            biases, scales = biases * scales[0] + scales[1], None
    return CLayer(
        token="",
        in_height=in_height,
        in_width=in_width,
        padding=layer.padding,
        stride=layer.stride,
        depthwise=depthwise,
        weights=weights.astype(np.float32),
        biases=biases.astype(np.float32),
        relu="r" in layer.ops,
        scales=None if scales is None else scales.astype(np.float32),
    )


def _batch_norm(module: nn.Module) -> NDArray[np.float64]:
    """Return (2, channels): the scale and the shift that BatchNorm applies in evaluation mode."""
    assert isinstance(module, nn.BatchNorm2d)
    scales = _numpy(module.weight) / np.sqrt(_numpy(module.get_buffer("running_var")) + module.eps)
    return np.stack([scales, _numpy(module.bias) - _numpy(module.get_buffer("running_mean")) * scales])


def _joined(*parts: NDArray[Any] | None) -> NDArray[Any]:
    return np.concatenate([part.ravel() for part in parts if part is not None])


def _numpy(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()
