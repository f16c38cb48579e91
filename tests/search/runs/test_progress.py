import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from mnist_core.engine import TORCH, Engine
from search.runs.config import RunConfig
from search.runs.progress import (
    Display,
    LiveDisplay,
    LoggedDisplay,
    PlainDisplay,
    QuietDisplay,
    make_display,
    starting_line,
)
from search.workers.machine import Resources
from studies.pareto import FrontPoint
from studies.trials import Outcome
from tests.search.runs.snapshots import FULL, finished, running, snapshot

CONFIG = RunConfig(budget=8_000, trials=12, dataset="digits", epochs=4, study="digits-8000")

RESOURCES = Resources("mnist", None, None, "cpu", Engine(Path("trainer.so")))

COMPILING = "compiling the native trainer, once on this machine"


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
    PlainDisplay().starting(starting_line(1))
    PlainDisplay().starting(starting_line(2))
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
        display.starting(starting_line(2))
        display.started(CONFIG, RESOURCES, 0)
        display.update(snapshot([finished(0, Outcome.COMPLETE)]))
        display.worker_lost([0])
        display.stopping("interrupted")
    assert lines() == []


@pytest.mark.parametrize(
    ("quiet", "terminal", "term", "kind"),
    [
        (False, True, "xterm", LiveDisplay),
        (False, True, "dumb", PlainDisplay),
        (False, False, "xterm", PlainDisplay),
        (True, True, "xterm", QuietDisplay),
        (True, False, "xterm", QuietDisplay),
    ],
)
def test_the_display_fits_where_it_is_shown(
    quiet: bool, terminal: bool, term: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", term)
    assert type(make_display(quiet=quiet)) is kind


# The live view


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
        display.starting(starting_line(2))
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


def test_a_log_gets_the_lines_whatever_is_shown(lines: Callable[[], list[str]]) -> None:
    log = io.StringIO()
    with LoggedDisplay(QuietDisplay(), log) as logged:
        _tell_all(logged)
    assert lines() == []
    _tell_all(PlainDisplay())
    assert log.getvalue().splitlines() == lines()


def _tell_all(display: Display) -> None:
    display.compiling()
    display.starting(starting_line(2))
    display.started(CONFIG, RESOURCES, 0, ["about the images"])
    display.warm_start(["a net"])
    display.update(snapshot([finished(0, Outcome.COMPLETE)]))
    display.worker_lost([0])
    display.stopping("time is up")
