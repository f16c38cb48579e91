"""Trained models as ONNX, which any ONNX runtime can run (docs/model-files.md)."""

import contextlib
import importlib
import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_core.checkpoint import PRODUCER, Checkpoint
from mnist_core.evaluation import BATCH_SIZE
from mnist_core.files import write_whole
from mnist_core.formats.pixels import from_pixels, to_pixels
from space.errors import InputError

OPSET = 18


def export_onnx(path: Path, checkpoint: Checkpoint) -> None:
    """Write an ONNX model from ``pixels`` to ``logits``, (N, classes).

    ``pixels`` are (N, channels, height, width) float32 of 0..1. Normalisation is part of the graph and N is free. The
    file has no external data, reveals nothing about the machine that wrote it, and is identical byte for byte when
    written again with the same versions of torch and onnxscript. Raises `InputError` if the onnx extra is not installed
    or the file cannot be written.
    """
    require("onnx", "onnxscript")
    import onnx

    module = from_pixels(checkpoint)
    with silence():
        program = torch.onnx.export(
            module,
            # Two images are used: with one, the exporter would treat N = 1 as a constant.
            (torch.zeros(2, *checkpoint.candidate.architecture.input_shape),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["pixels"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    clear_notes(model)
    onnx.helper.set_model_props(model, onnx_properties(checkpoint))
    write_whole(path, model.SerializeToString(deterministic=True))


def onnx_properties(checkpoint: Checkpoint) -> dict[str, str]:
    """Return the metadata of a model's ONNX file."""
    properties = {
        "producer": PRODUCER,
        "notation": str(checkpoint.candidate.architecture),
        "num_params": str(checkpoint.candidate.num_params),
        "class_names": json.dumps(checkpoint.class_names),
        "dataset": checkpoint.dataset,
        "dataset_sha256": checkpoint.dataset_sha256,
    }
    if checkpoint.val_accuracy is not None:
        properties["val_accuracy"] = repr(checkpoint.val_accuracy)
    return properties


def onnx_accuracy(path: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Return the fraction of images that onnxruntime, on one CPU thread, classifies as labelled.

    ``images`` are (N, height, width, channels) bytes. Raises `InputError` if the file is missing or not an ONNX model,
    or if onnxruntime is not installed.
    """
    require("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    except Exception as error:  # onnxruntime's own errors have no other base class
        raise InputError(f"{path} is not an ONNX model: {str(error).splitlines()[0]}") from None
    num_right = 0
    for first in range(0, len(labels), BATCH_SIZE):
        batch = slice(first, first + BATCH_SIZE)
        (logits,) = session.run(["logits"], {"pixels": to_pixels(images[batch])})
        num_right += int((logits.argmax(axis=1) == labels[batch]).sum())
    return num_right / len(labels)


def clear_notes(model: Any) -> None:
    """Remove the notes that the exporter adds to every item, mostly stack traces with source paths."""
    graph = model.graph
    for item in (
        model,
        graph,
        *graph.input,
        *graph.output,
        *graph.value_info,
        *graph.initializer,
        *graph.node,
    ):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppress the exporter's progress lines and its warnings about its own deprecated parts."""
    chatter = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
        warnings.simplefilter("ignore")
        yield


def require(*packages: str) -> None:
    """Raise `InputError`, naming the extra that installs it, if a package is not installed."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            raise InputError(f"this needs the package {package}: pip install '{PRODUCER}[onnx]'") from None
