"""Writing the tables of a study as small CSV files: every trained trial, every epoch, the front.

If the front is confirmed, also writes the confirmed front and the accuracy of every training of the confirmation.

python -m benchmarks.study_tables --study mnist-8000 --out docs/runs/2026-11-20-mnist-8000
"""

import argparse
from pathlib import Path

import pandas as pd

from studies.confirmations import Confirmation, Stage
from studies.records import curves_frame, front_frame, read_front, trials_frame
from studies.storage import Store
from studies.trials import TRAINED


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--study")
    parser.add_argument("--storage", default="sqlite:///studies.db")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    store = Store.open_read_only(options.storage)
    name = store.resolve_study_name(options.study)
    trials = trials_frame(store.load_study(name))
    tables = {
        "trials": trials[trials["outcome"].isin(list(TRAINED))],
        "curves": curves_frame(store.database, name),
        "front": front_frame(read_front(store.database, name)),
    }
    if confirmation := Confirmation.find(store.database, name):
        tables["confirmed"] = front_frame(confirmation.front()).drop(columns="seeds")
        tables["confirmation"] = pd.DataFrame(
            [
                {
                    "stage": int(result.stage),
                    "trial": result.trial,
                    "seed": result.seed,
                    "accuracy": None if result.correct is None else result.correct.mean(),
                    "seconds": result.seconds,
                }
                for stage in Stage
                for result in confirmation.read(stage)
            ]
        )
    options.out.mkdir(parents=True, exist_ok=True)
    for table, frame in tables.items():
        path = options.out / f"{table}.csv"
        frame.to_csv(path, index=False, float_format="%.6g")
        print(f"{path}: {len(frame)} rows")


if __name__ == "__main__":
    main()
