from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_core.augmentation import normalise, random_affine
from mnist_core.data import load_dataset

SIDE = 28
LOW, MIDDLE, HIGH = 0.0, 0.5, 1.0
"""Draws that give the full amount one way, nothing, and the full amount the other way."""


@pytest.fixture(scope="module")
def images() -> Tensor:
    """(8, 28, 28) bytes."""
    return torch.tensor(load_dataset("digits", None).train.images[:8])


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``force(angle, size, right, down)`` sets the draws of every image from there on."""

    def force(*draws: float) -> None:
        def drawn(rows: int, count: int, **_: Any) -> Tensor:
            assert rows == len(draws)
            return torch.tensor(draws).unsqueeze(1).repeat(1, count)

        monkeypatch.setattr(torch, "rand", drawn)

    return force


def affine(images: Tensor, *, seed: int = 0, **ranges: float) -> Tensor:
    amounts = {"rotation": 0.0, "translation": 0.0, "scale": 0.0, **ranges}
    return random_affine(images, **amounts, generator=torch.Generator().manual_seed(seed))


def assert_same(given: Tensor, expected: Tensor) -> None:
    """Equal but for the rounding of coordinates, in pixels of 0..255."""
    torch.testing.assert_close(given, expected.float(), atol=0.05, rtol=0)


def test_without_strength_nothing_is_changed_and_nothing_drawn(images: Tensor) -> None:
    generator = torch.Generator().manual_seed(5)
    before = generator.get_state()
    moved = random_affine(images, rotation=0, translation=0, scale=0, generator=generator)
    assert moved.dtype == torch.float32
    assert torch.equal(moved, images.float())
    assert torch.equal(generator.get_state(), before)


def test_a_draw_in_the_middle_moves_nothing(images: Tensor, force: Any) -> None:
    force(MIDDLE, MIDDLE, MIDDLE, MIDDLE)
    assert_same(affine(images, rotation=90, translation=0.5, scale=0.5), images)


def test_rotation_turns_by_its_degrees_either_way(images: Tensor, force: Any) -> None:
    force(HIGH, MIDDLE, MIDDLE, MIDDLE)
    assert_same(affine(images, rotation=90), torch.rot90(images, 1, (1, 2)))
    assert_same(affine(images, rotation=180), torch.rot90(images, 2, (1, 2)))
    force(LOW, MIDDLE, MIDDLE, MIDDLE)
    assert_same(affine(images, rotation=90), torch.rot90(images, -1, (1, 2)))


@pytest.mark.parametrize("draw", [LOW, HIGH])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("pixels", [1, 3])
def test_translation_shifts_by_its_share_of_the_side(
    images: Tensor, force: Any, pixels: int, axis: int, draw: float
) -> None:
    force(MIDDLE, MIDDLE, draw if axis == 2 else MIDDLE, draw if axis == 1 else MIDDLE)
    background = torch.zeros_like(images.narrow(axis, 0, pixels))
    if draw == HIGH:
        expected = torch.cat([images.narrow(axis, pixels, SIDE - pixels), background], axis)
    else:
        expected = torch.cat([background, images.narrow(axis, 0, SIDE - pixels)], axis)
    assert_same(affine(images, translation=pixels / SIDE), expected)


def test_scale_enlarges_and_shrinks_about_the_centre(images: Tensor, force: Any) -> None:
    inner = F.pad(images[:, 9:19, 9:19], (9, 9, 9, 9)).float()
    force(MIDDLE, HIGH, MIDDLE, MIDDLE)
    doubled = F.interpolate(inner[:, None, 7:21, 7:21], scale_factor=2, mode="bilinear").squeeze(1)
    assert_same(affine(inner, scale=1.0), doubled)
    force(MIDDLE, LOW, MIDDLE, MIDDLE)
    halved = F.pad(F.avg_pool2d(images.float(), 2), (7, 7, 7, 7))
    assert_same(affine(images, scale=0.5), halved)


def test_each_image_has_its_own_draw(images: Tensor) -> None:
    copies = images[:1].repeat(16, 1, 1)
    for ranges in ({"rotation": 10.0}, {"translation": 0.1}, {"scale": 0.1}):
        moved = affine(copies, **ranges)
        assert len({image.numpy().tobytes() for image in moved}) == 16


def test_shifts_are_uniform_in_both_axes() -> None:
    # The centroid of a small spot moves by exactly the shift.
    spot = torch.zeros(4_000, SIDE, SIDE)
    spot[:, 13:15, 13:15] = 255
    moved = affine(spot, translation=0.25)
    pixel = torch.arange(SIDE) - 13.5
    mass = moved.sum((1, 2))
    across, down = (moved.sum(axis) @ pixel / mass / SIDE for axis in (1, 2))
    for shift in (across, down):
        counts = torch.histc(shift, bins=10, min=-0.25, max=0.25)
        assert counts.sum() == len(spot)
        # Standard deviation of a bin's count: 19.
        assert (counts - 400).abs().max() < 80
    assert abs(np.corrcoef(across.numpy(), down.numpy())[0, 1]) < 0.06


def test_what_comes_from_outside_is_background() -> None:
    white = torch.full((64, SIDE, SIDE), 255, dtype=torch.uint8)
    moved = affine(white, translation=0.25)
    assert (moved[:, 0, 0] + moved[:, -1, -1] + moved[:, 0, -1] + moved[:, -1, 0] < 4 * 255).all()
    assert (moved == 0).any()
    assert (moved[:, 12:16, 12:16] > 254.9).all()


def test_pixels_stay_in_their_range(images: Tensor) -> None:
    moved = affine(images.repeat(20, 1, 1), rotation=180, translation=0.5, scale=0.9)
    assert moved.min() >= 0
    assert moved.max() <= 255.001
    assert moved.shape == (160, SIDE, SIDE)


def test_the_generator_alone_decides(images: Tensor) -> None:
    strength = {"rotation": 10.0, "translation": 0.1, "scale": 0.1}
    first = affine(images, seed=7, **strength)
    torch.rand(3)
    assert torch.equal(affine(images, seed=7, **strength), first)
    assert not torch.equal(affine(images, seed=8, **strength), first)


def test_the_input_is_left_as_it_is(images: Tensor) -> None:
    before = images.clone()
    normalise(affine(images), 0.3, 0.3)
    normalise(images, 0.3, 0.3)
    assert torch.equal(images, before)


def test_normalised_training_images_have_mean_0_and_std_1() -> None:
    digits = load_dataset("digits", None)
    pixels = normalise(torch.tensor(digits.train.images), digits.mean, digits.std)
    assert pixels.shape == (1_197, 1, SIDE, SIDE)
    assert pixels.dtype == torch.float32
    assert pixels.double().mean() == pytest.approx(0, abs=1e-5)
    assert pixels.double().std() == pytest.approx(1, abs=1e-5)
