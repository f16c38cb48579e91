"""Progress of a search on stderr: a live table on a terminal, plain lines otherwise."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from search.runs.config import RunConfig
from search.runs.screen import Screen
from search.runs.snapshot import Snapshot
from search.terminal.keys import whole_frames_at_interrupts
from search.terminal.numbers import counted, format_accuracy, format_seconds
from search.workers.machine import COMPILING_LINE, Resources
from space.errors import without_password
from studies.summaries import TrialSummary
from studies.trials import TRAINED


class Display(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def compiling(self) -> None: ...

    def starting(self, line: str) -> None: ...

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None: ...

    def warm_start(self, lines: Sequence[str]) -> None: ...

    def update(self, snapshot: Snapshot) -> None: ...

    def worker_lost(self, trials: Sequence[int]) -> None: ...

    def stopping(self, reason: str) -> None: ...


def make_display(*, quiet: bool) -> Display:
    """Return what shows progress on stderr: the live view where it can be redrawn in place, lines elsewhere."""
    if quiet:
        return QuietDisplay()
    can_redraw = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    return LiveDisplay() if can_redraw else PlainDisplay()


class QuietDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def compiling(self) -> None:
        pass

    def starting(self, line: str) -> None:
        pass

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None:
        pass

    def warm_start(self, lines: Sequence[str]) -> None:
        pass

    def update(self, snapshot: Snapshot) -> None:
        pass

    def worker_lost(self, trials: Sequence[int]) -> None:
        pass

    def stopping(self, reason: str) -> None:
        pass


class PlainDisplay(QuietDisplay):
    """Prints one line per event and per trained trial, for logs; to stderr, if no other stream is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._num_seen = 0
        self._num_shown = 0

    def compiling(self) -> None:
        self._print(COMPILING_LINE)

    def starting(self, line: str) -> None:
        self._print(line)

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None:
        self._num_shown = num_trained
        for line in (_headline(config, resources, num_trained), *data_lines):
            self._print(line)

    def warm_start(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._print(line)

    def update(self, snapshot: Snapshot) -> None:
        trained = [trial for trial in snapshot.finished[self._num_seen :] if trial.outcome in TRAINED]
        if self._num_seen == 0:
            trained = trained[self._num_shown :]  # without the trials of earlier calls
        self._num_seen = len(snapshot.finished)
        on_front = {point.trial for point in snapshot.front}
        for trial in trained:
            self._num_shown += 1
            mark = "  on the front" if trial.number in on_front else ""
            eta = "" if snapshot.eta_seconds is None else f"  {format_seconds(snapshot.eta_seconds)} left"
            place = f"{self._num_shown:>{len(str(snapshot.num_trials))}}/{snapshot.num_trials}"
            self._print(f"{place}  {_trial_line(trial)}{mark}{eta}")

    def worker_lost(self, trials: Sequence[int]) -> None:
        self._print(_lost_line(trials))

    def stopping(self, reason: str) -> None:
        self._print(_stopping_line(reason))

    def _print(self, line: str) -> None:
        print(line, file=self._stream or sys.stderr, flush=True)


class LiveDisplay(QuietDisplay):
    """Shows progress, the best net, the front so far and the trials in training, redrawn in place."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._note = self._waiting = ""
        self._at_end = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(whole_frames_at_interrupts())
            stack.enter_context(self._live)
            self._at_end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._at_end.close()

    def compiling(self) -> None:
        self._console.print(COMPILING_LINE)

    def starting(self, line: str) -> None:
        self._waiting = line
        self._live.update(Text(self._waiting), refresh=True)

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None:
        for line in (_headline(config, resources, num_trained), *data_lines):
            self._console.print(Text(line))  # a class's name is not markup

    def warm_start(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._console.print(Text(line))  # a file's name is not markup

    def update(self, snapshot: Snapshot) -> None:
        if snapshot.running or not snapshot.num_workers:
            self._waiting = ""
        self._live.update(Screen(snapshot, self._note or self._waiting), refresh=True)

    def worker_lost(self, trials: Sequence[int]) -> None:
        self._console.print(_lost_line(trials))

    def stopping(self, reason: str) -> None:
        self._note = _stopping_line(reason)
        self._console.print(self._note)


class LoggedDisplay(QuietDisplay):
    """Another display, whose events also become lines in a log."""

    def __init__(self, shown: Display, log: TextIO) -> None:
        self._displays = (shown, PlainDisplay(log))
        self._at_end = ExitStack()

    def __enter__(self) -> Self:
        for display in self._displays:
            self._at_end.enter_context(display)
        return self

    def __exit__(self, *_: object) -> None:
        self._at_end.close()

    def compiling(self) -> None:
        for display in self._displays:
            display.compiling()

    def starting(self, line: str) -> None:
        for display in self._displays:
            display.starting(line)

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None:
        for display in self._displays:
            display.started(config, resources, num_trained, data_lines)

    def warm_start(self, lines: Sequence[str]) -> None:
        for display in self._displays:
            display.warm_start(lines)

    def update(self, snapshot: Snapshot) -> None:
        for display in self._displays:
            display.update(snapshot)

    def worker_lost(self, trials: Sequence[int]) -> None:
        for display in self._displays:
            display.worker_lost(trials)

    def stopping(self, reason: str) -> None:
        for display in self._displays:
            display.stopping(reason)


def _headline(config: RunConfig, resources: Resources, num_trained: int) -> str:
    engine = resources.engine
    missing = f" (no native trainer: {engine.reason})" if engine.reason else ""
    already = f" ({num_trained} already trained)" if num_trained else ""
    if config.cluster is None:
        where = f"engine {engine.name} on {resources.device}{missing}"
    else:
        where = f"on the Ray cluster {config.cluster}"
    return (
        f"{config.study_name}: {counted(config.trials, 'trial')}{already} of up to {config.budget:,} parameters, "
        f"{str(config.limits) + ', ' if config.limits else ''}"
        f"{counted(config.epochs, 'epoch')}, on {config.dataset}; "
        f"{where}, store {without_password(config.storage)}"
    )


def _trial_line(trial: TrialSummary) -> str:
    accuracy = "-" if trial.val_accuracy is None else format_accuracy(trial.val_accuracy)
    return (
        f"trial {trial.number:<4} {trial.outcome:<8} {accuracy:>8} {trial.num_params:>7,} parameters "
        f"{counted(trial.num_epochs, 'epoch'):>9} {format_seconds(trial.seconds):>6}"
    )


def starting_line(num_workers: int, cluster: str | None = None) -> str:
    """Return what is shown until the first trial begins."""
    if cluster is not None:
        return f"asking the Ray cluster {cluster} for workers"
    which = "the worker" if num_workers == 1 else f"{num_workers} workers"
    return f"starting {which}: loading PyTorch and the images"


def _lost_line(trials: Sequence[int]) -> str:
    which = f" with trial {', '.join(map(str, trials))}" if trials else ""
    return f"a worker was lost{which}; a new one takes over"


def _stopping_line(reason: str) -> str:
    return f"{reason}: ending after the running epochs; once more to abort"
