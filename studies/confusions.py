"""The confusion matrix of a complete trial's model on the validation images, and single mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection, Engine

from studies.damage import reading, shown
from studies.frozen_trials import CHUNK
from studies.tables import confusions

MAX_MISTAKES = 200
"""Number of single mistakes that are kept of a trial."""


@dataclass(frozen=True, slots=True)
class Confusion:
    counts: list[list[int]]
    """(classes, classes) numbers of images: true classes as rows, predicted classes as columns."""
    mistakes: list[tuple[int, int, int]]
    """Index among the validation images, label and prediction of the first `MAX_MISTAKES` images that are wrong."""

    @classmethod
    def of(cls, labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> "Confusion":
        """Count (N,) labels and predicted classes."""
        wrong = np.flatnonzero(labels != predicted)[:MAX_MISTAKES]
        mistakes = zip(wrong.tolist(), labels[wrong].tolist(), predicted[wrong].tolist(), strict=True)
        return cls(count_confusion(labels, predicted, num_classes).tolist(), list(mistakes))


def count_confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return the (classes, classes) numbers of images, true classes as rows, for (N,) labels and predicted classes."""
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def write_confusion(connection: Connection, study_name: str, trial_number: int, confusion: Confusion) -> None:
    """Write a trial's confusion, in place of one that its worker may have written before it was lost."""
    table = confusions.c
    connection.execute(delete(confusions).where(table.study_name == study_name, table.trial_number == trial_number))
    values = {"counts": confusion.counts, "mistakes": confusion.mistakes}
    connection.execute(insert(confusions).values(study_name=study_name, trial_number=trial_number, **values))


def read_confusions(database: Engine, study_name: str, trial_numbers: Sequence[int]) -> dict[int, Confusion]:
    """Return the confusion of each of the given trials that has one; those of earlier versions have none."""
    table = confusions.c
    query = select(confusions).where(table.study_name == study_name)
    found = {}
    with database.connect() as connection:
        for first in range(0, len(trial_numbers), CHUNK):
            for row in connection.execute(query.where(table.trial_number.in_(trial_numbers[first : first + CHUNK]))):
                with reading(database, f"trial {row.trial_number} of study {study_name!r} in table confusions"):
                    counts = np.array(row.counts)
                    if counts.ndim != 2 or counts.dtype.kind != "i" or len(counts) != counts.shape[1]:
                        raise ValueError(f"its counts are {shown(row.counts)}")
                    mistakes = [(int(image), int(label), int(said)) for image, label, said in row.mistakes]
                    found[row.trial_number] = Confusion(row.counts, mistakes)
    return found


def read_class_sizes(database: Engine, study_name: str) -> list[int] | None:
    """Return how many validation images a study has of each class, or None if no trial has a confusion."""
    query = select(confusions.c.counts).where(confusions.c.study_name == study_name).limit(1)
    with reading(database, f"study {study_name!r} in table confusions"), database.connect() as connection:
        counts = connection.scalar(query)
        return None if counts is None else [sum(map(int, row)) for row in counts]
