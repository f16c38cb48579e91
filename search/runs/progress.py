"""Progress of a search on stderr: a live table on a terminal, plain lines otherwise."""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.reports.fronts import front_table
from search.runs.config import RunConfig
from search.terminal.numbers import counted, format_accuracy, format_seconds
from search.workers.machine import COMPILING_LINE, Resources
from studies.pareto import FrontPoint
from studies.summaries import TrialSummary
from studies.trials import TRAINED, Outcome

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class RunningTrial:
    number: int
    notation: str
    num_params: int
    curve: Sequence[float]
    """Validation accuracy after each finished epoch."""


@dataclass(frozen=True)
class Snapshot:
    """The state of a study at one moment of a call."""

    num_trials: int
    """Number of trained trials at which the search ends."""
    counts: Counter[Outcome]
    finished: Sequence[TrialSummary]
    """Trials that have ended, to which later snapshots only append."""
    trained_seconds: float
    """Training time of all trained trials."""
    running: Sequence[RunningTrial]
    num_workers: int
    front: Sequence[FrontPoint]
    seconds: float
    """Time since the call began."""
    confirm_seconds: float = 0.0
    """Estimated time to confirm the current front; 0 if no confirmation follows."""

    @property
    def num_trained(self) -> int:
        return sum(self.counts[outcome] for outcome in TRAINED)

    @property
    def eta_seconds(self) -> float | None:
        """Estimated time to the end; None before the first trial.

        Assumes that the remaining trials take as long as the trained ones, and the confirmation, if one follows, as
        long as one of the current front.
        """
        if not self.num_trained:
            return None
        mean = self.trained_seconds / self.num_trained
        searching = (self.num_trials - self.num_trained) * mean / max(1, self.num_workers)
        return searching + self.confirm_seconds


class Display(Protocol):
    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def compiling(self) -> None: ...

    def starting(self, num_workers: int) -> None: ...

    def started(
        self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Sequence[str] = ()
    ) -> None: ...

    def warm_start(self, lines: Sequence[str]) -> None: ...

    def update(self, snapshot: Snapshot) -> None: ...

    def worker_lost(self, trials: Sequence[int]) -> None: ...

    def stopping(self, reason: str) -> None: ...


def make_display(*, quiet: bool) -> Display:
    if quiet:
        return QuietDisplay()
    return LiveDisplay() if sys.stderr.isatty() else PlainDisplay()


class QuietDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def compiling(self) -> None:
        pass

    def starting(self, num_workers: int) -> None:
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
    """Prints one line per event and per trained trial, for logs."""

    def __init__(self) -> None:
        self._num_seen = 0
        self._num_shown = 0

    def compiling(self) -> None:
        self._print(COMPILING_LINE)

    def starting(self, num_workers: int) -> None:
        self._print(_starting_line(num_workers))

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

    @staticmethod
    def _print(line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class LiveDisplay(QuietDisplay):
    """Shows progress, counts, the front so far and the trials in training, redrawn in place."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._note = self._waiting = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def compiling(self) -> None:
        self._console.print(COMPILING_LINE)

    def starting(self, num_workers: int) -> None:
        self._waiting = _starting_line(num_workers)
        self._live.update(Text(self._waiting))

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
        self._live.update(draw(snapshot, self._note or self._waiting))

    def worker_lost(self, trials: Sequence[int]) -> None:
        self._console.print(_lost_line(trials))

    def stopping(self, reason: str) -> None:
        self._note = _stopping_line(reason)
        self._console.print(self._note)


def draw(snapshot: Snapshot, note: str = "") -> Group:
    eta = snapshot.eta_seconds
    left = "" if eta is None else f", about {format_seconds(eta)} left"
    counts = ", ".join(
        f"{snapshot.counts[outcome]} {outcome}"
        for outcome in Outcome
        if outcome != Outcome.COMPLETE and snapshot.counts[outcome]
    )
    progress = Table.grid(padding=(0, 1))
    progress.add_row(
        ProgressBar(total=snapshot.num_trials, completed=snapshot.num_trained, width=30),
        f"{snapshot.num_trained}/{snapshot.num_trials} trained, {format_seconds(snapshot.seconds)}{left}",
        Text(counts, style="dim"),
    )
    parts: list[Text | Table] = [progress, _running_table(snapshot.running)]
    if snapshot.front:
        parts.append(front_table(snapshot.front, title="Front so far"))
    if note:
        parts.append(Text(note, style="yellow"))
    return Group(*parts)


def _running_table(running: Sequence[RunningTrial]) -> Table:
    table = Table(title="In training", title_justify="left", box=None, pad_edge=False)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("epoch", justify="right", no_wrap=True)
    table.add_column("val accuracy", justify="right", no_wrap=True)
    table.add_column("curve", no_wrap=True, min_width=15)
    table.add_column("notation", overflow="fold")
    for trial in running:
        last = format_accuracy(trial.curve[-1]) if trial.curve else ""
        table.add_row(
            str(trial.number),
            f"{trial.num_params:,}",
            str(len(trial.curve)),
            last,
            sparkline(trial.curve),
            trial.notation,
        )
    return table


def sparkline(curve: Sequence[float]) -> str:
    """Draw one bar per epoch; its height is the log of the error between 10 % and 0.5 %, where these curves differ."""
    bars = ""
    for accuracy in curve:
        error = min(max(1 - accuracy, 0.005), 0.1)
        height = math.log(0.1 / error) / math.log(0.1 / 0.005)
        bars += _BARS[round(height * (len(_BARS) - 1))]
    return bars


def _headline(config: RunConfig, resources: Resources, num_trained: int) -> str:
    engine = resources.engine
    missing = f" (no native trainer: {engine.reason})" if engine.reason else ""
    already = f" ({num_trained} already trained)" if num_trained else ""
    return (
        f"{config.study_name}: {counted(config.trials, 'trial')}{already} of up to {config.budget:,} parameters, "
        f"{counted(config.epochs, 'epoch')}, on {config.dataset}; "
        f"engine {engine.name} on {resources.device}{missing}, store {config.storage}"
    )


def _trial_line(trial: TrialSummary) -> str:
    accuracy = "-" if trial.val_accuracy is None else format_accuracy(trial.val_accuracy)
    return (
        f"trial {trial.number:<4} {trial.outcome:<8} {accuracy:>8} {trial.num_params:>7,} parameters "
        f"{counted(trial.num_epochs, 'epoch'):>9} {format_seconds(trial.seconds):>6}"
    )


def _starting_line(num_workers: int) -> str:
    which = "the worker" if num_workers == 1 else f"{num_workers} workers"
    return f"starting {which}: loading PyTorch and the images"


def _lost_line(trials: Sequence[int]) -> str:
    which = f" with trial {', '.join(map(str, trials))}" if trials else ""
    return f"a worker was lost{which}; a new one takes over"


def _stopping_line(reason: str) -> str:
    return f"{reason}: ending after the running epochs; once more to abort"
