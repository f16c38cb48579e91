"""The result of one epoch, as training reports it and a study store keeps it."""

from dataclasses import dataclass

TRAINING_VERSION = 1
"""Raised by whatever lets equal candidates, images and seeds come to other results than before, beyond rounding: the
golden curves of tests change with it. Trials of two of these numbers are not comparable, so one study has one."""


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One finished epoch. Accuracies are fractions."""

    epoch: int
    """Number of the epoch, counted from 1."""
    train_loss: float
    """Mean of the minimised loss over the epoch, label smoothing included."""
    train_accuracy: float
    """Fraction of augmented images classified correctly, each by the weights at the time it was seen."""
    val_loss: float
    val_accuracy: float
    learning_rate: float
    """Learning rate of the epoch's last step."""
    seconds: float
    """Wall time of the epoch, evaluation included."""
    val_balanced_accuracy: float | None = None
    """Mean of the accuracies on each class; None in results of earlier versions, which did not measure it."""
