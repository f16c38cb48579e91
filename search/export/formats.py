"""A trained model in each format, measured from the file alone before anything is reported."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from mnist_core.checkpoint import (
    Checkpoint,
    checkpoint_logits,
    export_onnx,
    load_checkpoint,
    onnx_accuracy,
    require,
    restore_model,
    save_checkpoint,
)
from mnist_core.data import Dataset
from mnist_core.evaluation import evaluate
from mnist_core.formats.c_source import HEADER_FILE, SOURCE_FILE, export_c, run_c
from mnist_core.formats.onnx_int8 import export_onnx_int8
from mnist_core.formats.torch_program import count_program_params, export_program, program_accuracy
from mnist_core.native.compiler import CompilerError
from search.reports.status import format_kib
from search.runs.progress import format_accuracy
from space.errors import SearchFailedError

C_FORMATS = {"c": "float", "c-int8": "int8"}
"""Formats of two files, with the kind of their weights."""
C_FILES = (HEADER_FILE, SOURCE_FILE)
FILE_NAMES = {
    "safetensors": "model.safetensors",
    "onnx": "model.onnx",
    "onnx-int8": "model-int8.onnx",
    "pt2": "model.pt2",
    **dict.fromkeys(C_FORMATS, SOURCE_FILE),
}
"""Of each format; beside C's there is a header."""
FORMATS = tuple(FILE_NAMES)


@dataclass(frozen=True)
class ModelFile:
    """One format of the model, as measured from its file."""

    file_format: str
    name: str
    num_bytes: int
    accuracy: float | None
    """Fraction of the validation images; None where it can't run here."""
    accuracy_lost: float | None = None
    """How much lower that is than PyTorch's, as a fraction; for int8."""
    flash_bytes: int | None = None
    """Of C: weights and all other constants."""
    ram_bytes: int | None = None
    """Of C: activations, in static memory."""
    reason: str | None = None
    """Why it can't run here, or why it is left out of the folder."""
    included: bool = True
    """Whether it lies in the folder."""


def check_packages(file_format: str | None) -> None:
    """Raises `InputError` where a package is missing that a format, or with None any of them, needs."""
    if file_format in (None, "onnx", "onnx-int8"):
        require("onnx", "onnxscript", "onnxruntime")


def count_confusion(checkpoint: Checkpoint, data: Dataset) -> NDArray[np.int64]:
    """(classes, classes) counts of the validation images by PyTorch: the true class by row, the predicted by column.

    Raises `SearchFailedError` where the model is not as accurate as its trial said, to within one image.
    """
    validation = data.validation
    predicted = checkpoint_logits(checkpoint, validation.images).argmax(1).numpy()
    counts: NDArray[np.int64] = confusion_matrix(validation.labels, predicted, labels=range(data.num_classes))
    if checkpoint.val_accuracy is not None:
        told = f"trial {checkpoint.trial} got {checkpoint.val_accuracy:.4f}"
        accuracy = int(np.trace(counts)) / len(validation)
        _check_accuracy("model", accuracy, checkpoint.val_accuracy, told, len(validation))
    return counts


def write_format(
    file_format: str, folder: Path, checkpoint: Checkpoint, data: Dataset, torch_accuracy: float
) -> ModelFile:
    """Write one format into ``folder`` and measure it on the validation images.

    ``torch_accuracy`` is PyTorch's on the same. Raises `SearchFailedError` where a format in fp32 gets more than one
    image more or fewer right, or holds another number of parameters.
    """
    if file_format in C_FORMATS:
        file = _write_c(file_format, folder, checkpoint, data)
    else:
        path = folder / FILE_NAMES[file_format]
        accuracy = _WRITERS[file_format](path, checkpoint, data)
        file = ModelFile(file_format, path.name, path.stat().st_size, accuracy)
    if file.accuracy is None:
        return file
    if file_format.endswith("int8"):
        return replace(file, accuracy_lost=torch_accuracy - file.accuracy)
    told = f"PyTorch gets {torch_accuracy:.4f}"
    _check_accuracy(f"{file_format} file", file.accuracy, torch_accuracy, told, len(data.validation))
    return file


def describe_file(file: ModelFile, checkpoint: Checkpoint, num_images: int) -> str:
    """What is reported of a file, in a line."""
    if not file.included:
        return f"left out: {file.reason}"
    parts = [f"{checkpoint.candidate.num_params:,} parameters"]
    if file.flash_bytes is not None and file.ram_bytes is not None:
        parts.append(f"flash {format_kib(file.flash_bytes)}, RAM {format_kib(file.ram_bytes)}")
    else:
        parts.append(f"{file.num_bytes:,} bytes")
    if file.accuracy is None:
        return ", ".join([*parts, f"not run here: {file.reason}"])
    told = "trained on them too"
    if checkpoint.val_accuracy is not None:
        told = f"trial {checkpoint.trial}: {format_accuracy(checkpoint.val_accuracy)}"
    parts.append(f"{format_accuracy(file.accuracy)} of {num_images:,} validation images ({told})")
    if file.accuracy_lost is not None:
        parts.append(
            f"{abs(100 * file.accuracy_lost):.2f} points {'less' if file.accuracy_lost >= 0 else 'more'} than fp32"
        )
    return ", ".join(parts)


def _write_safetensors(path: Path, checkpoint: Checkpoint, data: Dataset) -> float:
    save_checkpoint(path, checkpoint)
    restored = load_checkpoint(path)
    model = restore_model(restored)
    _check_params("safetensors", sum(parameter.numel() for parameter in model.parameters()), checkpoint)
    images, labels = torch.tensor(data.validation.images), torch.tensor(data.validation.labels)
    return evaluate(model, images, labels, mean=restored.mean, std=restored.std).accuracy


def _write_onnx(path: Path, checkpoint: Checkpoint, data: Dataset) -> float:
    export_onnx(path, checkpoint)
    return onnx_accuracy(path, data.validation.images, data.validation.labels)


def _write_onnx_int8(path: Path, checkpoint: Checkpoint, data: Dataset) -> float:
    export_onnx_int8(path, checkpoint, data.train.images)
    return onnx_accuracy(path, data.validation.images, data.validation.labels)


def _write_program(path: Path, checkpoint: Checkpoint, data: Dataset) -> float:
    export_program(path, checkpoint)
    _check_params("pt2", count_program_params(path), checkpoint)
    return program_accuracy(path, data.validation.images, data.validation.labels)


_WRITERS: dict[str, Callable[[Path, Checkpoint, Dataset], float]] = {
    "safetensors": _write_safetensors,
    "onnx": _write_onnx,
    "onnx-int8": _write_onnx_int8,
    "pt2": _write_program,
}


def _write_c(file_format: str, folder: Path, checkpoint: Checkpoint, data: Dataset) -> ModelFile:
    validation = data.validation
    model = export_c(checkpoint, validation, weights=C_FORMATS[file_format])
    accuracy, reason = None, None
    try:
        logits = run_c(model, validation.images)
        accuracy = int((logits.argmax(1) == validation.labels).sum()) / len(validation)
    except CompilerError as error:
        reason = str(error)
    for name, text in zip(C_FILES, (model.header, model.source), strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    num_bytes = (folder / FILE_NAMES[file_format]).stat().st_size
    return ModelFile(
        file_format,
        FILE_NAMES[file_format],
        num_bytes,
        accuracy,
        flash_bytes=model.flash_bytes,
        ram_bytes=model.ram_bytes,
        reason=reason,
    )


def _check_accuracy(what: str, accuracy: float, expected: float, told: str, num_images: int) -> None:
    if abs(round((accuracy - expected) * num_images)) > 1:
        raise SearchFailedError(
            f"the {what} gets {accuracy:.4f} on the validation images, but {told}: nothing was written"
        )


def _check_params(file_format: str, num_params: int, checkpoint: Checkpoint) -> None:
    if num_params != checkpoint.candidate.num_params:
        raise SearchFailedError(
            f"the {file_format} file holds {num_params:,} parameters, but trial {checkpoint.trial} has "
            f"{checkpoint.candidate.num_params:,}: nothing was written"
        )
