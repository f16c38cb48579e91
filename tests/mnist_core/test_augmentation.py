from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mnist_core.augmentation import IDENTITY, draw_augmentation, normalise, transform_images
from mnist_core.data import load_dataset
from space.candidate import TrainingConfig

SIDE = 28
LOW, MIDDLE, HIGH = 0.0, 0.5, 1.0
"""Draws that give the full amount one way, nothing, and the full amount the other way."""


@pytest.fixture(scope="module")
def images() -> Tensor:
    """(8, 28, 28) bytes."""
    return torch.tensor(load_dataset("digits", None).train.images[:8, :, :, 0])


class FixedDraws:
    """In place of a generator: every image gets the same draws of angle, size, right and down."""

    def __init__(self, *draws: float) -> None:
        self._draws = np.array(draws)[:, np.newaxis]

    def uniform(self, low: float, high: float, size: tuple[int, int]) -> NDArray[np.float64]:
        assert size[0] == len(self._draws)
        return np.repeat(low + (high - low) * self._draws, size[1], axis=1)


def draw_transforms(num_images: int, *, generator: np.random.Generator, **ranges: Any) -> NDArray[np.float32] | None:
    config = TrainingConfig(**({"rotation": 0.0, "translation": 0.0, "scale": 0.0} | ranges))
    return draw_augmentation(config, num_images, (SIDE, SIDE), generator).transforms


def affine(images: Tensor, generator: Any = None, **ranges: float) -> Tensor:
    generator = generator or np.random.default_rng(0)
    transforms = draw_transforms(len(images), **ranges, generator=cast(np.random.Generator, generator))
    assert transforms is not None
    return transform(images, torch.from_numpy(transforms))


def transform(images: Tensor, transforms: Tensor) -> Tensor:
    """Of grey images without an axis of channels."""
    return transform_images(images.unsqueeze(3), transforms).squeeze(3)


def assert_same(given: Tensor, expected: Tensor) -> None:
    """Equal but for the rounding of coordinates, in pixels of 0..255."""
    torch.testing.assert_close(given, expected.float(), atol=0.05, rtol=0)


def test_without_strength_nothing_is_drawn() -> None:
    generator = np.random.default_rng(5)
    before = generator.bit_generator.state
    assert draw_transforms(8, rotation=0, translation=0, scale=0, generator=generator) is None
    assert generator.bit_generator.state == before


def test_there_is_one_map_for_each_image() -> None:
    transforms = draw_transforms(5, rotation=10, translation=0, scale=0, generator=np.random.default_rng(0))
    assert transforms is not None
    assert (transforms.shape, transforms.dtype) == ((5, 2, 3), np.float32)
    # The native trainer reads them as they lie in memory.
    assert transforms.flags.c_contiguous


def test_a_draw_in_the_middle_moves_nothing(images: Tensor) -> None:
    middle = FixedDraws(MIDDLE, MIDDLE, MIDDLE, MIDDLE)
    assert_same(affine(images, middle, rotation=90, translation=0.5, scale=0.5), images)


def test_rotation_turns_by_its_degrees_either_way(images: Tensor) -> None:
    high, low = FixedDraws(HIGH, MIDDLE, MIDDLE, MIDDLE), FixedDraws(LOW, MIDDLE, MIDDLE, MIDDLE)
    assert_same(affine(images, high, rotation=90), torch.rot90(images, 1, (1, 2)))
    assert_same(affine(images, high, rotation=180), torch.rot90(images, 2, (1, 2)))
    assert_same(affine(images, low, rotation=90), torch.rot90(images, -1, (1, 2)))


@pytest.mark.parametrize("draw", [LOW, HIGH])
@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("pixels", [1, 3])
def test_translation_shifts_by_its_share_of_the_side(images: Tensor, pixels: int, axis: int, draw: float) -> None:
    draws = FixedDraws(MIDDLE, MIDDLE, draw if axis == 2 else MIDDLE, draw if axis == 1 else MIDDLE)
    background = torch.zeros_like(images.narrow(axis, 0, pixels))
    if draw == HIGH:
        expected = torch.cat([images.narrow(axis, pixels, SIDE - pixels), background], axis)
    else:
        expected = torch.cat([background, images.narrow(axis, 0, SIDE - pixels)], axis)
    assert_same(affine(images, draws, translation=pixels / SIDE), expected)


def test_a_mirrored_image_is_its_own_mirror_and_rotation_keeps_angles_of_oblong_images(images: Tensor) -> None:
    mirror = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    colours = torch.stack([images[:1], images[1:2], images[2:3]], dim=3)[:, :20]
    assert_same(transform_images(colours, mirror), colours.flip(2))
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0]]])
    turned = transform_images(colours, quarter)
    # Of 20 rows and 28 columns: the middle 20 columns take each other's places, the others come from outside.
    assert_same(turned[:, :, 4:24], torch.rot90(colours[:, :, 4:24], 1, (1, 2)))
    assert turned[:, :, :4].max() < 0.05


def test_scale_enlarges_and_shrinks_about_the_centre(images: Tensor) -> None:
    inner = F.pad(images[:, 9:19, 9:19], (9, 9, 9, 9)).float()
    doubled = F.interpolate(inner[:, None, 7:21, 7:21], scale_factor=2, mode="bilinear").squeeze(1)
    assert_same(affine(inner, FixedDraws(MIDDLE, 1.5, MIDDLE, MIDDLE), scale=0.5), doubled)
    halved = F.pad(F.avg_pool2d(images.float(), 2), (7, 7, 7, 7))
    assert_same(affine(images, FixedDraws(MIDDLE, LOW, MIDDLE, MIDDLE), scale=0.5), halved)


def test_each_image_has_its_own_draw(images: Tensor) -> None:
    copies = images[:1].repeat(16, 1, 1)
    for ranges in ({"rotation": 10.0}, {"translation": 0.1}, {"scale": 0.1}):
        moved = affine(copies, **ranges)
        assert len({image.numpy().tobytes() for image in moved}) == 16


def test_each_image_has_the_map_of_its_place(images: Tensor) -> None:
    transforms = draw_transforms(8, rotation=20, translation=0.1, scale=0.1, generator=np.random.default_rng(0))
    maps = torch.from_numpy(transforms)
    moved = transform(images, maps)
    for place in range(8):
        assert_same(moved[place : place + 1], transform(images[place : place + 1], maps[place : place + 1]))


def test_the_identity_keeps_every_pixel_exactly(images: Tensor) -> None:
    transforms = draw_transforms(8, rotation=20, translation=0.1, scale=0.1, generator=np.random.default_rng(0))
    assert transforms is not None
    usual = transform(images, torch.from_numpy(transforms))
    transforms[[1, 4]] = IDENTITY
    moved = transform(images, torch.from_numpy(transforms))
    assert torch.equal(moved[[1, 4]], images[[1, 4]].float())
    others = [0, 2, 3, 5, 6, 7]
    assert torch.equal(moved[others], usual[others])


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
    assert moved.dtype == torch.float32


def test_the_generator_alone_decides(images: Tensor) -> None:
    strength = {"rotation": 10.0, "translation": 0.1, "scale": 0.1}
    first = affine(images, np.random.default_rng(7), **strength)
    np.random.rand(3)
    assert torch.equal(affine(images, np.random.default_rng(7), **strength), first)
    assert not torch.equal(affine(images, np.random.default_rng(8), **strength), first)


def test_the_input_is_left_as_it_is(images: Tensor) -> None:
    before = images.clone()
    normalise(affine(images, rotation=10.0).unsqueeze(3), 0.3, 0.3)
    normalise(images.unsqueeze(3), 0.3, 0.3)
    assert torch.equal(images, before)


def test_normalised_training_images_have_mean_0_and_std_1() -> None:
    digits = load_dataset("digits", None)
    pixels = normalise(torch.tensor(digits.train.images), digits.mean, digits.std)
    assert pixels.shape == (1_197, 1, SIDE, SIDE)
    assert pixels.dtype == torch.float32
    assert pixels.double().mean() == pytest.approx(0, abs=1e-5)
    assert pixels.double().std() == pytest.approx(1, abs=1e-5)
