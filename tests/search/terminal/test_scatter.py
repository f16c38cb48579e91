from collections.abc import Sequence

import pytest

from search.terminal.scatter import Point, plot_points


def plotted(
    marks: Sequence[Point],
    dots: Sequence[Point] = (),
    *,
    width: int = 80,
    height: int = 16,
    is_unicode: bool = True,
) -> list[str]:
    lines = plot_points(dots, marks, limit=8_000, width=width, height=height, is_unicode=is_unicode)
    return [line.plain for line in lines]


def place_of(lines: list[str], mark: str) -> list[tuple[int, int]]:
    return [(row, column) for row, line in enumerate(lines) for column, found in enumerate(line) if found == mark]


def test_better_nets_stand_higher_and_larger_ones_to_the_right() -> None:
    lines = plotted([(500, 0.98), (2_000, 0.992), (6_000, 0.994)])
    places = sorted(place_of(lines, "●"), key=lambda place: place[1])
    assert len(places) == 3
    rows = [row for row, _ in places]
    assert rows[0] > rows[1] > rows[2], "99.2 and 99.4 % lie apart"
    budget = {column for row, column in place_of(lines[:-1], "│") if column > 10}
    assert len(budget) == 1
    assert max(column for _, column in places) < budget.pop()


def test_the_axes_have_labels() -> None:
    lines = plotted([(500, 0.98), (6_000, 0.994)])
    labels = [line.split("│")[0].strip() for line in lines[:-1]]
    assert {"98.0 %", "99.0 %"} <= set(labels)
    assert " 8,000 " in f"{lines[-1]} "
    assert " 1,000 " in lines[-1]


@pytest.mark.parametrize(("width", "height"), [(20, 4), (80, 10), (200, 40)])
@pytest.mark.parametrize("marks", [[], [(8_000, 1.0)], [(100, 0.1)], [(100, 0.5), (8_000, 0.9999)]])
def test_the_plot_has_the_size_that_it_is_given(width: int, height: int, marks: list[Point]) -> None:
    lines = plotted(marks, [(50, 0.2), (7_999, 0.99), (20_000, 0.5)], width=width, height=height)
    assert len(lines) == height
    assert {len(line) for line in lines} == {width}
    assert bool(place_of(lines, "●")) == bool(marks)


def test_dots_lie_behind_and_those_outside_are_left_out() -> None:
    marks = [(500, 0.98), (6_000, 0.994)]
    lines = plotted(marks, [(3_000, 0.99), (3_000, 0.2), (9_000_000, 0.99)])
    braille = [found for line in lines for found in line if 0x2800 < ord(found) < 0x2900]
    assert len(braille) == 1
    assert plotted(marks, marks) == plotted(marks)


def test_without_unicode_there_is_only_ascii() -> None:
    lines = plotted([(500, 0.98)], [(3_000, 0.98)], is_unicode=False)
    assert all(line.isascii() for line in lines)
    assert place_of(lines, "o")
