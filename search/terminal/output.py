"""Writing results to stdout and files: tables for people, JSON and CSV for programs."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table

from mnist_core.files import write_whole
from space.errors import InputError
from space.files import has_file

STDOUT = "-"
"""The name of a file that stands for stdout."""


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2, allow_nan=False))


def say(line: str) -> None:
    """Print a line that is not a result, for people."""
    print(line, file=sys.stderr, flush=True)


def print_warnings(warnings: Iterable[str]) -> None:
    for warning in warnings:
        say(f"warning: {warning}")


def print_table(table: Table) -> None:
    # A file or pipe has no width of its own, and lines that a program reads must not be wrapped.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    console.print(table)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return the content of a CSV file, with a header line; None becomes an empty cell, a list its JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def write_csv(text: str, path: Path) -> None:
    """Write a CSV file's content to a new file, or print it if the path is ``-``.

    Raises `InputError` if the file or anything else exists there already, a link too, or if it can't be written.
    """
    if str(path) == STDOUT:
        print(text, end="")
        return
    if has_file(path, f"--csv {path}"):
        raise InputError(f"--csv {path} exists already: name a new file, or delete it first")
    try:
        write_whole(path, text.encode())
    except InputError as error:
        raise InputError(f"--csv {error}") from None


@contextmanager
def open_log(path: Path) -> Iterator[TextIO]:
    """Open a file to append lines to; one that is new and gets none is not kept.

    Raises `InputError` if something else than a file is there, or if it can't be written.
    """
    is_new = not has_file(path, f"--log {path}")
    try:
        file = path.open("a", encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"--log {path} can't be written: {error.strerror}") from None
    with file:
        try:
            yield file
        finally:
            if is_new and file.tell() == 0:
                path.unlink(missing_ok=True)


def _csv_cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
