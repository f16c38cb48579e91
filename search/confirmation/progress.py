"""Progress of a confirmation, or of an audit, on stderr: lines and, on a terminal, a progress bar below them."""

import sys
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from search.terminal.bar import LinesAboveBar
from search.terminal.numbers import format_seconds


class ConfirmProgress:
    def __init__(
        self, *, quiet: bool, interrupted: str = "the same command continues with what was not finished"
    ) -> None:
        """``interrupted`` says what becomes of the work after Ctrl-C."""
        self._interrupted = interrupted
        self._bar = LinesAboveBar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("trainings,"),
            TimeElapsedColumn(),
            TextColumn("elapsed{task.fields[left]}"),
            quiet=quiet,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is KeyboardInterrupt:
            print(f"interrupted: {self._interrupted}", file=sys.stderr)

    def line(self, text: str) -> None:
        self._bar.line(text)

    def begin(self, stage: str, num_done: int, num_trainings: int) -> None:
        """Set up the bar for a stage; ``num_done`` trainings were finished by earlier calls."""
        self._bar.update(num_done, total=num_trainings, description=stage, left="")

    def trained(self, what: str, num_done: int, num_trainings: int, seconds_left: float) -> None:
        left = f", about {format_seconds(seconds_left)} left" if num_done < num_trainings else ""
        self.line(f"{num_done:>{len(str(num_trainings))}}/{num_trainings}  {what}{left}")
        self._bar.update(num_done, left=left)
