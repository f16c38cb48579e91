"""From a trial's stored weights to model files that were checked before they are reported."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import torch

from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.evaluation import evaluate
from mnist_core.export import (
    Checkpoint,
    export_onnx,
    load_checkpoint,
    onnx_accuracy,
    restore_model,
    save_checkpoint,
)
from search.models import load_trial
from space.errors import InputError, SearchFailedError
from studies.storage import Store

FORMATS = ("safetensors", "onnx")
CONFIG_FILE = "config.json"
FOLDER_FILES = (*(f"model.{name}" for name in FORMATS), CONFIG_FILE)


def export_model(
    store: Store,
    study_name: str,
    trial: int,
    out: Path,
    *,
    file_format: str | None,
    force: bool,
    data_root: Path | None,
) -> list[str]:
    """Write one file, or without ``file_format`` a folder with every format; returns a line about each model file.

    All is written and checked in a temporary folder beside ``out`` first, so that ``out`` is whole or untouched. Raises
    `InputError` where ``out`` can't be written or the trial has no weights, `SearchFailedError` where a check fails.
    """
    if file_format is not None and file_format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, not {file_format!r}")
    check_target(out, "export", FOLDER_FILES if file_format is None else None, force=force)
    checkpoint = load_trial(store, study_name, trial)
    data = load_data(checkpoint, data_root)
    with temporary_folder(out) as folder:
        if file_format is not None:
            line = _write(folder / f"model.{file_format}", checkpoint, data)
            os.replace(folder / f"model.{file_format}", out)
            return [f"{out}: {line}"]
        lines = [f"{out / f'model.{name}'}: {_write(folder / f'model.{name}', checkpoint, data)}" for name in FORMATS]
        config = json.dumps(_describe(checkpoint, study_name), indent=2) + "\n"
        (folder / CONFIG_FILE).write_text(config, encoding="utf-8")
        replace_folder(folder, out)
        return lines


def check_target(out: Path, kind: str, files: Collection[str] | None, *, force: bool) -> None:
    """Raises `InputError` where ``out`` can't be made, or exists and is not what an earlier ``kind`` wrote.

    ``files`` are the names that may be in a folder of that kind; None: it is one file.
    """
    if not out.parent.is_dir():
        raise InputError(f"--out {out} can't be written: the folder {out.parent} does not exist")
    if not out.exists():
        return
    if not force:
        raise InputError(f"--out {out} exists already; --force replaces what an earlier {kind} wrote")
    if files is None:
        if not out.is_file():
            raise InputError(f"--out {out} is a folder, but --format writes one file")
        return
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    # Not one file of anybody else's goes: other commands write a config.json too.
    if not found or found - set(files):
        raise InputError(f"--out {out} was not written by an {kind}, so it is not replaced")


@contextlib.contextmanager
def temporary_folder(out: Path) -> Iterator[Path]:
    """A folder beside ``out``, to write into and move; afterwards it is gone. Raises `InputError` where it can't be."""
    try:
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    except OSError as error:
        raise InputError(f"--out {out} can't be written: {error.strerror}") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_data(checkpoint: Checkpoint, data_root: Path | None) -> Dataset:
    """The images that a model was trained with. Raises `InputError` where only others of that name are found."""
    data = load_dataset(checkpoint.dataset, find_data_root(checkpoint.dataset, data_root))
    if data.sha256 != checkpoint.dataset_sha256:
        trained = "the model" if checkpoint.trial is None else f"trial {checkpoint.trial}"
        raise InputError(f"the {checkpoint.dataset} found here is not the one that {trained} was trained on")
    return data


def _write(path: Path, checkpoint: Checkpoint, data: Dataset) -> str:
    """Write one model file and measure, from the file alone, that it is as good as its trial said."""
    validation = data.validation
    if path.suffix == ".onnx":
        export_onnx(path, checkpoint)
        accuracy = onnx_accuracy(path, validation.images, validation.labels)
    else:
        save_checkpoint(path, checkpoint)
        restored = load_checkpoint(path)
        images, labels = torch.tensor(validation.images), torch.tensor(validation.labels)
        accuracy = evaluate(restore_model(restored), images, labels, mean=restored.mean, std=restored.std).accuracy
    num_off = abs(round((accuracy - checkpoint.val_accuracy) * len(validation)))
    if num_off > 1:
        raise SearchFailedError(
            f"the {path.suffix[1:]} file gets {accuracy:.4f} on the validation images, but trial {checkpoint.trial} "
            f"got {checkpoint.val_accuracy:.4f}: nothing was written"
        )
    size = path.stat().st_size
    return (
        f"{checkpoint.candidate.num_params:,} parameters, {size:,} bytes, {100 * accuracy:.2f} % of "
        f"{len(validation):,} validation images (trial {checkpoint.trial}: {100 * checkpoint.val_accuracy:.2f} %)"
    )


def _describe(checkpoint: Checkpoint, study_name: str) -> dict[str, object]:
    return {
        "study": study_name,
        "trial": checkpoint.trial,
        "num_params": checkpoint.candidate.num_params,
        "val_accuracy": checkpoint.val_accuracy,
        **checkpoint.candidate.to_json(),
        "preprocessing": {"pixels": "0..1, 0 is background", "mean": checkpoint.mean, "std": checkpoint.std},
        "class_names": checkpoint.class_names,
        "dataset": checkpoint.dataset,
        "dataset_sha256": checkpoint.dataset_sha256,
        "seed": checkpoint.seed,
        "torch_version": checkpoint.torch_version,
    }


def replace_folder(new: Path, out: Path) -> None:
    """Move a folder to the place of ``out``, which may exist."""
    new.chmod(0o755)  # a temporary folder is private
    if out.exists():
        old = new.with_name(f"{new.name}-old")
        os.replace(out, old)
        os.replace(new, out)
        shutil.rmtree(old)
    else:
        os.replace(new, out)
