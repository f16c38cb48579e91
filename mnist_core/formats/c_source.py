"""Trained models as C99 for microcontrollers: a header and a source without any library (docs/model-files.md).

BatchNorm is folded into the convolution before it; if ReLU stands between the two, a scale and a shift for each channel
remain. A pool is merged into the convolution before it, so that the values before pooling are never stored. Weights are
float, or int8 with one factor per output channel (symmetric); activations are float.
"""

import subprocess
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.augmentation import normalise
from mnist_core.checkpoint import Checkpoint, restore_model
from mnist_core.data import Split
from mnist_core.native.compiler import CompilerError, find_compiler
from space.errors import InputError
from space.layers import INPUT_SHAPE, Conv, GlobalAveragePool, Linear, MaxPool, Shape
from space.summary import BYTES_PER_VALUE, peak_activation_bytes

HEADER_FILE, SOURCE_FILE = "model.h", "model.c"
WEIGHTS = ("float", "int8")
NUM_EXAMPLES = 4
TOLERANCE = 1e-4
"""Tolerance of the self-test, relative to an image's largest logit; single precision deviates by about 1e-6."""
RUN_SECONDS = 600
_NUM_PIXELS = 28 * 28
_LAYER_BYTES = 40
"""Size of a row of the layer table: six int32_t and seven int16_t, aligned to 4 bytes."""
_PER_LINE = 14
"""Numbers per line of an initialiser: half a row of pixels."""
_PROGRAM = """
#include <stdio.h>
#include "model.h"

int main(void)
{
    static uint8_t pixels[MODEL_NUM_PIXELS];
    static float logits[MODEL_NUM_CLASSES];
    while (fread(pixels, sizeof pixels, 1, stdin) == 1) {
        model_predict(pixels, logits);
        fwrite(logits, sizeof logits, 1, stdout);
    }
    return 0;
}
"""
"""A program that reads images from standard input and writes logits to standard output."""


@dataclass(frozen=True)
class CModel:
    header: str
    """Content of ``model.h``."""
    source: str
    """Content of ``model.c``; with ``MODEL_SELF_TEST`` defined, it is a program that tests itself."""
    flash_bytes: int
    """Size of the constants (weights, factors, biases, scales and the layer table), without the code."""
    ram_bytes: int
    """Size of the static activations, without the stack."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """A row of the layer table: a convolution and everything merged into it, applied in the order of the fields."""

    weights: NDArray[np.float32] | NDArray[np.int8]
    """(out, in, kernel, kernel)"""
    factors: NDArray[np.float32] | None
    """(out,): factors of the int8 weights; None for float weights."""
    biases: NDArray[np.float32]
    """(out,)"""
    in_size: int
    token: str = ""
    padding: int = 0
    relu: bool = False
    scales: NDArray[np.float32] | None = None
    """(2, out): each channel's scale and shift of a BatchNorm that follows ReLU."""
    pool: int = 1
    mean: bool = False

    @property
    def constants(self) -> NDArray[np.float32]:
        """Factors, biases and scales in this order, without those that are None."""
        return np.concatenate([part.ravel() for part in (self.factors, self.biases, self.scales) if part is not None])

    @property
    def out_size(self) -> int:
        """Side of the output maps, before the mean is taken."""
        kernel: int = self.weights.shape[2]
        return (self.in_size + 2 * self.padding - kernel + 1) // self.pool


def export_c(checkpoint: Checkpoint, examples: Split, *, weights: str) -> CModel:
    """Generate the header and source of ``int model_predict(pixels, logits)``; ``weights`` is one of `WEIGHTS`.

    The self-test compares with PyTorch on the first of ``examples``; for int8, with the model of `quantise_weights`.
    The same model and examples give the same text. Raises `InputError` for other ``weights``, or if the model holds
    numbers that are not finite.
    """
    if weights not in WEIGHTS:
        raise InputError(f"the weights of a C model must be one of {', '.join(WEIGHTS)}, not {weights!r}")
    int8 = weights == "int8"
    candidate = checkpoint.candidate
    layers = _fold(checkpoint, int8=int8)
    flash_bytes = sum(layer.weights.nbytes + layer.constants.nbytes + _LAYER_BYTES for layer in layers)
    ram_bytes = peak_activation_bytes(candidate.architecture)
    header = _fill(
        HEADER_FILE,
        notation=candidate.architecture,
        num_params=f"{candidate.num_params:,}",
        training=_training(checkpoint),
        class_lines=textwrap.fill(", ".join(checkpoint.class_names), 100).replace("\n", "\n * "),
        weights=weights,
        flash_bytes=f"{flash_bytes:,}",
        ram_bytes=f"{ram_bytes:,}",
        num_pixels=_NUM_PIXELS,
        num_classes=candidate.architecture.num_classes,
    )
    source = _fill(
        SOURCE_FILE,
        notation=candidate.architecture,
        weight_type="int8_t" if int8 else "float",
        num_weights=sum(layer.weights.size for layer in layers),
        weight_lines=_lines((layer.token, layer.weights) for layer in layers),
        num_constants=sum(layer.constants.size for layer in layers),
        constant_lines=_lines((layer.token, layer.constants) for layer in layers),
        num_layers=len(layers),
        layer_lines="\n".join(_table(layers)),
        num_activations=ram_bytes // BYTES_PER_VALUE,
        # For pixels of 0..255, as in `normalise`.
        pixel_mean=_number(np.float32(255 * checkpoint.mean)),
        pixel_std=_number(np.float32(255 * checkpoint.std)),
        **_self_test(quantise_weights(checkpoint) if int8 else checkpoint, examples),
    )
    return CModel(header, source, flash_bytes, ram_bytes)


def quantise_weights(checkpoint: Checkpoint) -> Checkpoint:
    """Return the model with its weights rounded to values that int8 can hold; biases and BatchNorm do not change."""
    rounded = dict(checkpoint.weights)
    for name, tensor in checkpoint.weights.items():
        if tensor.dim() > 1:
            codes, factors = _quantise(_numpy(tensor))
            rounded[name] = torch.from_numpy(codes * _per_channel(factors, codes.ndim)).to(tensor.dtype)
    return replace(checkpoint, weights=rounded)


def run_c(model: CModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute (N, num_classes) logits for (N, 28, 28) bytes with the C code, compiled for this machine.

    Raises `CompilerError` if there is no compiler, or if the compiled program does not run.
    """
    compiler = find_compiler()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in {HEADER_FILE: model.header, SOURCE_FILE: model.source, "main.c": _PROGRAM}.items():
            (folder / file).write_text(text, encoding="utf-8")
        # The driver of a C++ compiler also compiles C.
        _run([compiler.path, "-x", "c", "-std=c99", "-O2", "main.c", SOURCE_FILE, "-o", "model"], folder)
        logits = _run([str(folder / "model")], folder, np.ascontiguousarray(images).tobytes())
    return np.frombuffer(logits, np.float32).reshape(len(images), -1)


def _run(command: list[str], folder: Path, given: bytes = b"") -> bytes:
    """Run a command; returns what it writes to standard output."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, cwd=folder, timeout=RUN_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilerError(f"the C model can't be run: {error}") from None
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").splitlines()
        first = next((line for line in lines if "error" in line), f"exit code {done.returncode}")
        raise CompilerError(f"{command[0]} failed: {first[:200]}")
    return done.stdout


def _fold(checkpoint: Checkpoint, *, int8: bool) -> list[_Layer]:
    with_params = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    modules = (module for module in restore_model(checkpoint).double() if isinstance(module, with_params))
    # A convolution that changes nothing, for a net that begins with a pool or its head.
    one = np.ones((1, 1, 1, 1), np.int8 if int8 else np.float32)
    identity = _Layer(one, None, np.zeros(1, np.float32), in_size=INPUT_SHAPE[1])
    layers: list[_Layer] = []
    shape = INPUT_SHAPE
    for layer in checkpoint.candidate.architecture.layers:
        last = layers[-1] if layers else identity
        token = f"{last.token} {layer.token}".strip()
        match layer:
            case Conv():
                layers.append(replace(_fold_conv(layer, shape, modules, int8=int8), token=layer.token))
            case Linear():
                # A 1x1 convolution of one pixel: Flatten does not change the order in memory.
                conv = Conv(layer.width, kernel=1, padding=0, bias=layer.bias, ops="r" if layer.relu else "")
                layers.append(replace(_fold_conv(conv, shape, modules, int8=int8), token=layer.token))
            case MaxPool():
                # Successive pools of sizes 2 and 3 equal one pool of size 6: they drop the same pixels at the edge.
                layers[-1:] = [replace(last, token=token, pool=last.pool * layer.size)]
            case GlobalAveragePool():
                layers[-1:] = [replace(last, token=token, mean=True)]
        shape = layer.output_shape(shape)
    return layers or [identity]


def _fold_conv(layer: Conv, shape: Shape, modules: Iterator[nn.Module], *, int8: bool) -> _Layer:
    """Fold a convolution of maps of ``shape`` with its BatchNorm; takes their modules from ``modules``."""
    module = next(modules)
    weights = _numpy(module.get_parameter("weight")).reshape(layer.width, shape[0], layer.kernel, layer.kernel)
    biases = _numpy(module.get_parameter("bias")) if layer.bias else np.zeros(layer.width)
    codes, factors = _quantise(weights) if int8 else (None, np.ones(layer.width))
    scales = None
    if layer.batch_norm:
        scales = _batch_norm(next(modules))
        if layer.ops != "rb":
            factors, biases, scales = factors * scales[0], biases * scales[0] + scales[1], None
    return _Layer(
        weights=(weights * _per_channel(factors)).astype(np.float32) if codes is None else codes,
        factors=None if codes is None else factors.astype(np.float32),
        biases=biases.astype(np.float32),
        in_size=shape[1],
        padding=layer.padding,
        relu="r" in layer.ops,
        scales=None if scales is None else scales.astype(np.float32),
    )


def _batch_norm(module: nn.Module) -> NDArray[np.float64]:
    """Return (2, channels): the scale and the shift that BatchNorm applies in evaluation mode."""
    assert isinstance(module, nn.BatchNorm2d)
    scales = _numpy(module.weight) / np.sqrt(_numpy(module.get_buffer("running_var")) + module.eps)
    return np.stack([scales, _numpy(module.bias) - _numpy(module.get_buffer("running_mean")) * scales])


def _quantise(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Return integers from -127 to 127 and one factor per output channel, which is the first axis."""
    largest = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    factors = np.where(largest == 0, 1, largest) / 127
    with np.errstate(invalid="ignore"):  # infinities and NaNs show in the factors
        return np.rint(weights / _per_channel(factors, weights.ndim)).astype(np.int8), factors


def _per_channel(factors: NDArray[np.float64], num_axes: int = 4) -> NDArray[np.float64]:
    """Reshape factors to multiply weights with ``num_axes`` axes, of which the first is the output channel."""
    return factors.reshape(-1, *[1] * (num_axes - 1))


def _numpy(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().double().numpy()


def _self_test(checkpoint: Checkpoint, examples: Split) -> dict[str, object]:
    """Return values for the template: images, labels, PyTorch's logits, and the tolerances of the logits."""
    images, labels = examples.images[:NUM_EXAMPLES], examples.labels[:NUM_EXAMPLES]
    pixels = normalise(torch.tensor(images), checkpoint.mean, checkpoint.std)
    with torch.inference_mode():
        logits = restore_model(checkpoint).double()(pixels.double()).numpy()
    tolerances = TOLERANCE * np.abs(logits).max(axis=1).clip(min=1)
    return {
        "num_examples": len(images),
        "example_lines": _lines((str(number), image) for number, image in enumerate(images)),
        "labels": ", ".join(map(str, labels)),
        "expected_lines": _lines((str(number), row) for number, row in enumerate(logits.astype(np.float32))),
        "tolerances": ", ".join(map(_number, tolerances.astype(np.float32))),
    }


def _training(checkpoint: Checkpoint) -> str:
    # A file of unknown origin may hold any name, even the end of a C comment.
    text = f"trained on {checkpoint.dataset}".replace("*", "")
    if checkpoint.val_accuracy is None:
        return text
    return f"{text}; as trained, it is right on {checkpoint.val_accuracy:.2%} of the validation images"


def _table(layers: list[_Layer]) -> Iterator[str]:
    """Yield the initialiser of each layer's row in the layer table."""
    first_weight = first_constant = 0
    for layer in layers:
        channels, in_channels, kernel, _ = layer.weights.shape
        biases = first_constant + (0 if layer.factors is None else channels)
        row = (
            first_weight,
            -1 if layer.factors is None else first_constant,
            biases,
            -1 if layer.scales is None else biases + channels,
            *(in_channels, channels, layer.in_size, layer.out_size),
            *(kernel, layer.padding, int(layer.relu), layer.pool, int(layer.mean)),
        )
        yield f"    {{{', '.join(map(str, row))}}}, /* {layer.token} */"
        first_weight += layer.weights.size
        first_constant += layer.constants.size


def _lines(arrays: Iterable[tuple[str, NDArray[Any]]]) -> str:
    """Return the initialisers of several arrays in sequence, each below a comment."""
    lines = []
    for comment, array in arrays:
        numbers = [_number(value) for value in array.ravel()]
        lines.append(f"    /* {comment} */")
        lines += [f"    {', '.join(numbers[i : i + _PER_LINE])}," for i in range(0, len(numbers), _PER_LINE)]
    return "\n".join(lines)


def _number(value: np.integer[Any] | np.floating[Any]) -> str:
    """Format a number as C; a float gets the fewest digits that read back as the same float."""
    if not np.isfinite(value):
        raise InputError(f"{value} can't be written as C: all numbers of a model must be finite")
    return f"{value}f" if isinstance(value, np.float32) else str(value)


def _fill(file: str, **values: object) -> str:
    return Template(
        (resources.files("mnist_core.formats") / f"{file}.template").read_text(encoding="utf-8")
    ).substitute(values)
