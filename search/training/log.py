"""The output of a running training: train.log, epochs.csv, TensorBoard and the terminal."""

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mnist_core.files import write_whole
from search.terminal.bar import LinesAboveBar
from search.terminal.numbers import format_accuracy, format_seconds
from search.terminal.output import csv_text
from space.errors import InputError
from space.files import has_file
from space.results import EpochResult

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_FILE, EPOCHS_FILE = "train.log", "epochs.csv"
_FINISHED = "finished"
_STAMPED_LINE = re.compile(r"\S+ \S+  (epoch|finished)\b")


class TrainingLog:
    """The log of the training in a folder, which continues an earlier call's log, however that ended.

    Lines also go to stderr unless ``quiet``, on a terminal above a progress bar. Raises `OSError` if a file can't be
    written.
    """

    def __init__(self, folder: Path, *, num_epochs: int, quiet: bool, tensorboard: Path | None = None) -> None:
        self._folder = folder
        self._num_epochs = num_epochs
        self._quiet = quiet
        self._tensorboard = tensorboard
        self._writer: SummaryWriter | None = None
        self._num_drawn = 0
        path = folder / LOG_FILE
        text = path.read_bytes() if has_file(path, str(path)) else b""
        whole = text[: text.rfind(b"\n") + 1]
        # Unbuffered: each line is one write, visible at once and complete unless the process is killed during it.
        self._file = path.open("ab", buffering=0)
        if whole != text:
            self._file.truncate(len(whole))
        found = _STAMPED_LINE.findall(whole.decode(errors="replace"))
        self._num_logged = found.count("epoch")
        self.is_complete = _FINISHED in found
        """Whether the log has the line that ends a finished training, which is written after everything else."""
        # An epoch may take longer than the half minute over which speed is averaged by default.
        self._bar = LinesAboveBar(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs,"),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(),
            TextColumn("left"),
            quiet=quiet,
            speed_seconds=3_600,
        )
        self._bar.update(0, total=num_epochs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def start(self, headline: str, results: Sequence[EpochResult]) -> None:
        """Start the log, or continue it after ``results``, and update all files to them."""
        self.line(headline)
        if results:
            self.line(f"going on after epoch {len(results)} of {self._num_epochs}")
        if self._tensorboard is not None:
            self._writer = _open_tensorboard(self._tensorboard)
        self.update(results)
        self._bar.start()

    def update(self, results: Sequence[EpochResult]) -> None:
        """Log the epochs in ``results`` that have not been logged yet."""
        write_whole(
            self._folder / EPOCHS_FILE,
            csv_text([item.name for item in fields(EpochResult)], map(asdict, results)).encode(),
        )
        for result in results[self._num_logged :]:
            self.line(_epoch_line(result, self._num_epochs))
        self._num_logged = len(results)
        if self._writer is not None:
            for result in results[self._num_drawn :]:
                _draw(self._writer, result)
            self._num_drawn = len(results)
            self._writer.flush()
        self._bar.update(len(results))

    def finish(self, results: Sequence[EpochResult]) -> None:
        best = best_epoch(results)
        self.line(
            f"{_FINISHED} after epoch {len(results)} of {self._num_epochs}: val accuracy "
            f"{format_accuracy(results[-1].val_accuracy)}; best {format_accuracy(best.val_accuracy)} after epoch "
            f"{best.epoch}; {format_seconds(sum(result.seconds for result in results))} of training"
        )

    def interrupt(self, results: Sequence[EpochResult]) -> None:
        """Log the interruption of a training that is about to be ended by a signal."""
        text = f"interrupted after epoch {len(results)} of {self._num_epochs}: the same command continues"
        self._bar.stop()
        self.line(text)
        if self._quiet:
            print(text, file=sys.stderr)

    def line(self, text: str) -> None:
        stamp = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        self._file.write(f"{stamp}  {text}\n".encode())
        self._bar.line(text)


def best_epoch(results: Sequence[EpochResult]) -> EpochResult:
    """Return the epoch with the highest validation accuracy; the first of equal ones."""
    return max(results, key=lambda result: result.val_accuracy)


def require_tensorboard() -> None:
    """Raise `InputError` if the package tensorboard is not installed."""
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise InputError("--tensorboard needs the package tensorboard: pip install -e '.[tensorboard]'") from None


def _open_tensorboard(folder: Path) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter

    # Files of earlier calls may lack their last epochs, so they are purged and all epochs are written again.
    return SummaryWriter(str(folder), purge_step=1)


def _draw(writer: "SummaryWriter", result: EpochResult) -> None:
    for tag, value in (
        ("loss/train", result.train_loss),
        ("loss/validation", result.val_loss),
        ("accuracy/train", result.train_accuracy),
        ("accuracy/validation", result.val_accuracy),
        ("learning_rate", result.learning_rate),
        ("seconds", result.seconds),
    ):
        writer.add_scalar(tag, value, result.epoch)


def _epoch_line(result: EpochResult, num_epochs: int) -> str:
    return (
        f"epoch {result.epoch:>{len(str(num_epochs))}}/{num_epochs}"
        f"  train loss {result.train_loss:.4f}  train accuracy {format_accuracy(result.train_accuracy)}"
        f"  val loss {result.val_loss:.4f}  val accuracy {format_accuracy(result.val_accuracy)}"
        f"  learning rate {result.learning_rate:.3g}  {result.seconds:.1f} s"
    )
