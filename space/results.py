"""What training reports and a study store keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochResult:
    """One finished epoch. Accuracies are fractions."""

    epoch: int
    """Counted from 1."""
    train_loss: float
    """Mean over the epoch of the loss that was minimised, label smoothing included."""
    train_accuracy: float
    """Fraction right on the augmented images, as the weights were when each was seen."""
    val_loss: float
    val_accuracy: float
    learning_rate: float
    """Of the epoch's last step."""
    seconds: float
    """Wall time of the epoch, evaluation included."""
