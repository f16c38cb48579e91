"""A small trained model, as it is and as a confirmed one, and the folders that are exported of both."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH
from mnist_core.model import build_model
from mnist_core.training import train
from search.export.export import export_subject
from search.export.subject import ExportSubject
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

NET = "4s:br p 8s:br p 8v:br gap fc10+"


@contextmanager
def single_thread() -> Iterator[None]:
    """As the fixture `one_thread`, for what is made once a session: that fixture lasts only as long as a module."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(scope="session")
def subject(digits: Dataset) -> ExportSubject:
    data = load_dataset("digits", None, train_size=400)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), TrainingConfig(epochs=5, batch_size=16, translation=0.1))
    model = build_model(candidate.architecture, seed=1)
    with single_thread():
        accuracy = list(train(model, data, candidate.training, seed=1, engine=TORCH))[-1].val_accuracy
    assert accuracy > 0.6
    checkpoint = Checkpoint(
        candidate, cpu_weights(model), data.mean, data.std, "digits", digits.sha256, accuracy, seed=1, trial=3
    )
    front = [FrontPoint(7, 300, 0.3, "2s:br gap fc10+"), FrontPoint(3, candidate.num_params, accuracy, NET)]
    return ExportSubject(checkpoint, "digits-3000", front)


@pytest.fixture(scope="session")
def confirmed(subject: ExportSubject) -> ExportSubject:
    point = ConfirmedPoint(
        trial=3,
        num_params=subject.checkpoint.candidate.num_params,
        notation=NET,
        seeds=(1, 2, 3),
        accuracy=0.81,
        low=0.79,
        high=0.83,
        effective_images=500.0,
        degrees_of_freedom=2.0,
        front_probability=0.9,
        val_accuracy=0.8,
    )
    confusion = 50 * np.eye(10, dtype=np.int64)
    confusion[3, 5] = 7
    return ExportSubject(
        replace(subject.checkpoint, val_accuracy=None), subject.study_name, subject.front, point, [point], confusion
    )


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ExportSubject], tuple[Path, list[str]]]:
    def write(subject: ExportSubject) -> tuple[Path, list[str]]:
        folder = tmp_path_factory.mktemp("export") / "bundle"
        with single_thread():
            lines = export_subject(subject, folder, file_format=None, data_root=None)
        assert [path.name for path in folder.parent.iterdir()] == ["bundle"]
        return folder, lines

    return write


@pytest.fixture(scope="session")
def bundle(subject: ExportSubject, export) -> tuple[Path, list[str]]:
    return export(subject)


@pytest.fixture(scope="session")
def folder(bundle: tuple[Path, list[str]]) -> Path:
    return bundle[0]


@pytest.fixture(scope="session")
def confirmed_folder(confirmed: ExportSubject, export) -> Path:
    """With one of the model files, as the others are written like those of any model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.export.bundle.FORMATS_INSIDE", ("safetensors",))
        return export(confirmed)[0]


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))
