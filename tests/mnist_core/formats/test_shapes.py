"""Every export of a net for coloured oblong images with a stride, against PyTorch."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint, checkpoint_logits, cpu_weights, load_checkpoint, save_checkpoint
from mnist_core.formats.onnx import export_onnx, onnx_accuracy
from mnist_core.formats.onnx_int8 import export_onnx_int8
from mnist_core.formats.torch_program import export_program, load_program, program_accuracy
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec

NET = "3x20x16 6s/2:br sep8s/2+:rb ap 9s/2:r flat fc3+"
NAMES = ("cat", "dog", "no animal")


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    """(40, 20, 16, 3) bytes: smooth, as photographs are."""
    generator = np.random.default_rng(0)
    corners = generator.integers(0, 256, (40, 2, 2, 3))
    down, right = np.linspace(0, 1, 20)[:, None, None], np.linspace(0, 1, 16)[None, :, None]
    top, bottom = (
        corners[:, row, None, None, 0] * (1 - right) + corners[:, row, None, None, 1] * right for row in (0, 1)
    )
    return (top * (1 - down) + bottom * down).astype(np.uint8)


@pytest.fixture(scope="module")
def checkpoint(images: NDArray[np.uint8]) -> Checkpoint:
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET))
    model = build_model(candidate.architecture, seed=4)
    # BatchNorm's statistics are those of the images.
    for _ in range(60):
        model.train()((torch.tensor(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25)
    return Checkpoint(candidate, cpu_weights(model), 0.5, 0.25, "mine", "0" * 64, 0.5, 1, class_names=NAMES)


def test_a_model_file_keeps_shape_and_class_names(
    checkpoint: Checkpoint, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "model.safetensors", checkpoint)
    loaded = load_checkpoint(tmp_path / "model.safetensors")
    assert loaded.candidate == checkpoint.candidate
    assert loaded.candidate.architecture.input_shape == (3, 20, 16)
    assert loaded.class_names == NAMES
    assert torch.equal(checkpoint_logits(loaded, images), checkpoint_logits(checkpoint, images))


def test_every_format_gives_the_logits_of_pytorch(
    checkpoint: Checkpoint, images: NDArray[np.uint8], tmp_path: Path
) -> None:
    expected = checkpoint_logits(checkpoint, images).numpy()
    labels = expected.argmax(1)
    assert len(np.unique(labels)) > 1, "else any logits would do"
    pixels = np.moveaxis(images, 3, 1).astype(np.float32) / 255
    export_onnx(tmp_path / "model.onnx", checkpoint)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [3, 20, 16]
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == list(NAMES)
    (logits,) = session.run(["logits"], {"pixels": pixels})
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert onnx_accuracy(tmp_path / "model.onnx", images, labels) == 1
    export_program(tmp_path / "model.pt2", checkpoint)
    with torch.inference_mode():
        logits = load_program(tmp_path / "model.pt2").module()(torch.from_numpy(pixels)).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert program_accuracy(tmp_path / "model.pt2", images, labels) == 1
    export_onnx_int8(tmp_path / "int8.onnx", checkpoint, images)
    assert onnx_accuracy(tmp_path / "int8.onnx", images, labels) > 0.9
