"""Writing the tables of a study as small CSV files: every trained trial, every epoch, the front.

If the front is confirmed, also writes the confirmed front and the accuracy of every training of the confirmation.

python -m benchmarks.study_tables --study mnist-8000 --out docs/runs/2026-11-20-mnist-8000
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path

from search.reports.trials import curves_csv, trials_csv
from search.terminal.output import csv_text
from studies.confirmations import Confirmation, ConfirmedPoint, Stage
from studies.pareto import FrontPoint
from studies.records import curve_rows, read_front, trial_rows
from studies.storage import Store
from studies.trials import TRAINED

TRAINING_COLUMNS = ("stage", "trial", "seed", "accuracy", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--study")
    parser.add_argument("--storage", default="sqlite:///studies.db")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    store = Store.open_read_only(options.storage)
    name = store.resolve_study_name(options.study)
    tables = {
        "trials": trials_csv(_short(row for row in trial_rows(store, name) if row["outcome"] in TRAINED)),
        "curves": curves_csv(_short(curve_rows(store.database, name))),
        "front": csv_text(_names(FrontPoint), _short(map(asdict, read_front(store.database, name)))),
    }
    if confirmation := Confirmation.find(store.database, name):
        tables["confirmed"] = csv_text(_names(ConfirmedPoint), _short(map(asdict, confirmation.front())))
        tables["confirmation"] = csv_text(TRAINING_COLUMNS, _short(training_rows(confirmation)))
    options.out.mkdir(parents=True, exist_ok=True)
    for table, text in tables.items():
        path = options.out / f"{table}.csv"
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(text.splitlines()) - 1} rows")


def training_rows(confirmation: Confirmation) -> list[dict[str, object]]:
    """Return `TRAINING_COLUMNS` of each training of a confirmation; no accuracy if the images are not opened yet."""
    return [
        {
            "stage": int(result.stage),
            "trial": result.trial,
            "seed": result.seed,
            "accuracy": None if result.correct is None else float(result.correct.mean()),
            "seconds": result.seconds,
        }
        for stage in Stage
        for result in confirmation.read(stage)
    ]


def _short(rows: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Round numbers to six digits."""
    return [
        {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]


def _names(kind: type[FrontPoint | ConfirmedPoint]) -> list[str]:
    return [field.name for field in fields(kind)]


if __name__ == "__main__":
    main()
