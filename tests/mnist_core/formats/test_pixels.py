import copy

import pytest
import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model
from mnist_core.data import Dataset, load_dataset
from mnist_core.evaluation import predict_logits
from mnist_core.formats.pixels import from_pixels
from mnist_core.model import build_model, seed_dropout
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=60)


@pytest.fixture
def checkpoint(digits: Dataset) -> Checkpoint:
    """Untrained, with dropout, with the statistics of some images, and with a mean that matters."""
    candidate = CandidateSpec(ArchitectureSpec.from_text("4s:brd0.5 p 6v:rbD0.5 gap fc10+"))
    model = build_model(candidate.architecture, seed=2)
    seed_dropout(model, 3, torch.device("cpu"))
    model.train()(torch.tensor(digits.train.images).permute(0, 3, 1, 2) / 50)
    return Checkpoint(candidate, cpu_weights(model), 0.3, 0.4, "digits", digits.sha256, None, seed=2)


def test_pixels_of_0_to_1_give_the_logits_of_the_images(checkpoint: Checkpoint, digits: Dataset) -> None:
    images = torch.tensor(digits.validation.images[:20])
    expected = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
    with torch.no_grad():
        logits = from_pixels(checkpoint)(images.permute(0, 3, 1, 2) / 255)
    torch.testing.assert_close(logits, expected)
    assert logits.std() > 1e-3


def test_an_image_is_judged_on_its_own_and_always_alike(checkpoint: Checkpoint, digits: Dataset) -> None:
    pixels = torch.tensor(digits.validation.images[:20]).permute(0, 3, 1, 2) / 255
    module = from_pixels(checkpoint)
    assert not any(part.training for part in module.modules())
    with torch.no_grad():
        together = module(pixels)
        alone = torch.cat([module(pixel[None]) for pixel in pixels])
    # Neither what else is in the batch nor chance has a say.
    torch.testing.assert_close(alone, together)
    assert torch.equal(module(pixels).detach(), together)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.9, 0.1)])
def test_the_checkpoints_own_mean_and_deviation_count(
    checkpoint: Checkpoint, digits: Dataset, mean: float, std: float
) -> None:
    pixels = torch.tensor(digits.validation.images[:5]).permute(0, 3, 1, 2) / 255
    checkpoint = Checkpoint(checkpoint.candidate, checkpoint.weights, mean, std, "digits", "", None, seed=2)
    with torch.no_grad():
        expected = restore_model(checkpoint)((pixels - mean) / std)
        torch.testing.assert_close(from_pixels(checkpoint)(pixels), expected)


def test_it_has_the_parameters_of_the_model_as_copies(checkpoint: Checkpoint) -> None:
    before = copy.deepcopy(checkpoint.weights)
    module = from_pixels(checkpoint)
    assert sum(parameter.numel() for parameter in module.parameters()) == checkpoint.candidate.num_params
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in checkpoint.weights.items())
