"""What a person sees while a front is confirmed, on stderr: lines, and on a terminal a bar below them."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from search.runs.progress import format_seconds


class ConfirmProgress:
    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("trainings,"),
            TimeElapsedColumn(),
            TextColumn("gone{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
            refresh_per_second=2,
        )
        self._task = self._bar.add_task("", total=None, left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is KeyboardInterrupt:
            print("interrupted: the same command goes on with what was not finished", file=sys.stderr)

    def line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def begin(self, stage: str, num_done: int, num_trainings: int) -> None:
        """A number of trainings is ahead, some of which may be there from an earlier call."""
        self._bar.update(self._task, description=stage, completed=num_done, total=num_trainings, left="")

    def trained(self, what: str, num_done: int, num_trainings: int, seconds_left: float) -> None:
        left = f", about {format_seconds(seconds_left)} left" if num_done < num_trainings else ""
        self.line(f"{num_done:>{len(str(num_trainings))}}/{num_trainings}  {what}{left}")
        self._bar.update(self._task, completed=num_done, left=left)
