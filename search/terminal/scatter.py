"""Plotting accuracies against sizes in a terminal: two logarithmic axes, dots of braille, marks for the front."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from rich.text import Text

from studies.pareto import FrontPoint
from studies.summaries import TrialSummary
from studies.trials import Outcome

Point = tuple[int, float]
"""A number of parameters and an accuracy, a fraction."""

LEAST_ERROR = 1e-4
"""The error as which smaller ones are drawn, since a logarithm has no value at 0."""
_LABELS = 10
"""Columns of the labels to the left."""
_STEPS = (1, 1.5, 2, 3, 5, 7)
_BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character's dots, by row and column."""


def plot_front(
    front: Sequence[FrontPoint],
    ended: Iterable[TrialSummary],
    *,
    budget: int,
    width: int,
    height: int,
    is_unicode: bool = True,
) -> list[Text]:
    """Plot a front with the complete ones of ``ended`` trials behind it and the budget as a line, as `plot_points`."""
    complete = [trial for trial in ended if trial.outcome == Outcome.COMPLETE]
    dots = [(trial.num_params, trial.val_accuracy) for trial in complete if trial.val_accuracy is not None]
    marks = [(point.num_params, point.val_accuracy) for point in front]
    limit = max([budget, *(size for size, _ in marks)])
    return plot_points(dots, marks, limit=limit, width=width, height=height, is_unicode=is_unicode)


def plot_points(
    dots: Iterable[Point], marks: Sequence[Point], *, limit: int, width: int, height: int, is_unicode: bool = True
) -> list[Text]:
    """Return ``height`` lines of ``width`` columns with a mark for each of ``marks``, which lie in front of the dots.

    The axes span the marks and end at ``limit``, which has a line; dots outside are left out. Errors have a logarithmic
    axis, on which accuracies of 99 % and more lie apart. Without ``is_unicode`` only ASCII is used.
    """
    columns, rows = max(10, width - _LABELS), max(3, height - 1)
    sizes, errors = [size for size, _ in marks] or [limit], [_error(accuracy) for _, accuracy in marks] or [0.1]
    x = _scale(min(sizes) / 1.2, limit * 1.05, columns * 2)
    y = _scale(max(max(errors) * 1.4, min(errors) * 2), min(errors) / 1.3, rows * 4)
    cells = [[0] * columns for _ in range(rows)]
    for size, accuracy in dots:
        column, row = x(size), y(_error(accuracy))
        if 0 <= column < columns * 2 and 0 <= row < rows * 4:
            # Rows are counted from the top.
            cells[rows - 1 - row // 4][column // 2] |= _BRAILLE[3 - row % 4][column % 2]
    marked = {(rows - 1 - y(_error(accuracy)) // 4, x(size) // 2) for size, accuracy in marks}
    edge = x(limit) // 2
    labels = {
        rows - 1 - y(error) // 4: _accuracy_label(error) for error in _ticks(min(errors) / 1.3, max(errors) * 1.4)
    }
    shapes = ("●", "│", "─", "└") if is_unicode else ("o", "|", "-", "+")
    lines = []
    for row, line in enumerate(cells):
        drawn = [(chr(0x2800 + bits) if is_unicode else ".") if bits else " " for bits in line]
        if not line[edge]:
            drawn[edge] = shapes[1]
        text = Text(f"{labels.get(row, ''):>{_LABELS - 2}} {shapes[1]}", style="dim", no_wrap=True)
        # Neighbours of one style are one piece, since each piece costs a terminal two codes.
        is_mark = [(row, column) in marked for column in range(columns)]
        for is_marked, places in groupby(range(columns), key=is_mark.__getitem__):
            characters = [shapes[0] if is_marked else drawn[column] for column in places]
            text.append("".join(characters), style="bold cyan not dim" if is_marked else None)
        lines.append(text)
    return [*lines, _x_axis(x, limit, columns, shapes, min(sizes))]


def _x_axis(x: Callable[[float], int], limit: int, columns: int, shapes: Sequence[str], smallest: int) -> Text:
    """The line below: sizes where there is room, the limit always."""
    line = [shapes[2]] * columns

    def put(label: str, start: int) -> None:
        for index, character in enumerate(label):
            line[start + index] = character

    budget = f" {limit:,} "
    start = max(0, min(columns - len(budget), x(limit) // 2 - len(budget) // 2))
    put(budget, start)
    taken = start
    for size in sorted(_ticks(smallest / 1.2, limit), reverse=True):
        label = f" {size:,.0f} "
        start = x(size) // 2 - len(label) // 2
        if start >= 0 and start + len(label) < taken:
            put(label, start)
            taken = start
    return Text(f"{'':{_LABELS - 1}}{shapes[3]}{''.join(line)}", style="dim", no_wrap=True)


def _scale(low: float, high: float, steps: int) -> Callable[[float], int]:
    start, span = math.log(low), math.log(high) - math.log(low)
    return lambda value: math.floor((math.log(value) - start) / span * (steps - 1) + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [step * 10**power for power in powers for step in _STEPS if low <= step * 10**power <= high]


def _error(accuracy: float) -> float:
    return max(LEAST_ERROR, 1 - accuracy)


def _accuracy_label(error: float) -> str:
    return f"{100 * (1 - error):.{max(0, min(3, math.ceil(-math.log10(error)) - 1))}f} %"
