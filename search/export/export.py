"""From a trial's stored weights to model files that were checked before they are reported."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from mnist_core.checkpoint import Checkpoint
from mnist_core.data import Dataset, find_data_root, load_dataset
from search.export.bundle import FOLDER_FILES, FORMATS_INSIDE, write_bundle
from search.export.card import ExportSubject
from search.export.formats import (
    C_FILES,
    C_FORMATS,
    FORMATS,
    check_packages,
    count_confusion,
    describe_file,
    write_format,
)
from search.models.loading import load_confirmed, load_trial
from space.errors import InputError
from studies.confirmations import read_confirmed_front, read_measured
from studies.records import read_front
from studies.storage import Store


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
    """Write one format, or without ``file_format`` a folder with all that it takes to use and understand the model.

    Returns a line about each model file. All is written and checked in a temporary folder beside ``out`` first, so that
    ``out`` is whole or untouched. Raises `InputError` where ``out`` can't be written, the trial has no weights or a
    package is missing, `SearchFailedError` where a check fails.
    """
    if file_format is not None and file_format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, not {file_format!r}")
    check_target(out, "export", _folder_files(file_format), force=force)
    check_packages(file_format)
    return export_subject(_find_subject(store, study_name, trial), out, file_format=file_format, data_root=data_root)


def export_subject(subject: ExportSubject, out: Path, *, file_format: str | None, data_root: Path | None) -> list[str]:
    """The same for a model that is at hand; ``out`` may be replaced."""
    checkpoint = subject.checkpoint
    data = load_data(checkpoint, data_root)
    num_images = len(data.validation)
    with temporary_folder(out) as folder:
        if file_format is None:
            files = write_bundle(folder, subject, data)
            replace_folder(folder, out)
            told = [file for file in files if file.file_format in FORMATS_INSIDE]
            return [f"{out / file.name}: {describe_file(file, checkpoint, num_images)}" for file in told]
        accuracy = int(np.trace(count_confusion(checkpoint, data))) / num_images
        file = write_format(file_format, folder, checkpoint, data, accuracy)
        line = describe_file(file, checkpoint, num_images)
        if file_format in C_FORMATS:
            replace_folder(folder, out)
            return [f"{out / file.name}: {line}"]
        os.replace(folder / file.name, out)
        return [f"{out}: {line}"]


def _find_subject(store: Store, study_name: str, trial: int) -> ExportSubject:
    """A confirmed member's model of the lowest seed, which nothing it measured chose; of other trials their own.

    Raises `InputError` where the weights are gone or are not the trial's.
    """
    front = read_front(store.engine, study_name)
    confirmed_front = read_confirmed_front(store.engine, study_name)
    confirmed = next((point for point in confirmed_front if point.trial == trial), None)
    if confirmed is None:
        return ExportSubject(load_trial(store, study_name, trial), study_name, front)
    measured = read_measured(store.engine, study_name, trial, min(confirmed.seeds))
    return ExportSubject(
        checkpoint=load_confirmed(store, study_name, measured),
        study_name=study_name,
        front=front,
        confirmed=confirmed,
        confirmed_front=confirmed_front,
        confusion=np.array(measured.confusion),
    )


def _folder_files(file_format: str | None) -> Collection[str] | None:
    """What may be in a folder that is written for a format; None: it is one file."""
    if file_format is None:
        return FOLDER_FILES
    return C_FILES if file_format in C_FORMATS else None


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
