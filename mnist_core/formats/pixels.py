"""A trained model that takes plain pixels, with normalisation as its first step, for the export formats."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.checkpoint import Checkpoint, restore_model


def from_pixels(checkpoint: Checkpoint) -> nn.Module:
    """Return the trained model in evaluation mode: (N, channels, height, width) pixels of 0..1 to logits."""
    return _FromPixels(restore_model(checkpoint), checkpoint.mean, checkpoint.std).eval()


def to_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (N, height, width, channels) bytes as the exported models take them: as `from_pixels` says."""
    return np.ascontiguousarray(np.moveaxis(images, 3, 1), dtype=np.float32) / np.float32(255)


class _FromPixels(nn.Module):
    def __init__(self, net: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.net = net
        self.mean = mean
        self.std = std

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.net((pixels - self.mean) / self.std)
        return logits
