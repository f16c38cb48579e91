import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mnist_core.augmentation import normalise
from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.evaluation import evaluate, predict_logits
from mnist_core.formats.onnx import export_onnx, onnx_accuracy, onnx_properties
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError
from tests.mnist_core.conftest import NET

PROJECT = Path(__file__).parents[3]


pytestmark = pytest.mark.usefixtures("one_thread")


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


@pytest.fixture(scope="module")
def exported(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(path, checkpoint)
    return path


def run_onnx(path: Path, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = np.moveaxis(images, 3, 1).astype(np.float32) / 255
    (logits,) = session.run(["logits"], {"pixels": pixels})
    return logits


@pytest.mark.parametrize("count", [1, 2, 300])
def test_onnx_gives_the_logits_of_the_model(
    count: int, exported: Path, checkpoint: Checkpoint, digits: Dataset
) -> None:
    images = digits.validation.images[:count]
    expected = predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)
    np.testing.assert_allclose(run_onnx(exported, images), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "notation",
    [
        "4k5p1+:rbD0.25 p3 6k1:b 8v:brd0.1 8s flat fc12+:r fc10",
        "4s:br ap sep6k5p1+:rbd0.1 sep8v:br ap3 sep8s gap fc10",
    ],
)
def test_onnx_can_hold_every_kind_of_layer(notation: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = untrained(notation)
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


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_onnx_is_the_same_when_exported_again_and_says_nothing(
    exported: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    # In a process of its own: names could be numbered per process, and what the exporter says comes once per process.
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    code = (
        "from pathlib import Path\n"
        "from mnist_core.checkpoint import load_checkpoint; from mnist_core.formats.onnx import export_onnx\n"
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
    np.save(tmp_path / "images.npy", images[..., 0])
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    (tmp_path / "model.onnx").write_bytes(exported.read_bytes())
    finished = run_python(f"{code}\nimport sys; print('torch' in sys.modules)", tmp_path)
    assert finished.returncode == 0, finished.stderr
    *predicted, torch_was_there = finished.stdout.splitlines()
    expected = predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)
    assert predicted == [" ".join(str(int(label)) for label in expected.argmax(1))]
    assert torch_was_there == str(uses_torch)
