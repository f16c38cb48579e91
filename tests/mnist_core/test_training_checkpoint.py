import copy
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights, save_checkpoint
from mnist_core.model import Network, build_model
from mnist_core.training import TrainingState
from mnist_core.training_checkpoint import TrainingCheckpoint, load_training, save_training
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError
from space.results import EpochResult

ARCHITECTURE = ArchitectureSpec.from_text("4s:br p 8v:br gap fc10+")
# Numbers that no short decimal writes.
RESULTS = [EpochResult(1, 2 / 3, 1 / 3, 0.1 + 0.2, 0.9, 1e-7 / 3, 0.5), EpochResult(2, 1e-300, 0.5, 1 / 7, 0.8, 0.1, 1)]


@pytest.fixture
def model() -> Network:
    return build_model(ARCHITECTURE, seed=3).to(memory_format=torch.channels_last)


@pytest.fixture
def checkpoint(model: Network) -> TrainingCheckpoint:
    weights = cpu_weights(model)
    momentum = np.random.default_rng(0).normal(size=602).astype(np.float32)
    state = TrainingState(list(RESULTS), {"momentum": momentum})
    # After the best epoch both weights are the same tensors.
    return TrainingCheckpoint({"model": "x", "clip_norm": None, "max_lr": 0.1}, weights, weights, state)


def test_what_is_read_is_what_was_written_bit_for_bit(
    model: Network, checkpoint: TrainingCheckpoint, tmp_path: Path
) -> None:
    save_training(tmp_path / "state", checkpoint)
    loaded = load_training(tmp_path / "state")
    assert loaded.configuration == checkpoint.configuration
    assert loaded.state.results == RESULTS
    assert loaded.state.optimizer["momentum"].tobytes() == checkpoint.state.optimizer["momentum"].tobytes()
    restored = build_model(ARCHITECTURE, seed=4)
    restored.load_state_dict(loaded.weights)
    for name, tensor in restored.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
        assert torch.equal(tensor, loaded.best_weights[name])
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_a_training_that_has_not_begun_has_no_best_weights(checkpoint: TrainingCheckpoint, tmp_path: Path) -> None:
    save_training(tmp_path / "state", TrainingCheckpoint({}, checkpoint.weights, {}, TrainingState()))
    loaded = load_training(tmp_path / "state")
    assert (loaded.best_weights, loaded.state) == ({}, TrainingState())


def test_any_damage_is_noticed(checkpoint: TrainingCheckpoint, tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_training(path, checkpoint)
    content = path.read_bytes()
    positions = [*range(0, len(content), 97), len(content) - 1, content.index(b"0.666")]
    for position in positions:
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(
            InputError, match=r"state can't be used \(.+\); restore it, or start again in another folder"
        ):
            load_training(path)
    for size in (0, 7, 500, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match="state can't be used"):
            load_training(path)


def test_a_model_file_is_no_training(model: Network, tmp_path: Path) -> None:
    path = tmp_path / "model"
    save_checkpoint(path, Checkpoint(CandidateSpec(ARCHITECTURE), cpu_weights(model), 0.1, 0.3, "digits", "0", 0.5, 0))
    with pytest.raises(InputError, match=r"model can't be used \(it lacks 'sha256'\)"):
        load_training(path)


def test_a_write_that_fails_leaves_what_was_there(
    checkpoint: TrainingCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_training(tmp_path / "state", checkpoint)
    before = (tmp_path / "state").read_bytes()

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    changed = copy.deepcopy(checkpoint)
    changed.state.results.pop()
    with pytest.raises(OSError, match="No space left"):
        save_training(tmp_path / "state", changed)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("state", before)]
