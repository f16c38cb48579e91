import io
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from search.runs.screen import Screen, draw, sparkline
from search.runs.snapshot import Snapshot
from studies.pareto import FrontPoint
from studies.trials import Outcome
from tests.search.runs.snapshots import FULL, finished, running, snapshot


@pytest.mark.parametrize(
    ("curve", "bars"),
    [
        ([], ""),
        ([0.0, 0.5, 0.9], "▁▁▁"),
        ([0.995, 0.999, 1.0], "███"),
        ([0.1, 0.95, 0.98, 0.99, 0.995], "▁▃▅▆█"),
    ],
)
def test_sparkline(curve: list[float], bars: str) -> None:
    assert sparkline(curve) == bars


@given(st.lists(st.floats(0.0, 1.0), max_size=15))
def test_a_sparklines_bars_are_as_high_as_the_accuracies(curve: list[float]) -> None:
    bars = sparkline(curve)
    assert len(bars) == len(curve)
    assert list(sparkline(sorted(curve))) == sorted(bars)


def test_a_sparkline_shows_what_changes_at_99_percent() -> None:
    curve = [0.99, 0.992, 0.994, 0.996]
    assert len(set(sparkline(curve, lowest=0.004, highest=0.04))) == 4
    assert sparkline(curve, is_unicode=False).isascii()


NOTATION = "8s:br ap 9s:br gap fc10+"
FRONT = [FrontPoint(number, 200 * (number + 1), 0.97 + 0.001 * number, NOTATION) for number in range(25)]
LATE = replace(
    FULL,
    num_trials=120,
    front=FRONT,
    finished=[finished(number, Outcome.COMPLETE, accuracy=0.96) for number in range(60)],
    counts=Counter({Outcome.COMPLETE: 60, Outcome.PRUNED: 20, Outcome.REJECTED: 160}),
    running=[running(number, [0.9, 0.98]) for number in range(90, 98)],
)


def drawn(shown: Snapshot, width: int, height: int, *, note: str = "", encoding: str = "utf-8") -> list[str]:
    """The lines on a terminal of this size."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    console = Console(record=True, width=width, height=height, file=file, force_terminal=True, color_system=None)
    console.print(Screen(shown, note))
    return console.export_text().splitlines()


def test_the_screen_shows_everything() -> None:
    text = "\n".join(drawn(FULL, 120, 40, note="interrupted: ending"))
    for part in (
        "3/12 trained  1:15, about 4:34 left (4:34 to 4:34)",
        "1 complete (33 %), 1 pruned (33 %), 1 diverged (33 %), 444 rejected (148.0 for each trained)",
        "Best 99.12 % at 2,345 parameters, trial 9: 8s:br gap fc10+",
        "interrupted: ending",
        "└",
        "8,000",
    ):
        assert part in text
    rows = [line.split() for line in text.splitlines()]
    assert ["99.12", "%", "2,345", "9", "8s:br", "gap", "fc10+"] in rows
    assert ["98.76", "%", "1,234", "0", "4s:br", "gap", "fc10+"] in rows
    assert ["1,234", "4", "0", "8s:br", "p", "12v:br", "gap", "fc10+"] in rows
    assert any(row[:5] == ["98.00", "%", "1,234", "5", "3"] for row in rows)


@pytest.mark.parametrize("shown", [snapshot(), snapshot(running=[running(0)]), FULL, LATE], ids="abcd")
@pytest.mark.parametrize(("width", "height"), [(20, 8), (40, 24), (80, 24), (200, 50), (300, 100), (80, 3)])
def test_the_screen_fits_any_terminal(shown: Snapshot, width: int, height: int) -> None:
    lines = drawn(shown, width, height, note="interrupted: ending after the running epochs; once more to abort")
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_the_best_nets_are_never_hidden(width: int, height: int) -> None:
    lines = drawn(LATE, width, height)
    assert lines[2].startswith("Best 99.40 % at 5,000 parameters, trial 24")
    text = "\n".join(lines)
    for point in FRONT[-3:]:
        assert f"{100 * point.val_accuracy:.2f} %  {point.num_params:>10,}  {point.trial:>5}" in text
    assert text.index("99.40 %  ") < text.index("99.30 %  "), "the best one first"
    assert "●" in text
    assert "   90  " in text, "what trains is shown too"


def test_a_large_terminal_shows_the_whole_front_and_all_that_trains() -> None:
    text = "\n".join(drawn(LATE, 200, 50))
    assert all(f"{point.num_params:>10,}  {point.trial:>5}" in text for point in FRONT)
    assert all(f"  {trial.number:>5}  " in text for trial in LATE.running)
    assert "more" not in text


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert all(line.isascii() for line in drawn(LATE, 80, 24, encoding="ascii"))


def test_nothing_is_said_of_a_front_that_is_not_there() -> None:
    lines = [line.plain for line in draw(snapshot(), "", 80, 24)]
    assert lines[0].startswith("0/12 trained  1:15")
    assert not [line for line in lines if "left" in line or "front" in line or "Best" in line]
