import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mnist_core.augmentation import normalise
from mnist_core.checkpoint import PRODUCER, Checkpoint, cpu_weights, load_checkpoint, restore_model, save_checkpoint
from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH, Engine
from mnist_core.evaluation import evaluate, predict_logits
from mnist_core.formats.onnx import export_onnx, onnx_accuracy, onnx_properties
from mnist_core.model import build_model
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError

PROJECT = Path(__file__).parents[2]
NET = "4s:brd0.1 p 8s:br p 8v:br gap fc10+"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def checkpoint(digits: Dataset) -> Checkpoint:
    """That of a model which training left in channels_last."""
    return train_with(TORCH, digits)[1]


def untrained(text: str) -> Checkpoint:
    """Any architecture, with BatchNorm statistics that are not the initial ones."""
    candidate = CandidateSpec(ArchitectureSpec.from_text(text))
    model = build_model(candidate.architecture, seed=2)
    generator = torch.Generator().manual_seed(3)
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator)
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
    return Checkpoint(candidate, cpu_weights(model), 0.13, 0.31, "mnist", "0" * 64, 0.5, 2)


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
    assert replace(checkpoint, dataset="fashion-mnist").class_names[9] == "Ankle boot"
    assert replace(checkpoint, dataset="kmnist").class_names[0] == "o"
    for dataset in ("mnist", "fashion-mnist", "kmnist", "digits"):
        assert len(set(replace(checkpoint, dataset=dataset).class_names)) == 10


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
        with pytest.raises(InputError, match=r"model\.safetensors can't be written: No space left on device$"):
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
    assert_refused(tmp_path, "there is no model file")
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


@pytest.fixture(scope="module")
def exported(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(path, checkpoint)
    return path


def run_onnx(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = images[:, None].astype(np.float32) / 255
    (logits,) = session.run(["logits"], {"pixels": pixels})
    return logits


@pytest.mark.parametrize("count", [1, 2, 300])
def test_onnx_gives_the_logits_of_the_model(
    count: int, exported: Path, checkpoint: Checkpoint, digits: Dataset
) -> None:
    images = digits.validation.images[:count]
    expected = predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)
    np.testing.assert_allclose(run_onnx(exported, images), expected.numpy(), atol=1e-4)


def test_onnx_can_hold_every_kind_of_layer(digits: Dataset, tmp_path: Path) -> None:
    checkpoint = untrained("4k5p1+:rbD0.25 p3 6k1:b 8v:brd0.1 8s flat fc12+:r fc10")
    path = tmp_path / "model.onnx"
    export_onnx(path, checkpoint)
    images = digits.validation.images[:3]
    with torch.no_grad():
        expected = restore_model(checkpoint)(normalise(torch.tensor(images), 0.13, 0.31))
    np.testing.assert_allclose(run_onnx(path, images), expected.numpy(), atol=1e-4)


def test_onnx_has_the_promised_interface_and_metadata(exported: Path, checkpoint: Checkpoint) -> None:
    import onnx

    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    for value, name, shape in (
        (model.graph.input, "pixels", ["N", 1, 28, 28]),
        (model.graph.output, "logits", ["N", 10]),
    ):
        (item,) = value
        tensor = item.type.tensor_type
        assert item.name == name
        assert tensor.elem_type == onnx.TensorProto.FLOAT
        assert [dim.dim_param or dim.dim_value for dim in tensor.shape.dim] == shape
    assert {item.key: item.value for item in model.metadata_props} == {
        "producer": "small-model-search",
        "notation": NET,
        "num_params": str(checkpoint.candidate.num_params),
        "class_names": json.dumps(list("0123456789")),
        "dataset": "digits",
        "dataset_sha256": checkpoint.dataset_sha256,
        "val_accuracy": repr(checkpoint.val_accuracy),
    }


def test_onnx_is_one_file_that_tells_nothing_of_its_machine(exported: Path) -> None:
    assert [file.name for file in exported.parent.iterdir()] == ["model.onnx"]
    content = exported.read_bytes()
    for trace in (b".py", b"File ", os.fsencode(PROJECT), os.fsencode(sys.prefix), b"stack_trace"):
        assert trace not in content


def test_onnx_is_the_same_when_exported_again_and_says_nothing(
    exported: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    # In a process of its own: names could be numbered per process, and what the exporter says comes once per process.
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    code = (
        "from pathlib import Path; from mnist_core.checkpoint import export_onnx, load_checkpoint\n"
        "export_onnx(Path('again.onnx'), load_checkpoint(Path('model.safetensors')))"
    )
    finished = run_python(code, tmp_path)
    assert (finished.stdout, finished.stderr, finished.returncode) == ("", "", 0)
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()


def test_onnx_accuracy_is_that_of_the_model(exported: Path, checkpoint: Checkpoint, digits: Dataset) -> None:
    images, labels = digits.train.images, digits.train.labels
    # More than one batch, and one not full.
    images, labels = np.concatenate([images, images[:201]]), np.concatenate([labels, labels[:201]])
    expected = evaluate(
        restore_model(checkpoint),
        torch.tensor(images),
        torch.tensor(labels),
        mean=checkpoint.mean,
        std=checkpoint.std,
    )
    assert 0.2 < expected.accuracy < 1
    assert onnx_accuracy(exported, images, labels) == pytest.approx(expected.accuracy, abs=1.5 / 601)


def test_a_model_trained_on_the_validation_images_tells_no_accuracy(checkpoint: Checkpoint) -> None:
    properties = onnx_properties(checkpoint)
    assert properties["val_accuracy"] == repr(checkpoint.val_accuracy)
    told = onnx_properties(replace(checkpoint, val_accuracy=None))
    assert told == {name: value for name, value in properties.items() if name != "val_accuracy"}


def test_a_file_that_is_not_onnx_is_refused(digits: Dataset, tmp_path: Path) -> None:
    split = digits.validation
    with pytest.raises(InputError, match=r"missing\.onnx can't be read: No such file"):
        onnx_accuracy(tmp_path / "missing.onnx", split.images, split.labels)
    (tmp_path / "garbage.onnx").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"garbage\.onnx is not an ONNX model: [^\n]+$"):
        onnx_accuracy(tmp_path / "garbage.onnx", split.images, split.labels)


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_its_extra(
    package: str,
    exported: Path,
    checkpoint: Checkpoint,
    digits: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    calls: dict[str, Callable[[], object]] = {
        "onnx": lambda: export_onnx(tmp_path / "model.onnx", checkpoint),
        "onnxscript": lambda: export_onnx(tmp_path / "model.onnx", checkpoint),
        "onnxruntime": lambda: onnx_accuracy(exported, digits.validation.images, digits.validation.labels),
    }
    with pytest.raises(InputError, match=rf"needs the package {package}: pip install 'small-model-search\[onnx\]'$"):
        calls[package]()
    assert list(tmp_path.iterdir()) == []


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def documented_examples() -> list[str]:
    text = (PROJECT / "docs" / "model-files.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize(("position", "uses_torch"), [(0, False), (1, True)])
def test_the_documented_examples_predict(
    position: int, uses_torch: bool, exported: Path, checkpoint: Checkpoint, digits: Dataset, tmp_path: Path
) -> None:
    assert len(documented_examples()) == 2
    code = documented_examples()[position]
    assert len(code.splitlines()) <= 12
    images = digits.validation.images[:40]
    np.save(tmp_path / "images.npy", images)
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    (tmp_path / "model.onnx").write_bytes(exported.read_bytes())
    finished = run_python(f"{code}\nimport sys; print('torch' in sys.modules)", tmp_path)
    assert finished.returncode == 0, finished.stderr
    *predicted, torch_was_there = finished.stdout.splitlines()
    expected = predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)
    assert predicted == [" ".join(str(int(label)) for label in expected.argmax(1))]
    assert torch_was_there == str(uses_torch)


def test_restoring_leaves_the_checkpoint_as_it_was(checkpoint: Checkpoint) -> None:
    before = copy.deepcopy(checkpoint.weights)
    with torch.no_grad():
        for parameter in restore_model(checkpoint).parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in checkpoint.weights.items())
