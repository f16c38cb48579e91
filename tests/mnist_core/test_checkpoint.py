import copy
import json
import math
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mnist_core.checkpoint import PRODUCER, Checkpoint, cpu_weights, load_checkpoint, restore_model, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.engine import Engine
from mnist_core.evaluation import evaluate, predict_logits
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import FullDiskError, InputError
from tests.mnist_core.conftest import NET, train_with

pytestmark = pytest.mark.usefixtures("one_thread")


def assert_equal(given: Checkpoint, expected: Checkpoint) -> None:
    for field in fields(Checkpoint):
        if field.name != "weights":
            assert getattr(given, field.name) == getattr(expected, field.name)
    assert given.weights.keys() == expected.weights.keys()
    for name, tensor in expected.weights.items():
        assert torch.equal(given.weights[name], tensor)
        assert given.weights[name].dtype == tensor.dtype


def test_a_checkpoint_comes_back_as_it_was(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    assert_equal(load_checkpoint(tmp_path / "model.safetensors"), checkpoint)
    alone = replace(checkpoint, trial=None, val_accuracy=None)
    save_checkpoint(tmp_path / "model.safetensors", alone)
    assert_equal(load_checkpoint(tmp_path / "model.safetensors"), alone)


def test_a_separable_model_with_average_pools_comes_back_as_it_was(
    checkpoint: Checkpoint, digits: Dataset, tmp_path: Path
) -> None:
    architecture = ArchitectureSpec.from_text("4s:br ap sep8k5v+:rb ap3 sep6s:br gap fc10+")
    model = build_model(architecture, seed=1).eval()
    separable = replace(checkpoint, candidate=CandidateSpec(architecture), weights=cpu_weights(model))
    save_checkpoint(tmp_path / "model.safetensors", separable)
    loaded = load_checkpoint(tmp_path / "model.safetensors")
    assert_equal(loaded, separable)
    pixels = torch.tensor(digits.validation.images[:5]).permute(0, 3, 1, 2).float()
    assert torch.equal(restore_model(loaded)(pixels), model(pixels))
    plain = ArchitectureSpec.from_text("4s:br ap 8k5v+:rb ap3 sep6s:br gap fc10+")
    save_checkpoint(tmp_path / "model.safetensors", replace(separable, candidate=CandidateSpec(plain)))
    with pytest.raises(InputError, match=r"its weights do not fit '4s:br ap 8k5v\+:rb ap3 .*': '\d+\.\w+' "):
        load_checkpoint(tmp_path / "model.safetensors")


def test_the_restored_model_predicts_what_the_trained_one_did(engine: Engine, digits: Dataset, tmp_path: Path) -> None:
    model, checkpoint = train_with(engine, digits)
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    loaded = load_checkpoint(tmp_path / "model.safetensors")
    restored = restore_model(loaded)
    assert not restored.training
    images, labels = torch.tensor(digits.validation.images), torch.tensor(digits.validation.labels)
    logits = predict_logits(restored, images, mean=loaded.mean, std=loaded.std)
    expected = predict_logits(model, images, mean=digits.mean, std=digits.std)
    torch.testing.assert_close(logits, expected)
    measured = evaluate(restored, images, labels, mean=loaded.mean, std=loaded.std)
    assert measured.accuracy == pytest.approx(checkpoint.val_accuracy, abs=1 / 300)


def test_the_file_tells_all_about_the_model_in_one_key(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    with safe_open(tmp_path / "model.safetensors", framework="np") as file:
        metadata = file.metadata()
    assert list(metadata) == [PRODUCER]
    told = json.loads(metadata[PRODUCER])
    assert list(told) == sorted(told)
    assert told["candidate"]["notation"] == NET
    assert told["num_params"] == checkpoint.candidate.num_params
    assert told["class_names"] == list("0123456789")
    for name in ("mean", "std", "dataset", "dataset_sha256", "val_accuracy", "seed", "trial"):
        assert told[name] == getattr(checkpoint, name)
    assert told["torch_version"] == torch.__version__


def test_classes_are_named_by_their_dataset(checkpoint: Checkpoint) -> None:
    def names(dataset: str) -> tuple[str, ...]:
        return replace(checkpoint, dataset=dataset, class_names=()).class_names

    assert names("fashion-mnist")[9] == "Ankle boot"
    assert names("kmnist")[0] == "o"
    for dataset in ("mnist", "fashion-mnist", "kmnist", "digits"):
        assert len(set(names(dataset))) == 10


def test_equal_checkpoints_are_equal_byte_for_byte(checkpoint: Checkpoint, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    save_checkpoint(first, checkpoint)
    # The same values in another order of names and another order in memory.
    weights = {
        name: tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor.clone()
        for name, tensor in reversed(checkpoint.weights.items())
    }
    save_checkpoint(second, replace(checkpoint, weights=weights))
    assert first.read_bytes() == second.read_bytes()
    save_checkpoint(second, load_checkpoint(first))
    assert first.read_bytes() == second.read_bytes()
    save_checkpoint(second, replace(checkpoint, seed=2))
    assert first.read_bytes() != second.read_bytes()


def test_weights_are_copied_from_the_model(checkpoint: Checkpoint) -> None:
    model = restore_model(checkpoint)
    weights = cpu_weights(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(weights["0.weight"], checkpoint.weights["0.weight"])
    assert not any(tensor.requires_grad for tensor in weights.values())


def test_a_file_is_replaced_whole_or_not_at_all(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"before")

    def fail(source: Path, target: Path) -> None:
        assert source.parent == target.parent == tmp_path
        assert source.read_bytes()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(FullDiskError, match=r"model\.safetensors can't be written: No space left on device$"):
            save_checkpoint(path, checkpoint)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]
    assert path.read_bytes() == b"before"
    save_checkpoint(path, checkpoint)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_folder_that_is_missing_is_named(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/model\.safetensors can't be written: No such file"):
        save_checkpoint(tmp_path / "nowhere" / "model.safetensors", checkpoint)


def write_weights(path: Path, checkpoint: Checkpoint, metadata: dict[str, str] | None) -> None:
    """The weights of ``checkpoint`` as another program would write them."""
    save_file({name: tensor.contiguous() for name, tensor in checkpoint.weights.items()}, path, metadata)


def write_altered(path: Path, checkpoint: Checkpoint, alter: Callable[[dict[str, Any]], object]) -> None:
    """Save ``checkpoint`` with altered metadata."""
    save_checkpoint(path, checkpoint)
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()[PRODUCER])
    alter(metadata)
    write_weights(path, checkpoint, {PRODUCER: json.dumps(metadata)})


def assert_refused(path: Path, expected: str) -> None:
    with pytest.raises(InputError) as raised:
        load_checkpoint(path)
    message = str(raised.value)
    assert str(path) in message
    assert expected in message
    assert "\n" not in message


def test_a_file_that_is_not_a_checkpoint_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    assert_refused(path, "there is no model file")
    assert_refused(tmp_path, "is a folder: a file is needed")
    for content in (b"", b"garbage, and more of it than eight bytes"):
        path.write_bytes(content)
        assert_refused(path, "can't be read as safetensors")
    save_checkpoint(path, checkpoint)
    path.write_bytes(path.read_bytes()[:-1])
    assert_refused(path, "can't be read as safetensors")
    write_weights(path, checkpoint, None)
    assert_refused(path, "was not written by this program")
    write_weights(path, checkpoint, {"format": "pt"})
    assert_refused(path, "was not written by this program")


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (lambda told: told.update(format=2), "format 2, where this version reads 1"),
        (lambda told: told.pop("mean"), "metadata lack 'mean'"),
        (lambda told: told["candidate"].pop("training"), "settings under 'training'"),
        (lambda told: told.update(candidate=[]), "metadata can't be used"),
        (lambda told: told["candidate"].update(architecture=["conv"]), "metadata can't be used"),
        (lambda told: told["candidate"]["training"].update(epochs=0), "epochs must be at least 1, not 0"),
        (lambda told: told["candidate"]["training"].update(epochs="3"), "metadata can't be used"),
        (lambda told: told.update(mean="0.1"), "metadata can't be used: mean is '0.1'"),
        (lambda told: told.update(std=math.nan), "metadata can't be used: std is nan"),
        (lambda told: told.update(std=0), "metadata can't be used: std is 0"),
        (lambda told: told.update(val_accuracy=1e30), "metadata can't be used: val_accuracy is 1e+30"),
        (lambda told: told.update(seed=10**400), f"metadata can't be used: seed is 1{'0' * 199}..."),
        (lambda told: told.update(trial=-1), "metadata can't be used: trial is -1"),
        (lambda told: told.update(dataset=["x" * 400]), f"metadata can't be used: dataset is ['{'x' * 198}..."),
        (lambda told: told["candidate"]["training"].update(speed=9), "unknown training setting 'speed'"),
    ],
)
def test_metadata_that_cannot_be_used_are_refused(
    alter: Callable[[dict[str, Any]], object], expected: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    write_altered(tmp_path / "model.safetensors", checkpoint, alter)
    assert_refused(tmp_path / "model.safetensors", expected)


def test_metadata_that_are_not_json_are_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    write_weights(tmp_path / "model.safetensors", checkpoint, {PRODUCER: "{"})
    assert_refused(tmp_path / "model.safetensors", "metadata can't be used")


@pytest.mark.parametrize(
    ("name", "tensor", "expected"),
    [
        ("0.weight", None, "'0.weight' is missing"),
        ("0.bias", torch.zeros(4), "'0.bias' belongs to no layer"),
        ("0.weight", torch.zeros(5, 1, 3, 3), "'0.weight' is float32 (5, 1, 3, 3), not float32 (4, 1, 3, 3)"),
        ("1.bias", torch.zeros(4).half(), "'1.bias' is float16 (4,), not float32 (4,)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    name: str, tensor: Tensor | None, expected: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    weights = {key: kept for key, kept in checkpoint.weights.items() if key != name}
    if tensor is not None:
        weights[name] = tensor
    save_checkpoint(tmp_path / "model.safetensors", replace(checkpoint, weights=weights))
    assert_refused(tmp_path / "model.safetensors", f"its weights do not fit '{NET}': {expected}")


def test_a_lying_architecture_allocates_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_altered(path, checkpoint, lambda told: told["candidate"]["architecture"][0].update(width=99_999))
    assert_refused(path, "'0.weight' is float32 (4, 1, 3, 3), not float32 (99999, 1, 3, 3)")


def test_restoring_leaves_the_checkpoint_as_it_was(checkpoint: Checkpoint) -> None:
    before = copy.deepcopy(checkpoint.weights)
    with torch.no_grad():
        for parameter in restore_model(checkpoint).parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in checkpoint.weights.items())
