import io
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState
from rich.console import Console

from mnist_core.engine import TORCH, Engine
from search.runs.config import RunConfig
from search.runs.progress import (
    LiveDisplay,
    PlainDisplay,
    QuietDisplay,
    RunningTrial,
    Snapshot,
    draw,
    make_display,
    sparkline,
)
from search.workers.machine import Resources
from studies.pareto import FrontPoint
from studies.summaries import TrialSummary
from studies.trials import TRAINED, Outcome

CONFIG = RunConfig(budget=8_000, trials=12, dataset="digits", epochs=4, study="digits-8000")

RESOURCES = Resources("mnist", None, None, "cpu", Engine(Path("trainer.so")))

COMPILING = "compiling the native trainer, once on this machine"


def finished(number: int, outcome: Outcome, *, accuracy: float | None = 0.9876, seconds: float = 61.0) -> TrialSummary:
    return TrialSummary(
        number=number,
        trial_id=number,
        state=TrialState.FAIL if outcome == Outcome.FAILED else TrialState.PRUNED,
        outcome=outcome,
        num_params=1_234,
        val_accuracy=accuracy,
        num_epochs=4,
        seconds=seconds,
        engine="torch on cpu",
    )


def snapshot(
    trials: Sequence[TrialSummary] = (),
    *,
    running: Sequence[RunningTrial] = (),
    num_workers: int = 2,
    front: Sequence[FrontPoint] = (),
) -> Snapshot:
    return Snapshot(
        num_trials=12,
        counts=Counter(trial.outcome for trial in trials),
        finished=trials,
        trained_seconds=sum(trial.seconds for trial in trials if trial.outcome in TRAINED),
        running=running,
        num_workers=num_workers,
        front=front,
        seconds=75.0,
    )


def running(number: int, curve: Sequence[float] = ()) -> RunningTrial:
    return RunningTrial(number, "8s:br p 12v:br gap fc10+", 1_234, curve)


# The curve


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


# Time left


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_time_left_is_that_of_the_remaining_trials_over_the_workers(num_workers: int) -> None:
    trials = [finished(0, Outcome.COMPLETE, seconds=100.0), finished(1, Outcome.PRUNED, seconds=20.0)]
    others = [finished(2, Outcome.REJECTED), finished(3, Outcome.FAILED), finished(4, Outcome.DUPLICATE)]
    shown = snapshot([*trials, *others], num_workers=num_workers)
    assert shown.num_trained == 2
    assert shown.eta_seconds == pytest.approx((12 - 2) * 60.0 / max(1, num_workers))


def test_time_left_includes_a_confirmation_that_follows() -> None:
    shown = replace(snapshot([finished(0, Outcome.COMPLETE, seconds=60.0)], num_workers=1), confirm_seconds=500.0)
    assert shown.eta_seconds == pytest.approx(11 * 60.0 + 500.0)


def test_no_time_left_before_the_first_trial_and_none_after_the_last() -> None:
    assert snapshot([finished(0, Outcome.REJECTED)], running=[running(1)]).eta_seconds is None
    assert snapshot([finished(number, Outcome.COMPLETE) for number in range(12)]).eta_seconds == 0


# Plain lines


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The lines on stderr since it was last asked; stdout belongs to results."""

    def new_lines() -> list[str]:
        printed = capsys.readouterr()
        assert printed.out == ""
        return printed.err.splitlines()

    return new_lines


def test_the_headline(lines: Callable[[], list[str]]) -> None:
    PlainDisplay().started(CONFIG, RESOURCES, 0)
    assert lines() == [
        "digits-8000: 12 trials of up to 8,000 parameters, 4 epochs, on digits; engine native on cpu, "
        "store sqlite:///studies.db"
    ]
    PlainDisplay().started(CONFIG, Resources("mnist", None, None, "cuda", TORCH), 3)
    (line,) = lines()
    assert line.startswith("digits-8000: 12 trials (3 already trained) of up to")
    assert "engine torch on cuda, store" in line


def test_the_headline_says_why_the_native_trainer_is_missing(lines: Callable[[], list[str]]) -> None:
    PlainDisplay().started(CONFIG, Resources("mnist", None, None, "cpu", Engine(None, "no compiler here")), 0)
    (line,) = lines()
    assert "engine torch on cpu (no native trainer: no compiler here), store" in line


def test_workers_that_start_are_told(lines: Callable[[], list[str]]) -> None:
    PlainDisplay().starting(1)
    PlainDisplay().starting(2)
    assert lines() == [
        "starting the worker: loading PyTorch and the images",
        "starting 2 workers: loading PyTorch and the images",
    ]


def test_compiling_is_told(lines: Callable[[], list[str]]) -> None:
    PlainDisplay().compiling()
    assert lines() == [COMPILING]


def test_one_line_a_trained_trial(lines: Callable[[], list[str]]) -> None:
    display = PlainDisplay()
    display.started(CONFIG, RESOURCES, 0)
    display.update(snapshot())
    assert len(lines()) == 1
    trials = [finished(0, Outcome.REJECTED), finished(1, Outcome.COMPLETE)]
    display.update(snapshot(trials, front=[FrontPoint(1, 1_234, 0.9876, "gap fc10+")]))
    (line,) = lines()
    assert line.startswith(" 1/12  trial 1 ")
    for part in ("complete", "98.76 %", "1,234 parameters", "4 epochs", "1:01", "on the front", "5:36 left"):
        assert part in line
    display.update(snapshot(trials))
    assert lines() == []
    trials += [finished(2, Outcome.PRUNED), finished(3, Outcome.DUPLICATE), finished(4, Outcome.FAILED)]
    trials += [finished(5, Outcome.DIVERGED, accuracy=None)]
    display.update(snapshot(trials))
    pruned, diverged = lines()
    assert pruned.startswith(" 2/12  trial 2 ")
    assert "pruned" in pruned
    assert "on the front" not in pruned
    assert diverged.startswith(" 3/12  trial 5 ")
    assert "diverged        - " in diverged


def test_trials_of_earlier_calls_are_not_repeated(lines: Callable[[], list[str]]) -> None:
    earlier = [finished(0, Outcome.COMPLETE), finished(1, Outcome.REJECTED), finished(2, Outcome.PRUNED)]
    display = PlainDisplay()
    display.started(CONFIG, RESOURCES, 2)
    lines()
    # The first trial of this call ended before the first look.
    display.update(snapshot([*earlier, finished(3, Outcome.COMPLETE)]))
    (line,) = lines()
    assert line.startswith(" 3/12  trial 3 ")


def test_a_trial_that_overtakes_another_is_shown_once(lines: Callable[[], list[str]]) -> None:
    display = PlainDisplay()
    display.started(CONFIG, RESOURCES, 0)
    first, second = finished(0, Outcome.COMPLETE), finished(1, Outcome.COMPLETE)
    display.update(snapshot([second], running=[running(0)]))
    display.update(snapshot([second, first]))
    assert [line[:15] for line in lines()[1:]] == [" 1/12  trial 1 ", " 2/12  trial 0 "]


def test_losses_and_the_end_are_told(lines: Callable[[], list[str]]) -> None:
    display = PlainDisplay()
    display.worker_lost([3, 5])
    display.worker_lost([])
    display.stopping("time is up")
    assert lines() == [
        "a worker was lost with trial 3, 5; a new one takes over",
        "a worker was lost; a new one takes over",
        "time is up: ending after the running epochs; once more to abort",
    ]


def test_quiet_shows_nothing(lines: Callable[[], list[str]]) -> None:
    with QuietDisplay() as display:
        display.compiling()
        display.starting(2)
        display.started(CONFIG, RESOURCES, 0)
        display.update(snapshot([finished(0, Outcome.COMPLETE)]))
        display.worker_lost([0])
        display.stopping("interrupted")
    assert lines() == []


@pytest.mark.parametrize(
    ("quiet", "terminal", "kind"),
    [
        (False, True, LiveDisplay),
        (False, False, PlainDisplay),
        (True, True, QuietDisplay),
        (True, False, QuietDisplay),
    ],
)
def test_the_display_fits_where_it_is_shown(
    quiet: bool, terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert type(make_display(quiet=quiet)) is kind


# The live table

FULL = replace(
    snapshot(
        [
            finished(0, Outcome.COMPLETE),
            finished(1, Outcome.PRUNED),
            finished(2, Outcome.REJECTED),
            finished(3, Outcome.DIVERGED, accuracy=None),
        ],
        running=[running(4), running(5, [0.5, 0.95, 0.98])],
        front=[FrontPoint(0, 1_234, 0.9876, "4s:br gap fc10+"), FrontPoint(9, 2_345, 0.9912, "8s:br gap fc10+")],
    ),
    counts=Counter({Outcome.COMPLETE: 1, Outcome.PRUNED: 1, Outcome.REJECTED: 444, Outcome.DIVERGED: 1}),
)


def drawn(shown: Snapshot, note: str = "", *, width: int = 120) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(draw(shown, note))
    return console.export_text()


def test_the_drawing_shows_everything() -> None:
    text = drawn(FULL, "interrupted: ending")
    for part in (
        "3/12 trained, 1:15, about 4:34 left",
        "1 pruned, 1 diverged, 444 rejected",
        "In training",
        "Front so far",
        "interrupted: ending",
    ):
        assert part in text
    rows = [line.split() for line in text.splitlines()]
    assert ["4", "1,234", "0", "8s:br", "p", "12v:br", "gap", "fc10+"] in rows
    assert [
        "5",
        "1,234",
        "3",
        "98.00",
        "%",
        sparkline([0.5, 0.95, 0.98]),
        "8s:br",
        "p",
        "12v:br",
        "gap",
        "fc10+",
    ] in rows
    assert ["1,234", "98.76", "%", "0", "4s:br", "gap", "fc10+"] in rows
    assert ["2,345", "99.12", "%", "9", "8s:br", "gap", "fc10+"] in rows


@pytest.mark.parametrize("shown", [snapshot(), FULL], ids=["at the start", "full"])
@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_drawing_fits_any_terminal(shown: Snapshot, width: int) -> None:
    assert all(len(line) <= width for line in drawn(shown, width=width).splitlines())


def test_nothing_is_said_of_a_front_that_is_not_there() -> None:
    text = drawn(snapshot())
    assert "0/12 trained, 1:15" in text
    assert "left" not in text
    assert "Front" not in text


def test_a_terminal_gets_lines_and_a_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()

    def terminal(**_: Any) -> Console:
        return Console(file=output, force_terminal=True, width=120, color_system=None)

    monkeypatch.setattr("search.runs.progress.Console", terminal)
    live = LiveDisplay()
    live.compiling()
    with live as display:
        display.started(CONFIG, RESOURCES, 0)
        display.update(FULL)
        display.worker_lost([4])
        display.stopping("interrupted")
        display.update(FULL)
    shown = output.getvalue()
    for part in (
        COMPILING,
        "digits-8000: 12 trials of",
        "3/12 trained",
        "a worker was lost with trial 4",
        "once more to abort",
    ):
        assert part in shown


def test_a_terminal_shows_what_it_waits_for_until_a_trial_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr("search.runs.progress.Console", lambda **_: console)

    def shown() -> str:
        display._live.refresh()
        text = output.getvalue()
        output.truncate(output.seek(0))
        return text

    display = LiveDisplay()
    with display:
        display.starting(2)
        assert "starting 2 workers" in shown()
        display.update(snapshot())
        assert "starting 2 workers" in shown()
        display.update(snapshot(running=[running(0)]))
        shown()
        assert "starting" not in shown()
        display.update(snapshot())
        shown()
        assert "starting" not in shown(), "between two trials"


def test_lines_are_shown_as_they_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    PlainDisplay().warm_start(["a [b]", "c"])
    monkeypatch.setattr("search.runs.progress.Console", lambda **_: Console(stderr=True, width=80))
    LiveDisplay().warm_start(["a [b]", "c"])
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "a [b]\nc\n" * 2)
