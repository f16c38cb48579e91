import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH
from mnist_core.formats.onnx import export_onnx, onnx_accuracy
from mnist_core.formats.onnx_int8 import NUM_CALIBRATION_IMAGES, export_onnx_int8
from mnist_core.model import build_model
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig

pytestmark = pytest.mark.usefixtures("one_thread")

UNFOLDED, SEPARABLE = "4s:br p 8s:rb p 8v:br gap fc10+", "6s:br ap sep12v:br ap 8v:br gap fc10+"
"""With a BatchNorm that can't be folded between two that can, and with none of that kind."""


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=400)


@pytest.fixture(scope="module", params=[UNFOLDED, SEPARABLE])
def checkpoint(request: pytest.FixtureRequest, digits: Dataset) -> Checkpoint:
    candidate = CandidateSpec(ArchitectureSpec.from_text(request.param), TrainingConfig(epochs=5, batch_size=16))
    model = build_model(candidate.architecture, seed=1)
    accuracy = list(train(model, digits, candidate.training, seed=1, engine=TORCH))[-1].val_accuracy
    assert accuracy > 0.6
    return Checkpoint(
        candidate, cpu_weights(model), digits.mean, digits.std, "digits", digits.sha256, accuracy, seed=1, trial=3
    )


@pytest.fixture(scope="module")
def exported(checkpoint: Checkpoint, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "model-int8.onnx"
    export_onnx_int8(path, checkpoint, digits.train.images)
    return path


@pytest.fixture(scope="module")
def fp32(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fp32") / "model.onnx"
    export_onnx(path, checkpoint)
    return path


def logits_of(path: Path, images: NDArray[np.uint8], *, in_int8: bool = True) -> NDArray[np.float32]:
    """What onnxruntime computes, in int8 or step by step in fp32 as the file says it."""
    options = onnxruntime.SessionOptions()
    if not in_int8:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"pixels": np.moveaxis(images, 3, 1).astype(np.float32) / 255})
    return logits


def test_it_is_nearly_as_good_as_in_fp32(exported: Path, fp32: Path, checkpoint: Checkpoint, digits: Dataset) -> None:
    images, labels = digits.validation.images, digits.validation.labels
    assert onnx_accuracy(exported, images, labels) == pytest.approx(checkpoint.val_accuracy, abs=4.01 / 300)
    in_int8, in_fp32 = (logits_of(path, images) for path in (exported, fp32))
    assert np.abs(in_int8 - in_fp32).max() > 0
    assert np.abs(in_int8 - in_fp32).mean() < 0.1 * in_fp32.std()
    assert logits_of(exported, images[:1]).shape == (1, 10)


def test_this_cpu_computes_what_the_file_says(exported: Path, digits: Dataset) -> None:
    images = digits.validation.images
    int8, by_the_file = (logits_of(exported, images, in_int8=in_int8) for in_int8 in (True, False))
    # Rounding may fall the other way where a value lies between two steps. What saturates is off by many.
    assert np.abs(int8 - by_the_file).mean() < 0.002 * by_the_file.std()


def test_weights_are_too_small_for_their_products_to_saturate_anywhere(exported: Path) -> None:
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(exported).graph.initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) > 1
    ]
    largest = max(np.abs(values.astype(int)).max() for values in weights)
    # The instruction that CPUs without VNNI have adds two products of an unsigned and a signed byte in 16 bits.
    assert largest == 64
    assert 2 * 255 * largest < 2**15


def test_weights_are_int8_with_a_scale_a_channel(exported: Path, checkpoint: Checkpoint) -> None:
    graph = onnx.load(exported).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    large = [tensor for tensor in tensors.values() if np.prod(tensor.dims) > 16]
    weights = [weights for weights in checkpoint.weights.values() if weights.dim() > 1]
    assert sorted(tuple(tensor.dims) for tensor in large) == sorted(tuple(tensor.shape) for tensor in weights)
    assert {tensor.data_type for tensor in large} == {TensorProto.INT8}
    scales = [
        numpy_helper.to_array(tensors[node.input[1]])
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in {tensor.name for tensor in large}
    ]
    assert sorted(len(scale) for scale in scales) == sorted(map(len, weights)), "of a depthwise kernel too"
    assert all(len(np.unique(scale)) > 1 for scale in scales)


def test_batch_norm_is_folded_where_it_can_be(exported: Path, checkpoint: Checkpoint) -> None:
    kept = [node for node in onnx.load(exported).graph.node if node.op_type == "BatchNormalization"]
    assert len(kept) == str(checkpoint.candidate.architecture).count(":rb")
    # What is kept stays in fp32: one scale for all of its factors would cost accuracy.
    graph = onnx.load(exported).graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    assert {types[name] for node in kept for name in node.input[1:]} <= {TensorProto.FLOAT}


def test_it_tells_what_the_fp32_file_tells_and_nothing_of_this_machine(exported: Path, fp32: Path) -> None:
    told, told_in_fp32 = (
        {item.key: item.value for item in onnx.load(path).metadata_props} for path in (exported, fp32)
    )
    assert told == told_in_fp32
    content = exported.read_bytes()
    for place in (Path(__file__).parents[3], Path.home(), Path(tempfile.gettempdir()), Path(onnx.__file__).parent):
        assert str(place).encode() not in content
    assert b"File " not in content


def test_the_same_bytes_again_without_a_word_and_without_leftovers(
    exported: Path,
    checkpoint: Checkpoint,
    digits: Dataset,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    handlers, disabled = list(logging.root.handlers), logging.root.manager.disable
    export_onnx_int8(tmp_path / "again.onnx", checkpoint, digits.train.images)
    assert (tmp_path / "again.onnx").read_bytes() == exported.read_bytes()
    assert list(scratch.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.onnx", "scratch"]
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert (list(logging.root.handlers), logging.root.manager.disable) == (handlers, disabled)


@pytest.mark.parametrize("checkpoint", [UNFOLDED], indirect=True)
def test_the_first_images_calibrate(exported: Path, checkpoint: Checkpoint, digits: Dataset, tmp_path: Path) -> None:
    images = digits.train.images
    assert len(images) < NUM_CALIBRATION_IMAGES
    dark = np.zeros((NUM_CALIBRATION_IMAGES, 28, 28, 1), np.uint8)
    export_onnx_int8(tmp_path / "dark", checkpoint, np.concatenate([dark, images]))
    export_onnx_int8(tmp_path / "dark alone", checkpoint, dark)
    assert (tmp_path / "dark").read_bytes() == (tmp_path / "dark alone").read_bytes() != exported.read_bytes()
