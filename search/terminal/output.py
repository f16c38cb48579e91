"""How results are put on stdout: a table for people, JSON for programs."""

import json
import sys

from rich.console import Console
from rich.table import Table


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(table: Table) -> None:
    # A file or pipe has no width of its own; lines that a program reads are not wrapped.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    console.print(table)
