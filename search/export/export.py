"""Exporting a trial's stored weights as model files, each checked before it is reported."""

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from search.export.bundle import FOLDER_FILES, FORMATS_INSIDE, write_bundle
from search.export.formats import check_packages, describe_file, write_format
from search.export.subject import C_FILES, C_FORMATS, FORMATS, SUFFIX_FORMATS, ExportSubject
from search.models.agreement import classify
from search.models.loading import load_confirmed, load_its_data, load_trial
from search.output_folder import check_target, replace_folder, temporary_folder
from search.terminal.output import print_warnings
from space.errors import InputError
from studies.confirmations import read_confirmed_front, read_measured
from studies.fingerprints import read_metric
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
    """Write one format or a folder with everything needed to use and understand the model.

    It is one format if ``file_format`` names it or if ``out`` ends in the suffix of one, such as ``.onnx``. Returns a
    line about each model file. Everything is first written and checked in a temporary folder beside ``out``, so that
    ``out`` is complete or untouched. Raises `InputError` if ``out`` can't be written or contradicts the format, the
    trial has no weights or a package is missing, and `SearchFailedError` if a check fails.
    """
    file_format = resolve_format(out, file_format)
    check_target(out, "export", _folder_files(file_format), force=force)
    check_packages(file_format)
    return export_subject(_find_subject(store, study_name, trial), out, file_format=file_format, data_root=data_root)


def resolve_format(out: Path, file_format: str | None) -> str | None:
    """Return the format that ``--out`` and ``--format`` together ask for; None for a folder with all.

    Raises `InputError` if there is no such format or the two contradict each other.
    """
    if file_format is not None and file_format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, not {file_format!r}")
    meant = SUFFIX_FORMATS.get(out.suffix.lower(), ())
    if file_format is None:
        return meant[0] if meant else None
    if meant and file_format not in meant:
        raise InputError(f"--out {out} is a file of the format {' or '.join(meant)}, but --format is {file_format}")
    return file_format


def export_subject(subject: ExportSubject, out: Path, *, file_format: str | None, data_root: Path | None) -> list[str]:
    """Export a loaded model like `export_model`; replaces ``out`` if it exists."""
    checkpoint = subject.checkpoint
    data = load_its_data(checkpoint, data_root)
    print_warnings(data.warnings)
    num_images = len(data.validation)
    with temporary_folder(out) as folder:
        if file_format is None:
            files = write_bundle(folder, subject, data)
            replace_folder(folder, out)
            names = {file: str(out / file.name) for file in files if file.file_format in FORMATS_INSIDE}
            return [
                f"{names.get(file, f'--format {file.file_format}')}: {describe_file(file, checkpoint, num_images)}"
                for file in files
            ]
        accuracy = classify(checkpoint, data).accuracy
        file = write_format(file_format, folder, checkpoint, data, accuracy)
        line = describe_file(file, checkpoint, num_images)
        if file_format in C_FORMATS:
            replace_folder(folder, out)
            return [f"{out / file.name}: {line}"]
        os.replace(folder / file.name, out)
        return [f"{out}: {line}"]


def _find_subject(store: Store, study_name: str, trial: int) -> ExportSubject:
    """Load the model to export: a trial's own or, for a confirmed member, that of the lowest seed.

    The lowest seed is taken so that no measurement chooses the model. Raises `InputError` if the weights are missing or
    are not the trial's.
    """
    front = read_front(store.database, study_name)
    confirmed_front = read_confirmed_front(store.database, study_name)
    confirmed = next((point for point in confirmed_front if point.trial == trial), None)
    if confirmed is None:
        is_balanced = read_metric(store, study_name) is not None
        return ExportSubject(load_trial(store, study_name, trial), study_name, front, is_balanced=is_balanced)
    measured = read_measured(store.database, study_name, trial, min(confirmed.seeds))
    return ExportSubject(
        checkpoint=load_confirmed(store, study_name, measured),
        study_name=study_name,
        front=front,
        confirmed=confirmed,
        confirmed_front=confirmed_front,
        confusion=np.array(measured.confusion),
    )


def _folder_files(file_format: str | None) -> Collection[str] | None:
    """Return the names of files that an export writes into a folder; None for a format that is a single file."""
    if file_format is None:
        return FOLDER_FILES
    return C_FILES if file_format in C_FORMATS else None
