"""A trained model as a net of integers: near the model, whatever its numbers are."""

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import Checkpoint, checkpoint_logits
from mnist_core.data import Dataset
from mnist_core.formats.integer_net import LOGIT_BITS, integer_logits
from mnist_core.formats.quantisation import quantise
from tests.mnist_core.formats.conftest import KINDS, SEPARABLE, resized, torch_logits, untrained

pytestmark = pytest.mark.usefixtures("one_thread")


def error_of(checkpoint: Checkpoint, digits: Dataset) -> float:
    """The largest error of a logit, as a share of the largest logit."""
    images = resized(digits.validation, checkpoint, 20).images
    expected = torch_logits(checkpoint, images)
    logits = integer_logits(quantise(checkpoint, images), images) / 2.0**LOGIT_BITS
    assert logits.shape == expected.shape
    return float(np.abs(logits - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("notation", [*KINDS, "4x20x20 6s:br ap sep8s:br ap 9v:br gap fc10+"])
def test_logits_are_near_those_of_pytorch(notation: str, digits: Dataset) -> None:
    # Fully connected layers of random weights add up many terms that nearly cancel each other.
    assert error_of(untrained(notation), digits) < (0.07 if "flat fc" in notation else 0.02)


def test_a_trained_model_is_as_good_in_integers(digits: Dataset, trained: Checkpoint) -> None:
    split = digits.validation
    predicted = integer_logits(quantise(trained, digits.train.images), split.images).argmax(1)
    expected = checkpoint_logits(trained, split.images).numpy().argmax(1)
    assert np.mean(predicted != expected) <= 0.02
    assert trained.val_accuracy is not None
    assert np.mean(predicted == split.labels) == pytest.approx(trained.val_accuracy, abs=0.02)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("0.weight", number) for number in (0, 1e-20, 1e-3, 1e9)),
        *(("0.bias", number) for number in (0, 1e4, -1e9)),
        *(("2.weight", number) for number in (0, -1e-9, 1e-3, -40)),
        *(("2.bias", number) for number in (0, 1e3)),
        ("2.running_var", 1e-9),
    ],
)
def test_a_channel_of_extreme_numbers_spoils_no_other(name: str, number: float, digits: Dataset) -> None:
    checkpoint = untrained("4s+:rb p 5s:br gap fc10+")
    checkpoint.weights[name][2] = number
    images = digits.validation.images[:20]
    expected = torch_logits(checkpoint, images)
    logits = integer_logits(quantise(checkpoint, images), images) / 2.0**LOGIT_BITS
    largest = np.abs(expected).max()
    if largest < 2.0 ** (31 - LOGIT_BITS):
        assert np.abs(logits - expected).max() < 0.03 * largest
    else:
        assert np.abs(logits).max() == pytest.approx(2.0 ** (31 - LOGIT_BITS), rel=1e-6), "logits end where int32 does"


def test_sums_over_large_maps_fit_into_32_bits(digits: Dataset) -> None:
    checkpoint = untrained("6k5s:br 8k5s:r gap fc3")
    layers = quantise(checkpoint, digits.validation.images)
    assert [layer.down > 0 for layer in layers] == [False, True, False]
    assert error_of(checkpoint, digits) < 0.02


def test_an_image_of_one_value_gives_scales_too(digits: Dataset) -> None:
    checkpoint = untrained(SEPARABLE)
    black = np.zeros((3, 28, 28, 1), np.uint8)
    torch.testing.assert_close(
        torch.tensor(integer_logits(quantise(checkpoint, black), black) / 2.0**LOGIT_BITS),
        torch.tensor(torch_logits(checkpoint, black)),
        atol=0.05,
        rtol=0.05,
    )
