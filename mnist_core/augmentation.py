"""Random affine transformations of a whole batch at once, each image with its own draw."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def normalise(images: Tensor, mean: float, std: float) -> Tensor:
    """(N, 28, 28) pixels of 0..255 to (N, 1, 28, 28) float32; ``mean`` and ``std`` are of pixels of 0..1."""
    return images.unsqueeze(1).to(torch.float32).sub(255 * mean).div_(255 * std)


def random_affine(
    images: Tensor, *, rotation: float, translation: float, scale: float, generator: torch.Generator
) -> Tensor:
    """Rotate, scale and shift each of (N, 28, 28) images of bytes about its centre; gives float32 of 0..255.

    Draws uniformly: an angle of up to ``rotation`` degrees either way, a factor within 1 +- ``scale`` and
    shifts of up to ``translation`` of the side. Pixels are interpolated bilinearly, and what comes from
    outside is background. With all three at 0, nothing is drawn and the images come back as they are.
    """
    pixels = images.to(torch.float32)
    if rotation == translation == scale == 0:
        return pixels
    draws = torch.rand(4, len(images), generator=generator, device=images.device).mul_(2).sub_(1)
    angle = draws[0] * math.radians(rotation)
    # The grid maps output to input coordinates, so a larger image reads from a smaller square.
    cos, sin = (f(angle) / (1 + scale * draws[1]) for f in (torch.cos, torch.sin))
    # In grid coordinates the side is 2 long.
    shift_x, shift_y = 2 * translation * draws[2], 2 * translation * draws[3]
    theta = torch.stack([cos, -sin, shift_x, sin, cos, shift_y], dim=1).view(-1, 2, 3)
    pixels = pixels.unsqueeze(1)
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="zeros", align_corners=False).squeeze(1)
