"""The Pareto front of accuracy against parameters, as pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrontPoint:
    trial: int
    """Number of the trial in the study."""
    num_params: int
    val_accuracy: float
    """Validation accuracy, as a fraction."""
    notation: str


def dominates(a: FrontPoint, b: FrontPoint) -> bool:
    """Whether ``a`` is at least as good as ``b`` in both objectives and better in one; equal points do not dominate."""
    return (
        a.num_params <= b.num_params
        and a.val_accuracy >= b.val_accuracy
        and (a.num_params < b.num_params or a.val_accuracy > b.val_accuracy)
    )


def pareto_front(points: Iterable[FrontPoint]) -> list[FrontPoint]:
    """Return the points that no other dominates, fewest parameters first; equal points all stay, earlier trials first.

    A point whose accuracy is NaN is never on the front.
    """
    candidates = [point for point in points if point.val_accuracy == point.val_accuracy]
    candidates.sort(key=lambda point: (point.num_params, -point.val_accuracy, point.trial))
    front: list[FrontPoint] = []
    for point in candidates:
        if not front or point.val_accuracy > front[-1].val_accuracy or _equal(point, front[-1]):
            front.append(point)
    return front


def most_accurate(front: Iterable[FrontPoint]) -> FrontPoint | None:
    """Return the point with the highest val_accuracy; ties go to fewer parameters, then to the earlier trial."""
    return max(front, key=lambda point: (point.val_accuracy, -point.num_params, -point.trial), default=None)


def _equal(a: FrontPoint, b: FrontPoint) -> bool:
    return a.num_params == b.num_params and a.val_accuracy == b.val_accuracy
