"""Logits, loss and accuracy of a model in evaluation mode."""

from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.augmentation import normalise

BATCH_SIZE = 500
"""Number of images evaluated at a time, small enough for the activations to stay in the cache."""


@dataclass(frozen=True)
class Evaluation:
    loss: float
    """Mean cross-entropy, without label smoothing."""
    accuracy: float
    """Fraction of images whose highest logit is their label's."""
    balanced_accuracy: float | None = None
    """Mean of the accuracies on each class that has images; None for training, which does not measure it."""
    predicted: NDArray[np.int64] | None = field(default=None, compare=False, repr=False)
    """(N,): the predicted class of each image; None for training. Evaluations are compared without it."""


def evaluation_of(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], *, loss: float, num_classes: int
) -> Evaluation:
    """Return what (N,) labels and predicted classes say."""
    return Evaluation(
        loss=loss,
        accuracy=int((predicted == labels).sum()) / len(labels),
        balanced_accuracy=balanced_accuracy(labels, predicted, num_classes),
        predicted=predicted,
    )


def balanced_accuracy(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> float:
    """Return the mean of the accuracies on each class that (N,) labels name."""
    num_of, num_right_of = (np.bincount(of, minlength=num_classes) for of in (labels, labels[predicted == labels]))
    present = num_of > 0
    return float((num_right_of[present] / num_of[present]).mean())


@torch.inference_mode()
def predict_logits(model: nn.Module, images: Tensor, *, mean: float, std: float) -> Tensor:
    """Return (N, num_classes) fp32 logits for (N, height, width, channels) bytes, in evaluation mode.

    The model's mode is restored.
    """
    was_training = model.training
    model.eval()
    logits = [
        model(normalise(batch, mean, std).to(memory_format=torch.channels_last))
        for batch in torch.split(images, BATCH_SIZE)
    ]
    model.train(was_training)
    return torch.cat(logits)


def evaluate(model: nn.Module, images: Tensor, labels: Tensor, *, mean: float, std: float) -> Evaluation:
    """Return loss and accuracy of ``model`` on (N, height, width, channels) bytes and (N,) labels.

    Both are on the model's device.
    """
    logits = predict_logits(model, images, mean=mean, std=std)
    return evaluation_of(
        labels.cpu().numpy(),
        logits.argmax(1).cpu().numpy(),
        loss=float(F.cross_entropy(logits, labels)),
        num_classes=logits.shape[1],
    )
