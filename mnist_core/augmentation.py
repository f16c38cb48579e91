"""Normalisation, and random affine transformations drawn for each image."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """Normalise (N, height, width, channels) pixels of 0..255 to (N, channels, height, width) float32.

    ``mean`` and ``std`` are for pixels of 0..1, and the same for all channels.
    """
    return images.permute(0, 3, 1, 2).to(torch.float32).sub(255 * mean).div_(255 * std)


IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
"""The map of an image that is not augmented."""


def draw_transforms(
    num_images: int,
    *,
    rotation: float,
    translation: float,
    scale: float,
    plain_share: float = 0.0,
    generator: np.random.Generator,
) -> NDArray[np.float32] | None:
    """Draw (N, 2, 3) affine maps from output to input coordinates that rotate, scale and shift images about the centre.

    Coordinates go from -1 to 1. Angles of up to ``rotation`` degrees either way, factors within 1 +- ``scale`` and
    shifts of up to ``translation`` of the side are drawn uniformly. Each image has `IDENTITY` instead with probability
    ``plain_share``. Returns None if all three ranges are 0.
    """
    if rotation == translation == scale == 0:
        return None
    draws = generator.uniform(-1, 1, (4, num_images))
    angle = draws[0] * math.radians(rotation)
    # Maps go from output to input, so an enlarged image reads from a smaller square.
    cos, sin = (function(angle) / (1 + scale * draws[1]) for function in (np.cos, np.sin))
    # The side has length 2 in these coordinates.
    shift_x, shift_y = 2 * translation * draws[2], 2 * translation * draws[3]
    maps = np.stack([cos, -sin, shift_x, sin, cos, shift_y], axis=1, dtype=np.float32).reshape(num_images, 2, 3)
    if plain_share > 0:
        maps[generator.random(num_images) < plain_share] = IDENTITY
    return maps


def transform_images(images: Tensor, transforms: Tensor) -> Tensor:
    """Apply (N, 2, 3) ``transforms`` to (N, height, width, channels) bytes, one for each image.

    Returns float32 of 0..255 of the same shape.

    Pixels are interpolated bilinearly; everything outside the image is background. `IDENTITY` keeps all pixels exactly.
    """
    pixels = images.to(torch.float32).permute(0, 3, 1, 2)
    grid = F.affine_grid(transforms, list(pixels.shape), align_corners=False)
    moved = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    # Interpolation would round the coordinates.
    is_plain = (transforms == torch.from_numpy(IDENTITY).to(transforms.device)).all(dim=(1, 2))
    return torch.where(is_plain.view(-1, 1, 1, 1), pixels, moved).permute(0, 2, 3, 1)
