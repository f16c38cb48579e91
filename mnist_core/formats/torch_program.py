"""Models as torch.export programs, which run in PyTorch without this package's code (docs/model-files.md)."""

import io
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import Dim, ExportedProgram

from mnist_core.checkpoint import Checkpoint
from mnist_core.evaluation import BATCH_SIZE
from mnist_core.files import write_whole
from mnist_core.formats.pixels import from_pixels, to_pixels
from space.errors import InputError


def export_program(path: Path, checkpoint: Checkpoint) -> None:
    """Write a program from (N, channels, height, width) pixels, float32 of 0..1, to (N, classes) logits.

    Normalisation is part of it and N is free. The file reveals nothing about the machine that wrote it, and is
    identical byte for byte when written again with the same version of torch. Raises `InputError` if it cannot be
    written.
    """
    module = from_pixels(checkpoint)
    # Two images are used: with one, N = 1 would be treated as a constant.
    example = torch.zeros(2, *checkpoint.candidate.architecture.input_shape)
    program = torch.export.export(module, (example,), dynamic_shapes=({0: Dim("N")},))
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it contains source paths
    content = io.BytesIO()  # given a path, torch would write the file's name into it
    torch.export.save(program, content)
    write_whole(path, content.getvalue())


def load_program(path: Path) -> ExportedProgram:
    """Read a file written by `export_program`. Raises `InputError` if it is missing or not a program."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats of other versions of torch
            return torch.export.load(io.BytesIO(content))
    except Exception as error:  # torch's own errors have no other base class
        raise InputError(f"{path} is not a program of torch.export: {str(error).partition(chr(10))[0]}") from None


def count_program_params(path: Path) -> int:
    """Return the number of trainable parameters in the file."""
    return sum(parameter.numel() for parameter in load_program(path).parameters())


@torch.inference_mode()
def program_accuracy(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the fraction of (N, height, width, channels) bytes that the program classifies as labelled.

    Raises `InputError` if the file is missing or not a program.
    """
    module = load_program(path).module()
    num_right = 0
    for first in range(0, len(labels), BATCH_SIZE):
        batch = slice(first, first + BATCH_SIZE)
        logits = module(torch.from_numpy(to_pixels(images[batch])))
        num_right += int((logits.argmax(1).numpy() == labels[batch]).sum())
    return num_right / len(labels)
