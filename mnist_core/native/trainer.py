"""Python interface of the native trainer: one network, trained and evaluated epoch by epoch."""

import ctypes
from ctypes import POINTER, Structure, byref, c_double, c_float, c_int32, c_int64, c_uint8, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.native.compiler import CompilerError
from space.architecture import ArchitectureSpec, num_params
from space.candidate import TrainingConfig
from space.layers import AveragePool, Conv, Flatten, GlobalAveragePool, Linear, Pool

PARTS = ("data", "forward", "backward", "update")
_RELU = {"": 0, "b": 0, "r": 1, "br": 1, "rb": 2}
_MAX, _AVERAGE = range(2)
_NO_HEAD, _MEAN, _FLATTEN = range(3)


class _LayerSpec(Structure):
    """Mirrors LayerSpec in layer.h."""

    _fields_ = (
        ("width", c_int32),
        ("kernel", c_int32),
        ("padding", c_int32),
        ("stride", c_int32),
        ("separable", c_int32),
        ("bias", c_int32),
        ("batch_norm", c_int32),
        ("relu", c_int32),
        ("dropout_threshold", c_int32),
        ("pool", c_int32),
        ("pool_kind", c_int32),
        ("head", c_int32),
        ("dropout", c_double),
    )


class _ImageShape(Structure):
    """Mirrors ImageShape in images.h."""

    _fields_ = (("channels", c_int32), ("height", c_int32), ("width", c_int32))


class _Epoch(Structure):
    """Mirrors Epoch in trainer.cpp."""

    _fields_ = (
        ("images", POINTER(c_uint8)),
        ("labels", POINTER(c_int64)),
        ("order", POINTER(c_int64)),
        ("transforms", POINTER(c_float)),
        ("tones", POINTER(c_float)),
        ("class_weights", POINTER(c_double)),
        ("learning_rates", POINTER(c_double)),
        ("momenta", POINTER(c_double)),
        ("num_images", c_int64),
        ("batch_size", c_int64),
        ("mean", c_double),
        ("std", c_double),
        ("weight_decay", c_double),
        ("label_smoothing", c_double),
        ("clip_norm", c_double),
        ("nesterov", c_int32),
        ("loss", c_double),
        ("num_right", c_int64),
        ("predicted", POINTER(c_int64)),
        ("seconds", c_double * len(PARTS)),
    )


@dataclass(frozen=True)
class Totals:
    """Totals over the images of one epoch or evaluation."""

    loss: float
    """Sum of the losses of all images."""
    num_right: int
    seconds: dict[str, float]
    """Time of each part of the training steps."""


def layer_specs(architecture: ArchitectureSpec) -> list[_LayerSpec] | None:
    """Convert the layers for the native trainer; returns None for a network that it can't train.

    Each convolution is merged with the pool that follows it. Not supported are a pool before the first convolution or
    after another pool, and dropout of whole channels.
    """
    specs: list[_LayerSpec] = []
    for layer in architecture.layers:
        if isinstance(layer, Conv | Linear):
            if isinstance(layer, Conv) and layer.dropout2d:
                return None
            specs.append(_conv_spec(layer) if isinstance(layer, Conv) else _linear_spec(layer))
        elif not specs or (isinstance(layer, Pool) and specs[-1].pool > 1):
            return None
        elif isinstance(layer, Pool):
            specs[-1].pool = layer.size
            specs[-1].pool_kind = _AVERAGE if isinstance(layer, AveragePool) else _MAX
        elif isinstance(layer, GlobalAveragePool | Flatten):
            specs[-1].head = _MEAN if isinstance(layer, GlobalAveragePool) else _FLATTEN
    if specs[-1].head == _NO_HEAD:
        specs[-1].head = _FLATTEN
    return specs


def _conv_spec(layer: Conv) -> _LayerSpec:
    return _LayerSpec(
        width=layer.width,
        kernel=layer.kernel,
        padding=layer.padding,
        stride=layer.stride,
        separable=layer.separable,
        bias=layer.bias,
        batch_norm=layer.batch_norm,
        relu=_RELU[layer.ops],
        dropout_threshold=round(layer.dropout * 65_536),
        dropout=layer.dropout,
        pool=1,
    )


def _linear_spec(layer: Linear) -> _LayerSpec:
    return _LayerSpec(width=layer.width, kernel=1, stride=1, bias=layer.bias, relu=int(layer.relu), pool=1)


class NativeTrainer:
    """Trains in ``dtype``, for which the library was compiled; arrays passed to it are changed in place.

    ``params`` and ``statistics`` are flat. ``params`` has each layer's weights, bias, BatchNorm scale and offset, in
    PyTorch's order; ``statistics`` has each BatchNorm's running mean, then its variance.
    """

    def __init__(
        self,
        library: Path,
        architecture: ArchitectureSpec,
        *,
        batch_size: int,
        dropout_seed: int = 0,
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        self._handle = None
        self._library = load_library(library)
        specs = layer_specs(architecture)
        assert specs is not None, "the native trainer has no such layers"
        # A single image left over may join the last batch.
        handle = self._library.trainer_new(
            byref(_ImageShape(*architecture.input_shape)),
            (_LayerSpec * len(specs))(*specs),
            len(specs),
            batch_size + 1,
            c_uint64(dropout_seed),
        )
        if not handle:
            raise MemoryError(f"a batch of {batch_size} images does not fit into memory")
        self._handle = c_void_p(handle)
        assert self._library.trainer_num_params(self._handle) == num_params(architecture)
        self._dtype = np.dtype(dtype)
        channels, height, width = architecture.input_shape
        self._image_shape = (height, width, channels)
        self._num_classes = architecture.num_classes

    def __del__(self) -> None:
        if self._handle:
            self._library.trainer_delete(self._handle)

    def seed_dropout(self, seed: int) -> None:
        self._library.trainer_seed_dropout(self._handle, c_uint64(seed))

    def train(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        transforms: NDArray[np.float32] | None,
        learning_rates: NDArray[np.float64],
        momenta: NDArray[np.float64],
        *,
        params: NDArray[Any],
        velocity: NDArray[Any],
        statistics: NDArray[Any],
        mean: float,
        std: float,
        config: TrainingConfig,
        tones: NDArray[np.float32] | None = None,
        class_weights: NDArray[np.float64] | None = None,
    ) -> Totals:
        """Train for one epoch over ``images[order]``, with one learning rate and one momentum per step.

        ``velocity`` is SGD's momentum buffer. ``class_weights`` are (num_classes,) factors of the loss.
        """
        epoch = self._epoch(images, labels, order, mean=mean, std=std, config=config)
        epoch.transforms = _pointer(transforms, np.float32, c_float)
        epoch.tones = _pointer(tones, np.float32, c_float)
        epoch.class_weights = _pointer(class_weights, np.float64, c_double)
        epoch.learning_rates = _pointer(learning_rates, np.float64, c_double)
        epoch.momenta = _pointer(momenta, np.float64, c_double)
        arrays = (self._address(array) for array in (params, velocity, statistics))
        self._library.trainer_train(self._handle, byref(epoch), *arrays)
        return self._totals(epoch)

    def measure_statistics(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        *,
        params: NDArray[Any],
        statistics: NDArray[Any],
        mean: float,
        std: float,
        config: TrainingConfig,
    ) -> int:
        """Replace the statistics by averages over the batches of ``images[order]``; returns the number of batches.

        There is neither dropout nor an update. Each batch is normalised by its own mean and variance.
        """
        epoch = self._epoch(images, labels, order, mean=mean, std=std, config=config)
        arrays = (self._address(array) for array in (params, statistics))
        return int(self._library.trainer_measure_statistics(self._handle, byref(epoch), *arrays))

    def evaluate(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        *,
        params: NDArray[Any],
        statistics: NDArray[Any],
        mean: float,
        std: float,
    ) -> tuple[Totals, NDArray[np.int64]]:
        """Return totals and the (N,) predicted classes of all images."""
        order = np.arange(len(images))
        predicted = np.empty(len(images), np.int64)
        epoch = self._epoch(images, labels, order, mean=mean, std=std, config=TrainingConfig())
        epoch.predicted = _pointer(predicted, np.int64, c_int64)
        self._library.trainer_evaluate(self._handle, byref(epoch), self._address(params), self._address(statistics))
        return self._totals(epoch), predicted

    def differentiate(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        *,
        params: NDArray[Any],
        statistics: NDArray[Any],
        mean: float,
        std: float,
        config: TrainingConfig,
        class_weights: NDArray[np.float64] | None = None,
    ) -> tuple[Totals, NDArray[Any]]:
        """Return loss and gradient of all images as one batch, in training mode, without an update."""
        order = np.arange(len(images))
        epoch = self._epoch(images, labels, order, mean=mean, std=std, config=config)
        epoch.class_weights = _pointer(class_weights, np.float64, c_double)
        gradient = np.empty_like(params)
        arrays = (self._address(array) for array in (params, statistics, gradient))
        self._library.trainer_differentiate(self._handle, byref(epoch), *arrays)
        return self._totals(epoch), gradient

    def keep_mask(self, layer: int, image: int, size: int) -> NDArray[np.uint8]:
        """Return the latest batch's dropout mask of one image: ones (kept) and zeros by channel, row and column."""
        mask = np.empty(size, np.uint8)
        self._library.trainer_keep_mask(self._handle, layer, image, c_void_p(mask.ctypes.data))
        return mask

    def _epoch(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        order: NDArray[np.int64],
        *,
        mean: float,
        std: float,
        config: TrainingConfig,
    ) -> _Epoch:
        assert images.shape[1:] == self._image_shape, f"images of {images.shape[1:]}, not {self._image_shape}"
        return _Epoch(
            images=_pointer(images, np.uint8, c_uint8),
            labels=_pointer(labels, np.int64, c_int64),
            order=_pointer(order, np.int64, c_int64),
            num_images=len(order),
            batch_size=config.batch_size,
            mean=mean,
            std=std,
            weight_decay=config.weight_decay,
            label_smoothing=config.label_smoothing,
            clip_norm=config.clip_norm or 0.0,
            nesterov=config.nesterov,
        )

    def _totals(self, epoch: _Epoch) -> Totals:
        return Totals(epoch.loss, epoch.num_right, dict(zip(PARTS, epoch.seconds, strict=True)))

    def _address(self, array: NDArray[Any]) -> c_void_p:
        assert array.dtype == self._dtype
        assert array.flags.c_contiguous
        return c_void_p(array.ctypes.data)


@cache
def load_library(path: Path) -> ctypes.CDLL:
    """Load the compiled trainer. Raises `CompilerError` if it is damaged or its folder does not allow execution."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(f"the compiled trainer can't be loaded: {error}") from None
    library.trainer_new.restype = c_void_p
    library.trainer_num_params.restype = c_uint64
    library.trainer_measure_statistics.restype = c_int64
    return library


def _pointer(array: NDArray[Any] | None, dtype: type[np.generic], kind: Any) -> Any:
    """Return a pointer to the array, which the caller must keep alive: a structure does not."""
    if array is None:
        return None
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    return array.ctypes.data_as(POINTER(kind))
