"""The test accuracies that the reference systems reached when trained here."""

import csv
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

MEASURED = files("space") / "measured.csv"


@dataclass(frozen=True)
class Measured:
    """Test accuracy after the last epoch over trainings with different seeds."""

    n: int
    """Number of trainings."""
    mean: float
    sd: float | None
    """Standard deviation over trainings; None if there was only one."""


def read_measured(table: Traversable = MEASURED) -> dict[str, Measured]:
    """Read measured accuracies, as fractions, by recipe name from a CSV file of name, n, mean and sd."""
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return {
        row["name"]: Measured(int(row["n"]), float(row["mean"]), float(row["sd"]) if row["sd"] else None)
        for row in rows
    }
