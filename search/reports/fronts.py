"""Fronts as tables, JSON and CSV."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from search.sampling.estimate import Estimate, Estimates
from search.terminal.numbers import format_accuracy
from search.terminal.output import csv_text, print_json, print_table
from search.terminal.scatter import plot_front
from space.footprint import Footprint, footprint_of
from studies.confirmations import ConfirmedPoint
from studies.fingerprints import read_fingerprint
from studies.pareto import FrontPoint
from studies.shrinkage import MIN_MEMBERS
from studies.storage import Store
from studies.summaries import TrialSummaries

MAX_PLOT_WIDTH, PLOT_HEIGHT = 120, 20
"""Columns and lines of a plot."""
_ESTIMATE_KEYS = ("estimate", "estimate_std")
_TAKEN = ("flash bytes", "RAM bytes", "MACs")
"""Columns of what a net takes on a device as C with integers."""
ESTIMATE_NOTE = (
    "Estimate: the accuracy to expect of another seed, by a model that learns from all trials of the study, ± one "
    "standard deviation. A val accuracy is that of a single training, and a front consists of the luckiest ones."
)
SHRINKAGE_NOTE = (
    "Shrunken: the mean drawn towards the trend of all members, as the best means are partly lucky; compare by it."
)
NO_SHRINKAGE = f"A shrunken mean, for comparing rows, needs {MIN_MEMBERS} members of different sizes."
BALANCED_NOTE = "Val accuracy is balanced accuracy here, the mean of the accuracies on each class."


def print_front(front: Sequence[FrontPoint], estimates: Estimates, *, as_json: bool, is_balanced: bool = False) -> None:
    """Print a front with estimates of its accuracies; ``is_balanced`` if its accuracies are balanced ones."""
    if as_json:
        print_json([estimated_row(point, estimates) for point in front])
    elif front:
        print_table(front_table(front, estimates))
        print(f"\n{ESTIMATE_NOTE if estimates.missing is None else f'No estimates: {estimates.missing}.'}")
        if is_balanced:
            print(f"\n{BALANCED_NOTE}")
    else:
        print("the front is empty: no trial is complete yet")


def print_plot(store: Store, study_name: str, front: Sequence[FrontPoint]) -> None:
    """Plot a front in the terminal, with the complete trials behind it and the budget as a line."""
    if not front:
        return
    summaries = TrialSummaries(store, store.load_study(study_name))
    summaries.update()
    console = Console(highlight=False)
    lines = plot_front(
        front,
        summaries.ended,
        budget=(read_fingerprint(store, study_name) or {}).get("budget", 0),
        width=min(console.width, MAX_PLOT_WIDTH),
        height=PLOT_HEIGHT,
        is_unicode=console.encoding.lower().startswith("utf"),
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    console.print()


def print_unconfirmed(front: Sequence[FrontPoint], confirmed: Sequence[ConfirmedPoint]) -> None:
    """Below a search's front, say which of its points are not on the confirmed one."""
    members = {point.trial for point in confirmed}
    others = [str(point.trial) for point in front if point.trial not in members]
    if confirmed and others:
        numbers = f"{'trial' if len(others) == 1 else 'trials'} {', '.join(others)}"
        print(f"\nNot on the confirmed front: {numbers}; 'python -m search front --confirmed' shows it.")


def print_confirmed_front(front: Sequence[ConfirmedPoint], *, as_json: bool) -> None:
    if as_json:
        print_json([front_row(point) for point in front])
        return
    table = Table(box=None, pad_edge=False)
    headings = ("test accuracy", "shrunken", "95 % interval", "on the front", "val accuracy", *_TAKEN, "trial")
    for heading in ("parameters", *headings):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notation", overflow="fold")
    for point in front:
        table.add_row(
            f"{point.num_params:,}",
            format_accuracy(point.accuracy),
            "-" if point.shrunken is None else format_accuracy(point.shrunken),
            f"{100 * point.low:.2f}-{100 * point.high:.2f} %",
            f"{100 * point.front_probability:.0f} %",
            format_accuracy(point.val_accuracy),
            *_taken_cells(point.notation),
            str(point.trial),
            point.notation,
        )
    print_table(table)
    if front:
        note = NO_SHRINKAGE if front[0].shrunken is None else SHRINKAGE_NOTE
        print(
            f"\nMeans over {len(front[0].seeds)} seeds, last epoch, trained on all images outside the test set; "
            f"members were chosen by validation accuracy. {note}"
        )


def front_csv(front: Sequence[FrontPoint], estimates: Estimates) -> str:
    """Return a front with estimates of its accuracies as the content of a CSV file."""
    names = [field.name for field in (*fields(FrontPoint), *fields(Footprint))]
    return csv_text([*names, *_ESTIMATE_KEYS], (estimated_row(point, estimates) for point in front))


def confirmed_csv(front: Sequence[ConfirmedPoint]) -> str:
    """Return a confirmed front as the content of a CSV file."""
    names = [field.name for field in (*fields(ConfirmedPoint), *fields(Footprint))]
    return csv_text(names, map(front_row, front))


def estimated_row(point: FrontPoint, estimates: Estimates) -> dict[str, Any]:
    """Return a point like `front_row`, with the estimate of its accuracy, None where there is none."""
    estimate = estimates.by_trial.get(point.trial)
    values = (None, None) if estimate is None else (estimate.accuracy, estimate.std)
    return {**front_row(point), **dict(zip(_ESTIMATE_KEYS, values, strict=True))}


def front_row(point: FrontPoint | ConfirmedPoint) -> dict[str, Any]:
    """Return a point with what its net takes on a device, None where its notation can't be read."""
    taken = footprint_of(point.notation)
    return {**asdict(point), **{field.name: taken and getattr(taken, field.name) for field in fields(Footprint)}}


def _taken_cells(notation: str) -> list[str]:
    taken = footprint_of(notation)
    return ["-"] * len(_TAKEN) if taken is None else [f"{getattr(taken, f.name):,}" for f in fields(taken)]


def front_table(front: Sequence[FrontPoint], estimates: Estimates) -> Table:
    table = Table(box=None, pad_edge=False)
    estimated = [] if estimates.missing else ["estimate"]
    for heading in ("parameters", "val accuracy", *estimated, *_TAKEN, "trial"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notation", overflow="fold")
    for point in front:
        accuracies = [format_accuracy(point.val_accuracy)]
        if estimated:
            accuracies.append(_estimate_cell(estimates.by_trial.get(point.trial)))
        cells = (f"{point.num_params:,}", *accuracies, *_taken_cells(point.notation), str(point.trial))
        table.add_row(*cells, point.notation)
    return table


def _estimate_cell(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{100 * estimate.accuracy:.2f} ± {100 * estimate.std:.2f} %"
