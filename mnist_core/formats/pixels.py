"""A trained model that takes plain pixels, with normalisation as its first step, for the export formats."""

from torch import Tensor, nn

from mnist_core.checkpoint import Checkpoint, restore_model


def from_pixels(checkpoint: Checkpoint) -> nn.Module:
    """Return the trained model in evaluation mode: (N, 1, 28, 28) pixels of 0..1 to (N, num_classes) logits."""
    return _FromPixels(restore_model(checkpoint), checkpoint.mean, checkpoint.std).eval()


class _FromPixels(nn.Module):
    def __init__(self, net: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.net = net
        self.mean = mean
        self.std = std

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.net((pixels - self.mean) / self.std)
        return logits
