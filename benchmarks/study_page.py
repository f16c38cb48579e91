"""Time and size of a study's page: the file that report writes, and the first and next answers of the dashboard.

    python -m benchmarks.study_page
    python -m benchmarks.study_page --trials 2000 --repeats 3

Stores hold invented trials of the default space with a budget of 8,000 parameters: four in five are trained, half of
those to the end, with 15 epochs and the confusion counts of 10,000 images. Each report is written by a new process, as
a person would call it. Times are CPU time, which other load does not change; all of it is that of one thread.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.filled_store import fill
from mnist_core.data import load_dataset
from search.runs.config import RunConfig
from search.study_report.overview import StudyReader
from studies.locks import WorkerLocks
from studies.storage import Store
from studies.study import SearchStudy

BUDGET = 8_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[2_000, 10_000], help="trials in the store")
    parser.add_argument("--repeats", type=int, default=3, help="timed calls (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="study-page-") as folder:
        for num_trials in options.trials:
            path = Path(folder) / f"{num_trials}.db"
            _make(path, num_trials)
            _measure(path, num_trials, options.repeats)


def _make(path: Path, num_trials: int) -> None:
    config = RunConfig(budget=BUDGET, storage=f"sqlite:///{path}", dataset="digits")
    store = Store.create(config.storage)
    fingerprint = config.fingerprint(load_dataset("digits", None))
    search = SearchStudy.create_or_resume(store, config.study_name, fingerprint, WorkerLocks(store.lock_path))
    fill(search, config.space, num_trials, budget=BUDGET, num_epochs=config.epochs)


def _measure(path: Path, num_trials: int, repeats: int) -> None:
    url, page = f"sqlite:///{path}", path.with_suffix(".html")
    written, first, again = [], [], []
    for _ in range(repeats):
        started = _children_seconds()
        command = ("report", "--storage", url, "--out", str(page), "--force")
        subprocess.run([sys.executable, "-m", "search", *command], check=True, capture_output=True)
        written.append(_children_seconds() - started)
        store = Store.open_to_watch(url)
        started = time.process_time()
        reader = StudyReader(store, store.resolve_study_name(None))
        size = len(json.dumps(reader.read()))
        first.append(time.process_time() - started)
        started = time.process_time()
        json.dumps(reader.read())
        again.append(time.process_time() - started)
    print(f"{num_trials:,} trials, n = {repeats}")
    print(f"  report            {_spread(written)}, {page.stat().st_size / 1e6:.2f} MB")
    print(f"  dashboard, first  {_spread(first)}, {size / 1e6:.2f} MB")
    print(f"  dashboard, next   {_spread(again)}", flush=True)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _spread(seconds: list[float]) -> str:
    return f"{np.mean(seconds):.2f} s (from {min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main()
