"""The live view of a search: what matters most first, in as many lines as the terminal has."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.text import Text

from search.runs.snapshot import RunningTrial, Snapshot
from search.terminal.numbers import format_accuracy, format_seconds
from search.terminal.scatter import LEAST_ERROR, plot_front
from studies.pareto import FrontPoint, most_accurate
from studies.trials import TRAINED, Outcome

MIN_PLOT, MAX_PLOT = 6, 40
"""Lines of the plot: fewer show nothing, more are not needed."""
WIDE = 130
"""Columns from which on the plot stands beside the tables."""
NUM_IN_TRAINING = 4
"""Trials in training that are shown where lines are scarce."""
_BARS = "▁▂▃▄▅▆▇█"
_ASCII_BARS = "_.,-~=*#"


@dataclass(frozen=True)
class Screen:
    """What rich draws, for the size that the terminal has at that moment."""

    snapshot: Snapshot
    note: str = ""
    """What is waited for, or what happens at the end."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        is_unicode = console.encoding.lower().startswith("utf")
        # The last line stays free for the cursor.
        for line in draw(self.snapshot, self.note, options.max_width, console.size.height - 1, is_unicode=is_unicode):
            line.truncate(options.max_width, overflow="ellipsis" if is_unicode else "crop")
            line.no_wrap = True
            yield line


def draw(snapshot: Snapshot, note: str, width: int, height: int, *, is_unicode: bool = True) -> list[Text]:
    """Return at most ``height`` lines: progress and the best net first, then the front, its plot and what trains."""
    top = [*_progress(snapshot, width, is_unicode=is_unicode), *_best(snapshot)]
    if note:
        top.append(Text(note, style="yellow"))
    room = height - len(top)
    training = _in_training(snapshot, is_unicode=is_unicode)
    front = _front_table(snapshot.front)
    if not snapshot.front or room < MIN_PLOT:
        return [*top, *_cut(training, room)][:height]
    if width >= WIDE:
        side = width // 2
        tables = [*_cut(training, room // 2), Text(""), *front]
        plot = _plot(snapshot, side - 2, min(MAX_PLOT, room - 1), is_unicode=is_unicode)
        return [*top, Text(""), *_side_by_side(plot, tables, side)][:height]
    training = _cut(training, min(1 + NUM_IN_TRAINING, room // 3))
    front = _cut(front, max(3, (room - len(training)) // 2 - 1))
    plot_height = min(MAX_PLOT, room - len(training) - len(front))
    plot = _plot(snapshot, width, plot_height, is_unicode=is_unicode) if plot_height >= MIN_PLOT else []
    return [*top, *front, *plot, *training][:height]


def sparkline(curve: Sequence[float], *, lowest: float = 0.005, highest: float = 0.1, is_unicode: bool = True) -> str:
    """Draw one bar per epoch, whose height is the log of the error: none at ``highest``, a whole one at ``lowest``."""
    shapes = _BARS if is_unicode else _ASCII_BARS
    bars = ""
    for accuracy in curve:
        error = min(max(1 - accuracy, lowest), highest)
        height = math.log(highest / error) / math.log(highest / lowest)
        bars += shapes[round(height * (len(shapes) - 1))]
    return bars


def _progress(snapshot: Snapshot, width: int, *, is_unicode: bool) -> list[Text]:
    trained = f"{snapshot.num_trained}/{snapshot.num_trials} trained"
    line = Text.assemble((trained, "bold"), f"  {format_seconds(snapshot.seconds)}")
    if (eta := snapshot.eta_seconds) is not None:
        between = snapshot.eta_range
        how_sure = "" if between is None else f" ({' to '.join(map(format_seconds, between))})"
        line.append(f", about {format_seconds(eta)} left{how_sure}")
    room = min(30, width - line.cell_len - 2)
    if room >= 8:
        done = round(room * min(1, snapshot.num_trained / max(1, snapshot.num_trials)))
        full, empty = ("━", "─") if is_unicode else ("#", "-")
        line.append("  ")
        line.append(full * done, style="cyan")
        line.append(empty * (room - done), style="dim")
    return [line, Text(_rates(snapshot), style="dim")]


def _rates(snapshot: Snapshot) -> str:
    """Counts of each outcome, with their share of the trained trials or, of what was not trained, for each of them."""
    trained = snapshot.num_trained
    parts = []
    for outcome in Outcome:
        number = snapshot.counts[outcome]
        if not number:
            continue
        if outcome in TRAINED:
            rate = f" ({100 * number / trained:.0f} %)"
        else:
            is_telling = outcome == Outcome.REJECTED and trained and number >= trained / 10
            rate = f" ({number / trained:.1f} for each trained)" if is_telling else ""
        parts.append(f"{number:,} {outcome}{rate}")
    return ", ".join(parts)


def _best(snapshot: Snapshot) -> list[Text]:
    best = most_accurate(snapshot.front)
    if best is None:
        return []
    where = f" at {best.num_params:,} parameters, trial {best.trial}: {best.notation}"
    return [Text.assemble(("Best ", "bold"), (format_accuracy(best.val_accuracy), "bold cyan"), where)]


def _front_table(front: Sequence[FrontPoint]) -> list[Text]:
    """The front, the most accurate first, so that what is cut off are the smallest nets."""
    lines = [Text("val accuracy  parameters  trial  front so far", style="bold")]
    for point in sorted(front, key=lambda point: -point.num_params):
        numbers = f"{format_accuracy(point.val_accuracy):>12}  {point.num_params:>10,}  {point.trial:>5}"
        lines.append(Text(f"{numbers}  {point.notation}"))
    return lines


def _in_training(snapshot: Snapshot, *, is_unicode: bool) -> list[Text]:
    if not snapshot.running:
        return []
    best = most_accurate(snapshot.front)
    # A decade of errors above those of the best net: there, a bar is a third of the errors.
    lowest = 0.01 if best is None else max(LEAST_ERROR, 0.8 * (1 - best.val_accuracy))
    longest = max(15, *(len(trial.curve) for trial in snapshot.running))
    lines = [Text(f"val accuracy  parameters  trial  epoch  {'log error':<{longest}}  in training", style="bold")]
    lines += [_training_line(trial, lowest, longest, is_unicode=is_unicode) for trial in snapshot.running]
    return lines


def _training_line(trial: RunningTrial, lowest: float, longest: int, *, is_unicode: bool) -> Text:
    last = format_accuracy(trial.curve[-1]) if trial.curve else ""
    curve = sparkline(trial.curve, lowest=lowest, highest=min(1.0, 10 * lowest), is_unicode=is_unicode)
    numbers = f"{last:>12}  {trial.num_params:>10,}  {trial.number:>5}  {len(trial.curve):>5}"
    return Text.assemble(numbers, "  ", (f"{curve:<{longest}}", "green"), f"  {trial.notation}")


def _plot(snapshot: Snapshot, width: int, height: int, *, is_unicode: bool) -> list[Text]:
    return plot_front(
        snapshot.front,
        snapshot.finished,
        budget=snapshot.budget,
        width=width,
        height=height,
        is_unicode=is_unicode,
    )


def _side_by_side(left: Sequence[Text], right: Sequence[Text], column: int) -> list[Text]:
    lines = []
    for index in range(max(len(left), len(right))):
        line = left[index].copy() if index < len(left) else Text("")
        line.pad_right(column - line.cell_len)
        lines.append(line.append_text(right[index]) if index < len(right) else line)
    return lines


def _cut(lines: list[Text], room: int) -> list[Text]:
    """Return the first lines, the last of them saying how many are left out."""
    if len(lines) <= room:
        return lines
    if room < 2:
        return []
    return [*lines[: room - 1], Text(f"and {len(lines) - room + 1} more", style="dim")]
