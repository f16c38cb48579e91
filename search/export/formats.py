"""Writing a trained model in each format, and measuring it from the written file alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from mnist_core.checkpoint import Checkpoint, load_checkpoint, restore_model, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.evaluation import evaluate
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import run_c
from mnist_core.formats.c_source import export_c
from mnist_core.formats.onnx import export_onnx, onnx_accuracy, require
from mnist_core.formats.onnx_int8 import export_onnx_int8
from mnist_core.formats.quantisation import quantise
from mnist_core.formats.torch_program import count_program_params, export_program, program_accuracy
from mnist_core.native.compiler import CompilerError
from search.export.subject import C_FILES, C_FORMATS, FILE_NAMES, ModelFile
from search.models.agreement import check_accuracy
from search.terminal.numbers import describe_footprint, format_accuracy
from space.errors import SearchFailedError
from space.footprint import Footprint, footprint


def check_packages(file_format: str | None) -> None:
    """Raise `InputError` if a package is missing that the format needs; None checks for all formats."""
    if file_format in (None, "onnx", "onnx-int8"):
        require("onnx", "onnxscript", "onnxruntime")


def write_format(
    file_format: str, folder: Path, checkpoint: Checkpoint, data: Dataset, torch_accuracy: float
) -> ModelFile:
    """Write one format into ``folder`` and measure it on the validation images.

    ``torch_accuracy`` is PyTorch's accuracy on the same images. Raises `SearchFailedError` if an fp32 format classifies
    more than one image more or fewer correctly, or holds a different number of parameters.
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
    check_accuracy(f"{file_format} file", file.accuracy, torch_accuracy, "PyTorch gets", len(data.validation))
    return file


def describe_file(file: ModelFile, checkpoint: Checkpoint, num_images: int) -> str:
    """Return the line that is reported about a file."""
    if not file.included and file.file_format not in C_FORMATS:
        return f"left out: {file.reason}"
    parts = [f"{checkpoint.candidate.num_params:,} parameters"]
    if file.flash_bytes is not None and file.ram_bytes is not None:
        num_macs = footprint(checkpoint.candidate.architecture).num_macs
        parts.append(describe_footprint(Footprint(file.flash_bytes, file.ram_bytes, num_macs)))
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
    if file_format == "c":
        model = export_c(checkpoint, validation)
    else:
        model = export_integer_c(checkpoint, quantise(checkpoint, data.train.images), validation)
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


def _check_params(file_format: str, num_params: int, checkpoint: Checkpoint) -> None:
    if num_params != checkpoint.candidate.num_params:
        raise SearchFailedError(
            f"the {file_format} file holds {num_params:,} parameters, but trial {checkpoint.trial} has "
            f"{checkpoint.candidate.num_params:,}: nothing was written"
        )
