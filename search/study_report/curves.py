"""Learning curves with as many decimals as a page needs."""

from collections.abc import Iterable

from studies.records import read_accuracies
from studies.storage import Store

DECIMALS = 5
Curve = list[float]


def read_curves(store: Store, study_name: str, numbers: Iterable[int]) -> dict[int, tuple[Curve, Curve]]:
    """Return the validation and the training accuracies by epoch of each given trial that has finished one."""
    curves = read_accuracies(store.database, study_name, list(dict.fromkeys(numbers)))
    return {number: (_rounded(val), _rounded(train)) for number, (val, train) in curves.items()}


def _rounded(accuracies: Iterable[float]) -> Curve:
    return [round(accuracy, DECIMALS) for accuracy in accuracies]
