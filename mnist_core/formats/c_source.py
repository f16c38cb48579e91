"""Trained models as C99 for microcontrollers: a header and a source without any library (docs/model-files.md).

BatchNorm is folded into the convolution before it; if ReLU stands between the two, a scale and a shift for each channel
remain. A pool is merged into the convolution before it, so that the values before pooling are never stored. Of a
separable convolution the depthwise values are stored for one place at a time. Weights are float, or int8 with one
factor per output channel (symmetric); activations are float.
"""

import subprocess
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_core.augmentation import normalise
from mnist_core.checkpoint import Checkpoint, restore_model
from mnist_core.data import Split
from mnist_core.formats.c_layers import CLayer, fold_layers, quantise_weights
from mnist_core.native.compiler import CompilerError, find_compiler
from space.errors import InputError
from space.summary import BYTES_PER_VALUE, peak_activation_bytes

HEADER_FILE, SOURCE_FILE = "model.h", "model.c"
WEIGHTS = ("float", "int8")
NUM_EXAMPLES = 4
TOLERANCE = 1e-4
"""Tolerance of the self-test, relative to an image's largest logit; single precision deviates by about 1e-6."""
RUN_SECONDS = 600
_LAYER_BYTES = 44
"""Size of a row of the layer table: six int32_t, five int16_t and seven uint8_t, and what aligns the next row."""
_CHANNEL_LINES = {
    1: "0 is background, 255 is full ink",
    2: "each of 2 bytes",
    3: "each of 3 bytes: red, green, blue",
    4: "each of 4 bytes",
}
"""What the header says about the bytes of a pixel, by the number of channels."""
_PER_LINE = 14
"""Numbers per line of an initialiser: half a row of pixels."""
_PROGRAM = """
#include <stdio.h>
#include "model.h"

int main(void)
{
    static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];
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
    channels, height, width = candidate.architecture.input_shape
    layers = fold_layers(checkpoint, int8=int8)
    flash_bytes = sum(layer.all_weights.nbytes + layer.constants.nbytes + _LAYER_BYTES for layer in layers)
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
        num_pixels=height * width,
        num_channels=channels,
        height=height,
        width=width,
        channel_lines=_CHANNEL_LINES[channels],
        num_classes=candidate.architecture.num_classes,
    )
    source = _fill(
        SOURCE_FILE,
        notation=candidate.architecture,
        weight_type="int8_t" if int8 else "float",
        any_separable=int(any(layer.depthwise is not None for layer in layers)),
        num_weights=sum(layer.all_weights.size for layer in layers),
        weight_lines=_lines((layer.token, layer.all_weights) for layer in layers),
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


def run_c(model: CModel, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Compute (N, num_classes) logits for (N, height, width, channels) bytes with the C code, compiled here.

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


def _table(layers: list[CLayer]) -> Iterator[str]:
    """Yield the initialiser of each layer's row in the layer table."""
    first_weight = first_constant = 0
    for layer in layers:
        channels, in_channels = layer.weights.shape[:2]
        factors = first_constant + (0 if layer.depthwise_factors is None else in_channels)
        biases = factors + (0 if layer.factors is None else channels)
        row = (
            first_weight + (0 if layer.depthwise is None else layer.depthwise.size),
            -1 if layer.factors is None else factors,
            biases,
            -1 if layer.scales is None else biases + channels,
            *(in_channels, channels, layer.in_height, layer.in_width, *layer.out_sizes, layer.pool),
            *(layer.kernel, layer.padding, layer.stride, int(layer.depthwise is not None), int(layer.relu)),
            *(int(layer.average), int(layer.mean)),
        )
        yield f"    {{{', '.join(map(str, row))}}}, /* {layer.token} */"
        first_weight += layer.all_weights.size
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
