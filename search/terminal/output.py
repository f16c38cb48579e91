"""How results are put on stdout and into files: a table for people, JSON and CSV for programs."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(table: Table) -> None:
    # A file or pipe has no width of its own; lines that a program reads are not wrapped.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    console.print(table)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV file's content, with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
