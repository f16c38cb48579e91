"""Normalisation, and random affine transformations and changes of tone drawn for each image."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from space.candidate import TrainingConfig


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """Normalise (N, height, width, channels) pixels of 0..255 to (N, channels, height, width) float32.

    ``mean`` and ``std`` are for pixels of 0..1, and the same for all channels.
    """
    return images.permute(0, 3, 1, 2).to(torch.float32).sub(255 * mean).div_(255 * std)


IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
"""The map of an image that is not augmented."""
UNCHANGED = np.array([1, 0], np.float32)
"""The tone of an image that is not augmented."""


@dataclass(frozen=True)
class Augmentation:
    """What changes each image of an epoch; None where nothing does."""

    transforms: NDArray[np.float32] | None = None
    """(N, 2, 3): affine maps from output to input coordinates. These count pixels from the centre of the image, but the
    shifts in the last column are in halves of its sides."""
    tones: NDArray[np.float32] | None = None
    """(N, 2): the factor by which the distance of a pixel from the mean of all images grows (contrast), and what is
    then added, in units of the whole range of a pixel (brightness)."""

    def of(self, images: slice) -> "Augmentation":
        """Return what changes some of the images."""
        parts = (None if array is None else array[images] for array in (self.transforms, self.tones))
        return Augmentation(*parts)


def draw_augmentation(
    config: TrainingConfig, num_images: int, sides: tuple[int, int], generator: np.random.Generator
) -> Augmentation:
    """Draw how each image is changed; ``sides`` are the height and width of the images.

    Each image stays as it is with probability ``config.plain_share``.
    """
    if not config.moves_pixels and not config.changes_tones:
        return Augmentation()
    transforms = None
    is_plain = np.zeros(num_images, bool)
    if config.moves_pixels:
        transforms = _draw_affine(config, num_images, generator)
    if config.plain_share > 0:
        is_plain = generator.random(num_images) < config.plain_share
    if transforms is not None:
        if config.flip > 0:
            transforms[generator.random(num_images) < config.flip, :, 0] *= -1
        if config.shift > 0:
            for row, side in ((0, sides[1]), (1, sides[0])):
                most = round(config.shift * side)
                # The side has length 2 in these coordinates.
                transforms[:, row, 2] += 2 / side * generator.integers(-most, most, num_images, endpoint=True)
        transforms[is_plain] = IDENTITY
    tones = None
    if config.changes_tones:
        draws = generator.uniform(-1, 1, (num_images, 2)) * [config.contrast, config.brightness]
        tones = (draws + UNCHANGED).astype(np.float32)
        tones[is_plain] = UNCHANGED
    return Augmentation(transforms, tones)


def _draw_affine(config: TrainingConfig, num_images: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw maps that rotate, scale and shift images about the centre.

    Angles of up to ``rotation`` degrees either way, factors within 1 +- ``scale`` and shifts of up to ``translation``
    of the side are drawn uniformly.
    """
    draws = generator.uniform(-1, 1, (4, num_images))
    angle = draws[0] * math.radians(config.rotation)
    # Maps go from output to input, so an enlarged image reads from a smaller square.
    cos, sin = (function(angle) / (1 + config.scale * draws[1]) for function in (np.cos, np.sin))
    # The side has length 2 in these coordinates.
    shift_x, shift_y = 2 * config.translation * draws[2], 2 * config.translation * draws[3]
    maps = np.stack([cos, -sin, shift_x, sin, cos, shift_y], axis=1, dtype=np.float32)
    return maps.reshape(num_images, 2, 3)


def transform_images(images: Tensor, transforms: Tensor) -> Tensor:
    """Apply (N, 2, 3) ``transforms`` to (N, height, width, channels) bytes, one for each image.

    Returns float32 of 0..255 of the same shape. Pixels are interpolated bilinearly; everything outside the image is
    background. `IDENTITY` keeps all pixels exactly.
    """
    pixels = images.to(torch.float32).permute(0, 3, 1, 2)
    _, _, height, width = pixels.shape
    # In torch's coordinates both sides have length 2, whatever their pixels.
    to_torch = torch.tensor([[1, height / width, 1], [width / height, 1, 1]], device=transforms.device)
    grid = F.affine_grid(transforms * to_torch, list(pixels.shape), align_corners=False)
    moved = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    # Interpolation would round the coordinates.
    is_plain = (transforms == torch.from_numpy(IDENTITY).to(transforms.device)).all(dim=(1, 2))
    return torch.where(is_plain.view(-1, 1, 1, 1), pixels, moved).permute(0, 2, 3, 1)


def augment(images: Tensor, augmentation: Augmentation, mean: float, std: float) -> Tensor:
    """Change (N, height, width, channels) bytes and normalise them to (N, channels, height, width) float32."""
    transforms, tones = (
        None if array is None else torch.from_numpy(array).to(images.device)
        for array in (augmentation.transforms, augmentation.tones)
    )
    inputs = normalise(images if transforms is None else transform_images(images, transforms), mean, std)
    return inputs if tones is None else change_tones(inputs, tones, std)


def change_tones(inputs: Tensor, tones: Tensor, std: float) -> Tensor:
    """Change (N, channels, height, width) normalised pixels by (N, 2) ``tones`` (see `Augmentation`)."""
    factors, summands = (tones / torch.tensor([1, std], device=tones.device)).T[:, :, None, None, None]
    changed: Tensor = inputs * factors + summands
    return changed
