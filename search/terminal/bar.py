"""Lines on stderr and, on a terminal, a progress bar that stays below them."""

import sys

from rich.console import Console
from rich.progress import Progress, ProgressColumn


class LinesAboveBar:
    """Prints lines above a progress bar; nothing if ``quiet``, and no bar if stderr is not a terminal."""

    def __init__(self, *columns: ProgressColumn, quiet: bool, speed_seconds: float = 30.0) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            *columns,
            console=self._console,
            transient=True,
            disable=quiet or not sys.stderr.isatty(),
            refresh_per_second=2,
            speed_estimate_period=speed_seconds,
        )
        self._task = self._progress.add_task("", total=None, left="")

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def update(
        self,
        completed: int,
        *,
        total: int | None = None,
        description: str | None = None,
        left: str | None = None,
    ) -> None:
        """Set the steps done and, if given, the total, the word before the bar and the time left after it."""
        self._progress.update(self._task, completed=completed, total=total, description=description)
        if left is not None:
            self._progress.update(self._task, left=left)
