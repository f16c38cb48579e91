import importlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model
from mnist_core.data import Dataset, load_dataset
from mnist_core.evaluation import predict_logits
from mnist_core.formats.torch_program import count_program_params, export_program, load_program, program_accuracy
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(
    scope="module", params=["4s:brd0.1 p 8s:rb p 8v:br gap fc10+", "4s:brd0.1 ap sep8s:rb ap sep8k5v+:br gap fc10+"]
)
def checkpoint(request: pytest.FixtureRequest, digits: Dataset) -> Checkpoint:
    """Untrained, with BatchNorm statistics of its own, and a mean that matters."""
    candidate = CandidateSpec(ArchitectureSpec.from_text(request.param))
    model = build_model(candidate.architecture, seed=2)
    generator = torch.Generator().manual_seed(3)
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) / 4
            module.running_var = torch.rand(module.num_features, generator=generator) + 0.5
    return Checkpoint(candidate, cpu_weights(model), 0.3, 0.4, "digits", digits.sha256, None, seed=2)


@pytest.fixture(scope="module")
def exported(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "model.pt2"
    export_program(path, checkpoint)
    return path


def test_it_computes_from_pixels_what_the_model_computes(
    exported: Path, checkpoint: Checkpoint, digits: Dataset
) -> None:
    images = torch.tensor(digits.validation.images)
    expected = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
    module = load_program(exported).module()
    for num_images in (1, 2, 300):
        logits = module(images[:num_images].permute(0, 3, 1, 2) / 255)
        torch.testing.assert_close(logits, expected[:num_images])


def test_its_accuracy_counts_every_image(exported: Path, checkpoint: Checkpoint, digits: Dataset) -> None:
    images = np.concatenate([digits.train.images, digits.validation.images])[:701]  # two batches, one not full
    logits = predict_logits(restore_model(checkpoint), torch.tensor(images), mean=checkpoint.mean, std=checkpoint.std)
    predicted = logits.argmax(1).numpy()
    assert program_accuracy(exported, images, predicted) == 1
    labels = np.where(np.arange(701) % 3 == 0, (predicted + 1) % 10, predicted)
    assert program_accuracy(exported, images, labels) == pytest.approx(1 - 234 / 701)


def test_its_parameters_are_the_models(exported: Path, checkpoint: Checkpoint) -> None:
    assert count_program_params(exported) == checkpoint.candidate.num_params


def test_the_same_bytes_again_under_any_name_and_nothing_of_this_machine(
    exported: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    export_program(tmp_path / "other.pt2", checkpoint)
    assert (tmp_path / "other.pt2").read_bytes() == exported.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["other.pt2"]
    with zipfile.ZipFile(exported) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert b"stack_trace" not in content
            assert b".py" not in content
            for place in (Path(__file__).parents[3], Path.home(), Path(torch.__file__).parent, tmp_path):
                assert str(place).encode() not in content


def test_it_runs_without_this_package(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mnist_core", "space")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError):
        importlib.import_module("mnist_core.model")
    program = torch.export.load(exported)
    assert program.module()(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_a_file_that_is_no_program_is_refused(tmp_path: Path, digits: Dataset) -> None:
    images, labels = digits.validation.images, digits.validation.labels
    with pytest.raises(InputError, match=r"missing\.pt2 can't be read: No such file"):
        program_accuracy(tmp_path / "missing.pt2", images, labels)
    (tmp_path / "garbage.pt2").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"garbage\.pt2 is not a program of torch\.export: [^\n]+$"):
        program_accuracy(tmp_path / "garbage.pt2", images, labels)
    with pytest.raises(InputError, match=r"nowhere/model\.pt2 can't be written: No such file"):
        export_program(tmp_path / "nowhere" / "model.pt2", _untrained())


def _untrained() -> Checkpoint:
    candidate = CandidateSpec(ArchitectureSpec.from_text("2s:br gap fc10+"))
    return Checkpoint(candidate, cpu_weights(build_model(candidate.architecture)), 0.1, 0.3, "digits", "", None, 0)
