"""Printing the studies of a store, and asking before one is deleted."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from search.terminal.numbers import counted, format_accuracy
from search.terminal.output import print_json, print_table
from space.errors import InputError
from studies.listing import ListedStudy


def print_studies(studies: Sequence[ListedStudy], *, as_json: bool) -> None:
    """Print the studies of a store."""
    if as_json:
        print_json([_as_json(study) for study in studies])
    elif not studies:
        print("the store has no study yet")
    else:
        table = Table(box=None, pad_edge=False)
        table.add_column("study", overflow="fold")
        table.add_column("dataset", no_wrap=True)
        for heading in ("budget", "trials", "best", "parameters", "last change", "files"):
            table.add_column(heading, justify="right", no_wrap=True)
        for study in studies:
            best = study.best
            table.add_row(
                Text(study.name),
                Text(study.dataset or "-"),
                "-" if study.budget is None else f"{study.budget:,}",
                f"{study.trials:,}",
                "-" if best is None else format_accuracy(best.val_accuracy),
                "-" if best is None else f"{best.num_params:,}",
                "-" if study.last_change is None else f"{study.last_change:%Y-%m-%d %H:%M} UTC",
                _size(study),
            )
        print_table(table)


def ask_to_delete(study: ListedStudy) -> bool:
    """Ask on the terminal whether to delete a study. Raises `InputError` if nobody is there to answer."""
    what = f"study {study.name!r} with {counted(study.trials, 'trained trial')} and {_size(study)} of model files"
    print(f"Delete {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline() if sys.stdin else ""
    if not answer:
        print(file=sys.stderr)
        raise InputError("nobody answered: 'studies delete' with --yes does not ask")
    return answer.strip().lower() in ("y", "yes")


def _size(study: ListedStudy) -> str:
    return f"{study.artifact_bytes / 1e6:.1f} MB"


def _as_json(study: ListedStudy) -> dict[str, Any]:
    last = study.last_change
    return {**asdict(study), "last_change": None if last is None else last.isoformat(timespec="seconds")}
