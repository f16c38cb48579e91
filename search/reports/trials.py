"""The trials of a study and their learning curves as tables, JSON and CSV."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.table import Table

from search.terminal.numbers import format_accuracy, format_seconds
from search.terminal.output import csv_text, print_json, print_table
from studies.records import CURVE_COLUMNS, TRIAL_COLUMNS

Rows = Sequence[Mapping[str, Any]]


def print_trials(rows: Rows, *, as_json: bool) -> None:
    """Print the rows of `studies.records.trial_rows`."""
    if as_json:
        print_json(rows)
    elif not rows:
        print("no trial has ended yet")
    else:
        table = _table("trial", "outcome", "parameters", "val accuracy", "epochs", "time")
        table.add_column("notation", overflow="fold")
        for row in rows:
            accuracy, num_epochs, seconds = row["val_accuracy"], row["num_epochs"], row["seconds"]
            table.add_row(
                str(row["trial"]),
                row["outcome"],
                "" if row["num_params"] is None else f"{row['num_params']:,}",
                "" if accuracy is None else format_accuracy(accuracy),
                "" if num_epochs is None else str(num_epochs),
                "" if seconds is None else format_seconds(seconds),
                row["notation"],
            )
        print_table(table)


def print_curves(rows: Rows, *, as_json: bool) -> None:
    """Print the rows of `studies.records.curve_rows`; the table has a line per trial and a column per epoch."""
    if as_json:
        print_json(rows)
    elif not rows:
        print("no trial has finished an epoch yet")
    else:
        table = _table("trial", *(str(epoch) for epoch in range(1, max(row["epoch"] for row in rows) + 1)))
        for trial, epochs in groupby(rows, key=lambda row: row["trial"]):
            table.add_row(str(trial), *(f"{100 * row['val_accuracy']:.2f}" for row in epochs))
        print_table(table)
        print("\nValidation accuracy in per cent after each epoch")


def trials_csv(rows: Rows) -> str:
    """Return the rows of `studies.records.trial_rows` as CSV; all parameters that any trial has are columns."""
    return csv_text(list(dict.fromkeys([*TRIAL_COLUMNS, *(name for row in rows for name in row)])), rows)


def curves_csv(rows: Rows) -> str:
    """Return the rows of `studies.records.curve_rows` as CSV."""
    return csv_text(CURVE_COLUMNS, rows)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
