"""How the front of a study grew: the area that it dominates after each trial."""

import math
from collections.abc import Iterable

from studies.pareto import FrontPoint

SMALLEST_ERROR = 1e-4
"""The share of errors at which the area ends, since a logarithm has no value at 0."""


def drawn_error(accuracy: float) -> float:
    return max(1 - accuracy, SMALLEST_ERROR)


def dominated_area(front: Iterable[FrontPoint], budget: int) -> float:
    """Return the area below a front, whose points are sorted by size, up to the budget.

    Both the error and the number of parameters have their logarithm to the base of 10 taken, since fronts span decades
    of each: a tenth of all errors is worth as much as nets of a tenth of the size with the same errors.
    """
    points = [point for point in front if point.num_params <= budget]
    ends = [*(point.num_params for point in points[1:]), budget] if points else []
    return sum(
        -math.log10(drawn_error(point.val_accuracy)) * math.log10(end / point.num_params)
        for point, end in zip(points, ends, strict=True)
    )


def front_growth(trials: Iterable[FrontPoint], budget: int) -> list[tuple[int, float]]:
    """Return the trials that enlarged the dominated area, in their order, each with the area after it."""
    front: list[FrontPoint] = []
    growth, area = [], 0.0
    for trial in trials:
        if any(point.num_params <= trial.num_params and point.val_accuracy >= trial.val_accuracy for point in front):
            continue
        others = [
            point for point in front if point.num_params < trial.num_params or point.val_accuracy > trial.val_accuracy
        ]
        front = sorted([*others, trial], key=lambda point: point.num_params)
        if (larger := dominated_area(front, budget)) > area:
            area = larger
            growth.append((trial.trial, round(area, 4)))
    return growth
