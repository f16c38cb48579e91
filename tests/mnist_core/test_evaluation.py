import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_core.augmentation import normalise
from mnist_core.data import Dataset, load_dataset
from mnist_core.evaluation import BATCH_SIZE, evaluate, predict_logits
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture
def model() -> nn.Sequential:
    return build_model(ArchitectureSpec.from_text("4s:brd0.5 p 6s:brD0.5 p 8v:br gap fc10+"), seed=1)


class Brightness(nn.Module):
    """A classifier to compute by hand: class 1 for images brighter than the dataset's mean, else 0."""

    def forward(self, x: Tensor) -> Tensor:
        brightness = x.mean((1, 2, 3))
        return torch.stack([torch.zeros_like(brightness), brightness], dim=1)


@pytest.mark.parametrize("count", [1, BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 1, 1_197])
def test_every_image_counts_once_however_many_there_are(digits: Dataset, count: int) -> None:
    images = torch.tensor(digits.train.images[:count])
    brightness = (images.double().mean((1, 2, 3)) / 255 - digits.mean) / digits.std
    labels = torch.tensor(digits.train.labels[:count]) % 2
    result = evaluate(Brightness(), images, labels, mean=digits.mean, std=digits.std)
    assert result.accuracy == ((brightness > 0).long() == labels).double().mean()
    logits = torch.stack([torch.zeros_like(brightness), brightness], dim=1)
    assert result.loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)


def test_logits_are_those_of_the_whole_batch(digits: Dataset, model: nn.Sequential) -> None:
    images = torch.tensor(digits.train.images)
    logits = predict_logits(model, images, mean=digits.mean, std=digits.std)
    with torch.no_grad():
        expected = model.eval()(normalise(images, digits.mean, digits.std))
    assert logits.shape == (1_197, 10)
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(digits: Dataset, model: nn.Sequential, training: bool) -> None:
    model.train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images, labels = torch.tensor(digits.validation.images), torch.tensor(digits.validation.labels)
    first = evaluate(model, images, labels, mean=digits.mean, std=digits.std)
    assert all(module.training is training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert evaluate(model, images, labels, mean=digits.mean, std=digits.std) == first


def test_no_gradients_are_kept(digits: Dataset, model: nn.Sequential) -> None:
    logits = predict_logits(model, torch.tensor(digits.validation.images), mean=0.3, std=0.3)
    assert not logits.requires_grad
