"""A short training, and what is compared of the folders of two."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mnist_core.training_checkpoint import load_training
from search.training import folder as training_folder
from search.training.request import TrainRequest

NET = "4s:brd0.1 p 8v:br gap fc10+"

FILES = {
    "best.safetensors",
    "config.json",
    "epochs.csv",
    "last.safetensors",
    "layers.txt",
    "samples.png",
    "state.safetensors",
    "train.log",
}


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainRequest:
    """Three epochs of a tenth of a second, and a picture that is drawn as quickly."""
    monkeypatch.setattr(training_folder, "NUM_SAMPLES", 1)
    return TrainRequest(
        model=NET,
        out=tmp_path / "out",
        epochs=3,
        batch_size=32,
        dataset="digits",
        train_size=100,
        engine="torch",
        quiet=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def log_of(folder: Path) -> list[str]:
    """The lines of train.log without their time stamps."""
    lines = (folder / "train.log").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d  (\S.*)", line) for line in lines]
    assert None not in matches, lines
    return [match[1] for match in matches if match]


def assert_same_training(folder: Path, reference: Path) -> None:
    """All but times is the same, bit for bit, and each epoch is told of once."""
    for name in ("last.safetensors", "best.safetensors"):
        assert (folder / name).read_bytes() == (reference / name).read_bytes(), name
    states = [load_training(path / "state.safetensors") for path in (folder, reference)]
    optimizers = [{name: array.tobytes() for name, array in state.state.optimizer.items()} for state in states]
    assert optimizers[0] == optimizers[1]
    results = [[replace(result, seconds=0.0) for result in state.state.results] for state in states]
    assert results[0] == results[1]
    with (folder / "epochs.csv").open(encoding="utf-8") as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [result.epoch for result in results[0]]
    told = [re.sub(r" [\d.]+ s$", "", line) for line in log_of(folder) if line.startswith("epoch")]
    assert told == [re.sub(r" [\d.]+ s$", "", line) for line in log_of(reference) if line.startswith("epoch")]
    assert log_of(folder)[-1].startswith("finished after epoch")
    assert {path.name for path in folder.iterdir()} == FILES
