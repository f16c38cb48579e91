"""Waiting times of many workers that write to one SQLite store at once, without training.

python -m benchmarks.contention [--workers 1 8 16] [--trials N] [--pause S] [--json]
"""

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.filled_store import curve
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from studies.leases import renewing
from studies.locks import WorkerLocks, new_worker_id
from studies.storage import Store
from studies.study import SearchStudy, Suggestion
from studies.trials import Outcome

STUDY = "contention"
NUM_EPOCHS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 16], help="numbers of processes")
    parser.add_argument("--trials", type=int, default=5, help="trials of each process (default: 5)")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds of an epoch (default: 0.2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report = {number: measure(number, options.trials, options.pause) for number in options.workers}
    if options.json:
        print(json.dumps(report))
    else:
        print(f"milliseconds for storing an epoch of {options.pause} s, and for beginning and ending a trial")
        for number, found in report.items():
            print(f"{number:>3} workers  {found}")
    sys.exit(1 if any(found["errors"] for found in report.values()) else 0)


def measure(num_workers: int, num_trials: int, pause: float) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="contention-") as folder:
        url = f"sqlite:///{Path(folder) / 'studies.db'}"
        store = Store.create(url)
        SearchStudy.create_or_resume(store, STUDY, {}, WorkerLocks(store.lock_path))
        barrier = context.Barrier(num_workers)
        with context.Pool(num_workers, _set_barrier, (barrier,)) as pool:
            jobs = [(url, number, num_trials, pause) for number in range(num_workers)]
            found = pool.starmap(_work, jobs, chunksize=1)
    epochs, trials = ([time for one in found for time in one[name]] for name in ("epochs", "trials"))
    return {
        "epoch": _spread(epochs),
        "trial": _spread(trials),
        "errors": [error for one in found for error in one["errors"]],
    }


def _set_barrier(barrier: Barrier) -> None:
    _work.barrier = barrier  # type: ignore[attr-defined]


def _work(url: str, seed: int, num_trials: int, pause: float) -> dict[str, list[Any]]:
    generator, space = random.Random(seed), SearchSpace.default()
    search, worker = SearchStudy(Store.open(url), STUDY), new_worker_id()
    found: dict[str, list[Any]] = {"epochs": [], "trials": [], "errors": []}
    _work.barrier.wait()  # type: ignore[attr-defined]
    try:
        with renewing(lambda: search.slots.renew(worker)):
            for _ in range(num_trials):
                started = time.perf_counter()
                slot = search.slots.claim(sys.maxsize, worker)
                assert slot is not None
                draw = RandomDraw(generator)
                space.suggest_candidate(draw, epochs=NUM_EPOCHS)
                suggestion = Suggestion.of(draw.params, space, epochs=NUM_EPOCHS)
                search.slots.reserve(slot, suggestion.candidate.key)
                trial = search.begin(suggestion, sys.maxsize, run={"engine": "none", "device": "none"})
                slot = search.slots.assign(slot, trial.number, suggestion.candidate.num_params)
                found["trials"].append(1_000 * (time.perf_counter() - started))
                epochs = curve(generator.random(), NUM_EPOCHS)
                for result in epochs:
                    time.sleep(pause * generator.uniform(0.5, 1.5))
                    started = time.perf_counter()
                    search.store_epoch(slot, result)
                    found["epochs"].append(1_000 * (time.perf_counter() - started))
                started = time.perf_counter()
                search.finish(trial, slot, Outcome.COMPLETE, epochs, {"seed": seed})
                found["trials"].append(1_000 * (time.perf_counter() - started))
    except Exception as error:
        found["errors"].append(f"{type(error).__name__}: {error}")
    return found


def _spread(values: list[float]) -> str:
    values.sort()
    return (
        f"median {statistics.median(values):.1f}, 99 % below {values[int(0.99 * len(values))]:.1f}, "
        f"highest {values[-1]:.1f}, n = {len(values)}"
    )


if __name__ == "__main__":
    main()
