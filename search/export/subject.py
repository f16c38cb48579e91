"""The model to export with facts from its study, the export formats, and the measurements of a file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

C_FORMATS = ("c", "c-int8")
"""Formats that consist of two files: C code that computes in floats, and in integers."""
C_FILES = (HEADER_FILE, SOURCE_FILE)
FILE_NAMES = {
    "safetensors": "model.safetensors",
    "onnx": "model.onnx",
    "onnx-int8": "model-int8.onnx",
    "pt2": "model.pt2",
    **dict.fromkeys(C_FORMATS, SOURCE_FILE),
}
"""Name of each format's file; C formats have a header beside it."""
FORMATS = tuple(FILE_NAMES)
SUFFIX_FORMATS = {".safetensors": ("safetensors",), ".onnx": ("onnx", "onnx-int8"), ".pt2": ("pt2",)}
"""Formats that are a single file, by the suffix of its name, the usual one first."""


@dataclass(frozen=True)
class ModelFile:
    """The file of one format and its measurements."""

    file_format: str
    name: str
    num_bytes: int
    accuracy: float | None
    """Validation accuracy, as a fraction; None if the file can't run here."""
    accuracy_lost: float | None = None
    """Accuracy lost against PyTorch, as a fraction; only for int8."""
    flash_bytes: int | None = None
    """C only: size of the weights and all other constants, without the code."""
    ram_bytes: int | None = None
    """C only: size of the activations, which are in static memory."""
    reason: str | None = None
    """Why the file can't run here, or why it is left out of the folder."""
    included: bool = True
    """Whether the file is in the folder."""


@dataclass(frozen=True, eq=False)
class ExportSubject:
    """A model to export, and facts about it from its study."""

    checkpoint: Checkpoint
    study_name: str
    front: Sequence[FrontPoint]
    """The study's front, fewest parameters first; the model's trial need not be on it."""
    confirmed: ConfirmedPoint | None = None
    """The model's point if it is a confirmed one, which was trained on all images outside the test set."""
    confirmed_front: Sequence[ConfirmedPoint] = ()
    confusion: NDArray[np.int64] | None = None
    """(classes, classes) counts of test images, true classes as rows; None if the model was not tested."""

    is_balanced: bool = False
    """Whether the validation accuracies of the front are balanced ones."""

    @property
    def members(self) -> Sequence[FrontPoint | ConfirmedPoint]:
        """Points of the front that the model is compared with: the confirmed one for a confirmed model."""
        return self.front if self.confirmed is None else self.confirmed_front

    @property
    def position(self) -> int | None:
        """The model's position on the front of `members`, counted from 1; None if it is not on it."""
        trials = [point.trial for point in self.members]
        return trials.index(self.checkpoint.trial) + 1 if self.checkpoint.trial in trials else None

    @property
    def neighbours(self) -> Sequence[FrontPoint | ConfirmedPoint]:
        """The model's point on that front with the points before and after it, if any."""
        return () if self.position is None else self.members[max(0, self.position - 2) : self.position + 1]


def accuracy_of(point: FrontPoint | ConfirmedPoint) -> float:
    """Return the accuracy by which a front is drawn: the mean test accuracy if confirmed, else the validation one."""
    return point.accuracy if isinstance(point, ConfirmedPoint) else point.val_accuracy
