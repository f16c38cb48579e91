"""A model as C99: its two files, their common parts, and running them here (docs/model-files.md)."""

import re
import subprocess
import tempfile
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.native.compiler import CompilerError, find_compiler
from space.errors import InputError

HEADER_FILE, SOURCE_FILE = "model.h", "model.c"
NUM_EXAMPLES = 4
"""Images of the self-test."""
RUN_SECONDS = 600
_CHANNEL_LINES = {
    1: "0 is background, 255 is full ink",
    2: "each of 2 bytes",
    3: "each of 3 bytes: red, green, blue",
    4: "each of 4 bytes",
}
"""What the header says about the bytes of a pixel, by the number of channels."""
_LOGITS = {"float": np.dtype(np.float32), "int32_t": np.dtype(np.int32)}
_PER_LINE = 14
"""Numbers per line of an initialiser: half a row of pixels."""
_PROGRAM = """
#include <stdio.h>
#include "model.h"

int main(void)
{
    static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];
    static $logit_type logits[MODEL_NUM_CLASSES];
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
    """Size of the constants (weights, biases, the layer table and so on), without the code."""
    ram_bytes: int
    """Size of the static activations, without the stack."""
    logit_type: str
    """The type of the logits in C: ``float`` or ``int32_t``."""


def run_c(model: CModel, images: NDArray[np.uint8]) -> NDArray[Any]:
    """Compute (N, num_classes) logits for (N, height, width, channels) bytes with the C code, compiled here.

    Raises `CompilerError` if there is no compiler, or if the compiled program does not run.
    """
    compiler = find_compiler()
    program = Template(_PROGRAM).substitute(logit_type=model.logit_type)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in {HEADER_FILE: model.header, SOURCE_FILE: model.source, "main.c": program}.items():
            (folder / file).write_text(text, encoding="utf-8")
        # The driver of a C++ compiler also compiles C, if it is told so of each file.
        files = ("-x", "c", "main.c", "-x", "c", SOURCE_FILE)
        _run([compiler.path, "-std=c99", "-O2", *files, "-o", "model"], folder)
        logits = _run([str(folder / "model")], folder, np.ascontiguousarray(images).tobytes())
    return np.frombuffer(logits, _LOGITS[model.logit_type]).reshape(len(images), -1)


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


def render_header(
    checkpoint: Checkpoint, *, arithmetic: str, logit_type: str, logits: str, flash_bytes: int, ram_bytes: int
) -> str:
    """Render ``model.h``; ``arithmetic`` says what the code computes in, ``logits`` what a logit is."""
    candidate = checkpoint.candidate
    channels, height, width = candidate.architecture.input_shape
    return fill(
        HEADER_FILE,
        notation=candidate.architecture,
        num_params=f"{candidate.num_params:,}",
        training=_training(checkpoint),
        class_lines=textwrap.fill(_harmless(", ".join(checkpoint.class_names)), 100).replace("\n", "\n * "),
        class_strings=" \\\n    ".join(f"{c_string(name)}," for name in checkpoint.class_names),
        arithmetic=arithmetic,
        logit_type=logit_type,
        logits=logits,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        flash=f"{flash_bytes:,}",
        ram=f"{ram_bytes:,}",
        num_channels=channels,
        height=height,
        width=width,
        channel_lines=_CHANNEL_LINES[channels],
        num_classes=candidate.architecture.num_classes,
    )


def _training(checkpoint: Checkpoint) -> str:
    text = _harmless(f"trained on {checkpoint.dataset}")
    if checkpoint.val_accuracy is None:
        return text
    return f"{text}; as trained, it is right on {checkpoint.val_accuracy:.2%} of the validation images"


def _harmless(text: str) -> str:
    # A file of unknown origin may hold any name, even the end of a C comment, and a folder's one may be no UTF-8.
    return text.replace("*", "").encode(errors="backslashreplace").decode()


def c_string(text: str) -> str:
    """Return a string literal of C99 with the UTF-8 of a text: what is not plain is written in octal."""
    # All but what is plain, which quotes, backslashes, and question marks, with which trigraphs begin, are not.
    content = text.encode(errors="backslashreplace")
    escaped = re.sub(rb"[^ !#->@-\[\]-~]", lambda found: rb"\%03o" % found[0][0], content)
    return f'"{escaped.decode()}"'


def number_lines(arrays: Iterable[tuple[str, NDArray[Any]]]) -> str:
    """Return the initialisers of several arrays in sequence, each below a comment."""
    lines = []
    for comment, array in arrays:
        numbers = [c_number(value) for value in array.ravel()]
        lines.append(f"    /* {comment} */")
        lines += [f"    {', '.join(numbers[i : i + _PER_LINE])}," for i in range(0, len(numbers), _PER_LINE)]
    return "\n".join(lines)


def c_number(value: np.integer[Any] | np.floating[Any]) -> str:
    """Format a number as C; a float gets the fewest digits that read back as the same float."""
    check_finite(np.asarray(value))
    return f"{value}f" if isinstance(value, np.float32) else str(value)


def check_finite(numbers: NDArray[Any]) -> None:
    """Raise `InputError` if one of the numbers of a model is not finite."""
    if not np.isfinite(numbers).all():
        found = numbers[~np.isfinite(numbers)][0]
        raise InputError(f"{found} can't be written as C: all numbers of a model must be finite")


def fill(file: str, **values: object) -> str:
    """Return a file's template with its placeholders filled."""
    return Template(
        (resources.files("mnist_core.formats") / f"{file}.template").read_text(encoding="utf-8")
    ).substitute(values)
