import csv
import json
import math
import sys
from pathlib import Path

import pytest
from rich.table import Table

from search.terminal.output import csv_text, open_log, print_json, print_table, write_csv
from space.errors import InputError


def test_json_is_printed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "8s:br gap", "front": [1, 2.5, None], "best": True}
    print_json(value)
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == (value, "")
    assert printed.out.splitlines()[1] == '  "name": "8s:br gap",'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_word_for_is_not_printed(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"accuracy": value})
    assert capsys.readouterr().out == ""


def test_a_row_of_a_table_is_a_line_however_long_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert not sys.stdout.isatty()
    table = Table("net", "size", box=None, pad_edge=False)
    notation = " ".join(["48s:brd0.05"] * 100)
    table.add_row(notation, "7")
    print_table(table)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["net", "size"]
    assert row == f"{notation}  7   "


def test_csv_is_read_back_as_it_was() -> None:
    rows = [{"name": 'a "b", c', "share": 0.5}, {"name": "two\nlines", "share": None}, {"name": "Łódź", "share": 1}]
    text = csv_text(["name", "share"], rows)
    assert text.startswith("name,share\n")
    assert "\r" not in text
    assert list(csv.DictReader(text.splitlines(keepends=True))) == [
        {"name": row["name"], "share": "" if row["share"] is None else str(row["share"])} for row in rows
    ]
    assert csv_text(["name"], []) == "name\n"


def test_a_column_that_csv_does_not_have_is_no_silent_loss() -> None:
    with pytest.raises(ValueError, match="seconds"):
        csv_text(["name"], [{"name": "a", "seconds": 1}])


def test_a_list_in_a_csv_cell_is_json() -> None:
    text = csv_text(["seeds", "shape"], [{"seeds": (7, 8), "shape": [1, 28, 28]}])
    (row,) = csv.DictReader(text.splitlines())
    assert (json.loads(row["seeds"]), json.loads(row["shape"])) == ([7, 8], [1, 28, 28])


def test_a_log_without_lines_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    for text, kept in (("", None), ("line\n", "line\n"), ("", "line\n")):
        with open_log(path) as log:
            log.write(text)
        assert (path.read_text() if path.exists() else None) == kept


def test_csv_goes_to_stdout_or_to_a_new_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "front.csv"
    write_csv("a\n1\n", Path("-"))
    write_csv("ä\n", path)
    assert capsys.readouterr().out == "a\n1\n"
    assert path.read_text(encoding="utf-8") == "ä\n"
    with pytest.raises(InputError, match=r"--csv .*front\.csv exists already"):
        write_csv("b\n", path)
    with pytest.raises(InputError, match=r"--csv .*front\.csv can't be written: No such file or directory"):
        write_csv("b\n", tmp_path / "no" / "front.csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["front.csv"]
    assert path.read_text(encoding="utf-8") == "ä\n"
