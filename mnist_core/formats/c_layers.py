"""The layers of a trained model as the exported C code computes them: folded and merged, with float or int8 weights."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.checkpoint import Checkpoint, restore_model
from space.layers import AveragePool, Conv, GlobalAveragePool, Linear, Pool
from space.summary import Step, inference_steps

Weights = NDArray[np.float32] | NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class CLayer:
    """A row of the layer table: a convolution and everything merged into it, applied in the order of the fields."""

    token: str
    in_height: int
    in_width: int
    padding: int
    stride: int
    depthwise: Weights | None
    """(in, 1, kernel, kernel): the first half of a separable convolution; None for another one."""
    depthwise_factors: NDArray[np.float32] | None
    """(in,): factors of the depthwise int8 weights."""
    weights: Weights
    """(out, in, kernel, kernel); (out, in, 1, 1) of a separable convolution"""
    factors: NDArray[np.float32] | None
    """(out,): factors of the int8 weights; None for float weights."""
    biases: NDArray[np.float32]
    """(out,)"""
    relu: bool = False
    scales: NDArray[np.float32] | None = None
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
        """Factors, biases and scales in the order of the fields, without those that are None."""
        return _joined(self.depthwise_factors, self.factors, self.biases, self.scales)

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


def fold_layers(checkpoint: Checkpoint, *, int8: bool) -> list[CLayer]:
    """Return the rows of the layer table, one for each of the net's `inference_steps`."""
    with_params = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    modules = (module for module in restore_model(checkpoint).double() if isinstance(module, with_params))
    return [_fold_step(step, modules, int8=int8) for step in inference_steps(checkpoint.candidate.architecture)]


def quantise_weights(checkpoint: Checkpoint) -> Checkpoint:
    """Return the model with its weights rounded to values that int8 can hold; biases and BatchNorm do not change."""
    rounded = dict(checkpoint.weights)
    for name, tensor in checkpoint.weights.items():
        if tensor.dim() > 1:
            codes, factors = _quantise(_numpy(tensor))
            rounded[name] = torch.from_numpy(codes * _per_channel(factors, codes.ndim)).to(tensor.dtype)
    return replace(checkpoint, weights=rounded)


def _fold_step(step: Step, modules: Iterator[nn.Module], *, int8: bool) -> CLayer:
    """Fold a step; takes the modules of its layer with weights from ``modules``."""
    match step.layers:
        case (Conv() as conv, *_):
            layer = _fold_conv(conv, step, modules, int8=int8)
        case (Linear() as linear, *_):
            # A 1x1 convolution of one pixel: Flatten does not change the order in memory.
            ops = "r" if linear.relu else ""
            layer = _fold_conv(Conv(linear.width, 1, 0, linear.bias, ops), step, modules, int8=int8)
        case _:
            # A convolution that changes nothing, for a step of pools or of a mean alone.
            channels, height, width = step.input_shape
            ones = np.eye(channels)[:, :, None, None]
            weights: Weights = ones.astype(np.int8) if int8 else ones.astype(np.float32)
            layer = CLayer("", height, width, 0, 1, None, None, weights, None, np.zeros(channels, np.float32))
    pools = [pool for pool in step.layers if isinstance(pool, Pool)]
    return replace(
        layer,
        token=" ".join(layer.token for layer in step.layers),
        # Successive pools of sizes 2 and 3 equal one pool of size 6: they drop the same pixels at the edge.
        pool=prod(pool.size for pool in pools),
        average=any(isinstance(pool, AveragePool) for pool in pools),
        mean=any(isinstance(layer, GlobalAveragePool) for layer in step.layers),
    )


def _fold_conv(layer: Conv, step: Step, modules: Iterator[nn.Module], *, int8: bool) -> CLayer:
    """Fold a convolution with its BatchNorm, whose factors go into the weights before it."""
    in_channels, in_height, in_width = step.input_shape
    depthwise = depthwise_factors = None
    kernel = layer.kernel
    if layer.separable:
        depthwise, depthwise_factors = _stored(_numpy(next(modules).get_parameter("weight")), None, int8=int8)
        kernel = 1
    module = next(modules)
    # The weights of a fully connected layer have two axes.
    weights = _numpy(module.get_parameter("weight")).reshape(layer.width, in_channels, kernel, kernel)
    biases = _numpy(module.get_parameter("bias")) if layer.bias else np.zeros(layer.width)
    folded = scales = None
    if layer.batch_norm:
        scales = _batch_norm(next(modules))
        if layer.ops != "rb":
            folded, biases, scales = scales[0], biases * scales[0] + scales[1], None
    stored, factors = _stored(weights, folded, int8=int8)
    return CLayer(
        token="",
        in_height=in_height,
        in_width=in_width,
        padding=layer.padding,
        stride=layer.stride,
        depthwise=depthwise,
        depthwise_factors=depthwise_factors,
        weights=stored,
        factors=factors,
        biases=biases.astype(np.float32),
        relu="r" in layer.ops,
        scales=None if scales is None else scales.astype(np.float32),
    )


def _batch_norm(module: nn.Module) -> NDArray[np.float64]:
    """Return (2, channels): the scale and the shift that BatchNorm applies in evaluation mode."""
    assert isinstance(module, nn.BatchNorm2d)
    scales = _numpy(module.weight) / np.sqrt(_numpy(module.get_buffer("running_var")) + module.eps)
    return np.stack([scales, _numpy(module.bias) - _numpy(module.get_buffer("running_mean")) * scales])


def _stored(
    weights: NDArray[np.float64], scales: NDArray[np.float64] | None, *, int8: bool
) -> tuple[Weights, NDArray[np.float32] | None]:
    """Return ``weights`` times a scale for each output channel, as float, or as int8 with a factor for each channel."""
    scales = np.ones(len(weights)) if scales is None else scales
    if not int8:
        return (weights * _per_channel(scales, weights.ndim)).astype(np.float32), None
    codes, factors = _quantise(weights)
    return codes, (factors * scales).astype(np.float32)


def _quantise(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return integers from -127 to 127 and one factor per output channel, which is the first axis."""
    largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    factors = np.where(largest == 0, 1, largest) / 127
    with np.errstate(invalid="ignore"):  # infinities and NaNs show in the factors
        return np.rint(weights / _per_channel(factors, weights.ndim)).astype(np.int8), factors


def _per_channel(factors: NDArray[np.float64], num_axes: int) -> NDArray[np.float64]:
    """Reshape factors to multiply weights with ``num_axes`` axes, of which the first is the output channel."""
    return factors.reshape(-1, *[1] * (num_axes - 1))


def _joined(*parts: NDArray[Any] | None) -> NDArray[Any]:
    return np.concatenate([part.ravel() for part in parts if part is not None])


def _numpy(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()
