"""A small trained model, made once for the files whose tests read it, small datasets in MNIST's layout, and a cache."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mnist_core import data_files
from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH, Engine
from mnist_core.model import build_model
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from tests.mnist_layout import VALIDATION_SIZE

NET = "4s:brd0.1 p 8s:br p 8v:br gap fc10+"


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=400)


def train_with(engine: Engine, digits: Dataset) -> tuple[nn.Sequential, Checkpoint]:
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), TrainingConfig(epochs=6, batch_size=16))
    model = build_model(candidate.architecture, seed=1)
    results = list(train(model, digits, candidate.training, seed=1, engine=engine))
    return model, Checkpoint(
        candidate=candidate,
        weights=cpu_weights(model),
        mean=digits.mean,
        std=digits.std,
        dataset=digits.name,
        dataset_sha256=digits.sha256,
        val_accuracy=results[-1].val_accuracy,
        seed=1,
        trial=17,
    )


@pytest.fixture(scope="session")
def checkpoint(digits: Dataset) -> Checkpoint:
    """That of a model which training left in channels_last."""
    # The fixture `one_thread` is a module's, and so comes after this one.
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return train_with(TORCH, digits)[1]
    finally:
        torch.set_num_threads(num_threads)


@pytest.fixture
def small_sources(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """MNIST without known hashes and with few validation images, but for the tests of the real files."""
    monkeypatch.delenv("SEARCH_DATA_ROOT", raising=False)
    monkeypatch.setattr(data_files, "DOWNLOAD_SECONDS", 60)
    if not request.node.get_closest_marker("mnist"):
        for name, source in data_files.SOURCES.items():
            small = replace(source, validation_size=VALIDATION_SIZE, sha256={})
            monkeypatch.setitem(data_files.SOURCES, name, small)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of unpacked images, in a cache of the test's own."""
    monkeypatch.setenv("SEARCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache/datasets"
