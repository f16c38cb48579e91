"""The folder of an exported model: model files, metadata, a model card, and a script to run it."""

import json
import platform
import shutil
import subprocess
import tempfile
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import Dataset
from search.analysis.confusion import draw_confusion
from search.export.card import render_model_card
from search.export.formats import write_format
from search.export.subject import C_FILES, FILE_NAMES, ExportSubject, ModelFile, accuracy_of
from search.models.agreement import classify

FORMATS_INSIDE = ("safetensors", "onnx", "onnx-int8", "pt2", "c")
CONFIG_FILE, CARD_FILE, PICTURE_FILE = "config.json", "README.md", "confusion.png"
PREDICT_FILE, EXAMPLES_FILE = "predict.py", "examples.npy"
FOLDER_FILES = (
    *dict.fromkeys([*(FILE_NAMES[name] for name in FORMATS_INSIDE), *C_FILES]),
    *(CONFIG_FILE, CARD_FILE, PICTURE_FILE, PREDICT_FILE, EXAMPLES_FILE),
)
NUM_EXAMPLES = 10
MAX_INT8_LOSS = 0.001
"""Largest loss of validation accuracy with which an int8 ONNX file is included in the folder."""
_SCRIPT = Path(__file__).with_name("predict.py")
_PACKAGES = ("numpy", "torch", "safetensors", "onnx", "onnxscript", "onnxruntime", "small-model-search")


def write_bundle(folder: Path, subject: ExportSubject, data: Dataset) -> list[ModelFile]:
    """Write the whole folder; returns the measurements of each format, including one that is left out."""
    checkpoint, validation = subject.checkpoint, data.validation
    found = classify(checkpoint, data)
    accuracy = found.accuracy
    files = [write_format(name, folder, checkpoint, data, accuracy) for name in FORMATS_INSIDE]
    files = [_leave_out_if_worse(file, folder, len(validation)) for file in files]
    with tempfile.TemporaryDirectory() as scratch:  # measured only for the card's comparison
        files.append(replace(write_format("c-int8", Path(scratch), checkpoint, data, accuracy), included=False))

    shown = found.confusion if subject.confusion is None else subject.confusion
    (folder / PICTURE_FILE).write_bytes(draw_confusion(shown, checkpoint.class_names).png)
    np.save(folder / EXAMPLES_FILE, _without_grey_axis(validation.images[:NUM_EXAMPLES]))
    shutil.copyfile(_SCRIPT, folder / PREDICT_FILE)
    config = json.dumps(describe_export(subject, files), indent=2, allow_nan=False) + "\n"
    (folder / CONFIG_FILE).write_text(config, encoding="utf-8")
    card = render_model_card(subject, files, num_images=len(validation))
    (folder / CARD_FILE).write_text(card, encoding="utf-8")
    return files


def describe_export(subject: ExportSubject, files: list[ModelFile]) -> dict[str, object]:
    """Return everything known about an exported model, for its config file."""
    checkpoint, confirmed = subject.checkpoint, subject.confirmed
    neighbours = [
        {"trial": point.trial, "num_params": point.num_params, "accuracy": accuracy_of(point)}
        for point in subject.neighbours
    ]
    return {
        "study": subject.study_name,
        "trial": checkpoint.trial,
        "num_params": checkpoint.candidate.num_params,
        "val_accuracy": checkpoint.val_accuracy,
        "confirmed": None if confirmed is None else asdict(confirmed),
        "front": {
            "of": "validation accuracy" if confirmed is None else "mean test accuracy",
            "position": subject.position,
            "num_points": len(subject.members),
            "neighbours": neighbours,
        },
        **checkpoint.candidate.to_json(),
        "preprocessing": {"pixels": "0..1, 0 is background", "mean": checkpoint.mean, "std": checkpoint.std},
        "class_names": checkpoint.class_names,
        "dataset": checkpoint.dataset,
        "dataset_sha256": checkpoint.dataset_sha256,
        "seed": checkpoint.seed,
        "seeds": [checkpoint.seed] if confirmed is None else list(confirmed.seeds),
        "torch_version": checkpoint.torch_version,
        "files": [asdict(file) for file in files],
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "commit": find_commit(Path(__file__).parents[2]),
    }


def find_commit(checkout: Path) -> str | None:
    """Return the commit of a checkout of this program; None if ``checkout`` is no checkout but, say, site-packages."""
    command = ["git", "-C", str(checkout), "rev-parse", "--show-prefix", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    prefix, _, commit = done.stdout.partition("\n")
    # Inside another repository, such as one with a virtual environment, this would be that repository's commit.
    return None if prefix else commit.strip()


def _without_grey_axis(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey images as (N, height, width), the usual form in files; others as they are."""
    return images[..., 0] if images.shape[-1] == 1 else images


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # this program itself, run from a checkout
        return None


def _leave_out_if_worse(file: ModelFile, folder: Path, num_images: int) -> ModelFile:
    # With few images, a single one exceeds the limit and means nothing.
    if file.file_format != "onnx-int8" or (file.accuracy_lost or 0) <= max(MAX_INT8_LOSS, 1.5 / num_images):
        return file
    (folder / file.name).unlink()
    reason = (
        f"it costs {100 * (file.accuracy_lost or 0):.2f} points of accuracy, and {100 * MAX_INT8_LOSS:g} are allowed"
    )
    return replace(file, included=False, reason=reason)
