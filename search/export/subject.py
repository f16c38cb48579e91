"""What an export is about: a model with what its study knows of it, the formats, and what is measured of a file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.formats.c_source import HEADER_FILE, SOURCE_FILE
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

C_FORMATS = {"c": "float", "c-int8": "int8"}
"""Formats of two files, with the kind of their weights."""
C_FILES = (HEADER_FILE, SOURCE_FILE)
FILE_NAMES = {
    "safetensors": "model.safetensors",
    "onnx": "model.onnx",
    "onnx-int8": "model-int8.onnx",
    "pt2": "model.pt2",
    **dict.fromkeys(C_FORMATS, SOURCE_FILE),
}
"""Of each format; beside C's there is a header."""
FORMATS = tuple(FILE_NAMES)


@dataclass(frozen=True)
class ModelFile:
    """One format of the model, as measured from its file."""

    file_format: str
    name: str
    num_bytes: int
    accuracy: float | None
    """Fraction of the validation images; None where it can't run here."""
    accuracy_lost: float | None = None
    """How much lower that is than PyTorch's, as a fraction; for int8."""
    flash_bytes: int | None = None
    """Of C: weights and all other constants."""
    ram_bytes: int | None = None
    """Of C: activations, in static memory."""
    reason: str | None = None
    """Why it can't run here, or why it is left out of the folder."""
    included: bool = True
    """Whether it lies in the folder."""


@dataclass(frozen=True, eq=False)
class ExportSubject:
    """A model to export, and what its study knows of it."""

    checkpoint: Checkpoint
    study_name: str
    front: Sequence[FrontPoint]
    """Of the study, fewest parameters first; the model's trial may not be on it."""
    confirmed: ConfirmedPoint | None = None
    """Where the model is a confirmed one: trained on all images outside the test set."""
    confirmed_front: Sequence[ConfirmedPoint] = ()
    confusion: NDArray[np.int64] | None = None
    """(classes, classes) counts of the test images: the true class by row; None where they were not read for it."""

    @property
    def members(self) -> Sequence[FrontPoint | ConfirmedPoint]:
        """The front that the model is compared with."""
        return self.front if self.confirmed is None else self.confirmed_front

    @property
    def position(self) -> int | None:
        """The model's place on that front, counted from 1; None where it is not on it."""
        trials = [point.trial for point in self.members]
        return trials.index(self.checkpoint.trial) + 1 if self.checkpoint.trial in trials else None

    @property
    def neighbours(self) -> Sequence[FrontPoint | ConfirmedPoint]:
        """The point before it, itself and the point after it, as far as there are any."""
        return () if self.position is None else self.members[max(0, self.position - 2) : self.position + 1]


def accuracy_of(point: FrontPoint | ConfirmedPoint) -> float:
    """What the front is drawn by: the mean on the test images, where there is one, else on the validation images."""
    return point.accuracy if isinstance(point, ConfirmedPoint) else point.val_accuracy
