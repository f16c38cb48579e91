import csv
import json
from collections.abc import Callable

from search.reports.trials import curves_csv, print_curves, print_trials, trials_csv
from studies.records import CURVE_COLUMNS, TRIAL_COLUMNS, curve_rows, trial_rows
from studies.study import SearchStudy


def test_trials_as_a_table(study: SearchStudy, printed: Callable[..., str]) -> None:
    heading, *rows = printed(print_trials, trial_rows(study.store, study.name), as_json=False).splitlines()
    assert heading.split() == ["trial", "outcome", "parameters", "val", "accuracy", "epochs", "time", "notation"]
    assert [" ".join(row.split()) for row in rows] == [
        "0 complete 178 90.00 % 2 0:04 8s:br gap fc10+",
        "1 complete 94 80.00 % 2 0:04 4s:br gap fc10+",
        "2 pruned 178 30.00 % 1 0:02 8s:br gap fc10+",
        "3 diverged 199 0 0:00 9s:br gap fc10+",
        "4 rejected 2,110 100s:br gap fc10+",
        "5 duplicate 94 4s:br gap fc10+",
        "6 failed 115 5s:br gap fc10+",
    ]
    assert printed(print_trials, [], as_json=False) == "no trial has ended yet\n"


def test_trials_as_json_and_csv(study: SearchStudy, printed: Callable[..., str]) -> None:
    rows = trial_rows(study.store, study.name)
    assert json.loads(printed(print_trials, rows, as_json=True)) == rows
    assert list(csv.DictReader(trials_csv(rows).splitlines())) == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    assert trials_csv([]) == ",".join(TRIAL_COLUMNS) + "\n"


def test_a_parameter_that_only_some_trials_have_is_a_column(study: SearchStudy) -> None:
    first, second, *_ = trial_rows(study.store, study.name)
    table = list(csv.DictReader(trials_csv([first, {**second, "depth": 3}]).splitlines()))
    assert [row["depth"] for row in table] == ["", "3"]


def test_curves_have_a_line_per_trial_and_in_csv_and_json_per_epoch(
    study: SearchStudy, printed: Callable[..., str]
) -> None:
    rows = curve_rows(study.store.database, study.name)
    heading, *lines, empty, note = printed(print_curves, rows, as_json=False).splitlines()
    assert heading.split() == ["trial", "1", "2"]
    assert [line.split() for line in lines] == [["0", "60.00", "90.00"], ["1", "50.00", "80.00"], ["2", "30.00"]]
    assert (empty, note) == ("", "Validation accuracy in per cent after each epoch")
    assert json.loads(printed(print_curves, rows, as_json=True)) == rows
    assert list(csv.DictReader(curves_csv(rows).splitlines())) == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    assert curves_csv([]) == ",".join(CURVE_COLUMNS) + "\n"
    assert printed(print_curves, [], as_json=False) == "no trial has finished an epoch yet\n"
