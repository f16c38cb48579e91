"""A model's predictions for the validation images, and whether they agree with its recorded accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint, checkpoint_logits
from mnist_core.data import Dataset
from space.errors import InputError, SearchFailedError
from space.layers import format_shape
from studies.confusions import count_confusion


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's predictions for the validation images."""

    labels: NDArray[np.int64]
    """(N,): the true classes."""
    predicted: NDArray[np.int64]
    """(N,): the predicted classes."""
    confidences: NDArray[np.float32]
    """(N,): softmax probabilities of the predicted classes."""
    num_classes: int

    @property
    def accuracy(self) -> float:
        return int((self.predicted == self.labels).sum()) / len(self.labels)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes) counts: true classes as rows, predicted classes as columns."""
        return count_confusion(self.labels, self.predicted, self.num_classes)


def classify(checkpoint: Checkpoint, data: Dataset) -> Predictions:
    """Classify the validation images with PyTorch.

    Raises `InputError` if the model has another number of classes or its outputs are not finite, and
    `SearchFailedError` if its accuracy differs from the recorded one by more than one image.
    """
    check_data(checkpoint, data)
    validation = data.validation
    predicted, confidences = predict_classes(checkpoint, validation.images)
    found = Predictions(validation.labels, predicted, confidences, data.num_classes)
    if checkpoint.val_accuracy is not None:
        says = "its file says" if checkpoint.trial is None else f"trial {checkpoint.trial} got"
        check_accuracy("model", found.accuracy, checkpoint.val_accuracy, says, len(validation))
    return found


def predict_classes(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the (N,) classes and softmax probabilities of (N, height, width, channels) bytes, with PyTorch.

    Raises `InputError` if the model's outputs are not finite.
    """
    logits = checkpoint_logits(checkpoint, images)
    check_finite(bool(logits.isfinite().all()))
    best = logits.softmax(1).max(1)
    return best.indices.numpy(), best.values.numpy()


def check_accuracy(what: str, accuracy: float, expected: float, says: str, num_images: int) -> None:
    """Raise `SearchFailedError` if two accuracies differ by more than one image; ``what`` and ``says`` name them."""
    if abs(round((accuracy - expected) * num_images)) > 1:
        raise SearchFailedError(
            f"the {what} gets {accuracy:.4f} on the validation images, but {says} {expected:.4f}: nothing was written"
        )


def check_classes(checkpoint: Checkpoint, dataset: str, num_classes: int) -> None:
    """Raise `InputError` if the model and the dataset differ in their number of classes."""
    outputs = checkpoint.candidate.architecture.num_classes
    if outputs != num_classes:
        plural = "" if outputs == 1 else "s"
        raise InputError(f"the model has {outputs} output{plural}, but {dataset} has {num_classes} classes")


def check_data(checkpoint: Checkpoint, data: Dataset) -> None:
    """Raise `InputError` if the model takes images of another shape than the dataset's, or knows other classes."""
    wanted, found = checkpoint.candidate.architecture.input_shape, data.input_shape
    if wanted != found:
        raise InputError(
            f"the model takes images of {format_shape(wanted)} (channels, height, width), and those of {data.name} are "
            f"of {format_shape(found)}"
        )
    check_classes(checkpoint, data.name, data.num_classes)


def check_finite(finite: bool) -> None:
    """Raise `InputError` if a model's outputs are not finite."""
    if not finite:
        raise InputError("the model's outputs are not finite: its weights are damaged, or it diverged")
