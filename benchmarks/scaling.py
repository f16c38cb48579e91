"""Trials a minute with many workers on one store, SQLite and PostgreSQL, where workers sleep instead of training.

    python -m benchmarks.scaling [--workers 1 4 16 64] [--seconds S] [--pause S] [--json]

Each worker writes what a worker of a search writes, with a checkpoint of 40 kB each epoch and a model of 20 kB. Workers
are threads, each with its own store and connections, in a few processes that import no torch.
"""

import argparse
import io
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from benchmarks.filled_store import curve
from benchmarks.postgres_server import find_binaries, postgres_server
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from studies.leases import renewing
from studies.locks import new_worker_id
from studies.storage import Store
from studies.study import SearchStudy, Suggestion
from studies.trials import Outcome

STUDY = "scaling"
NUM_EPOCHS = 5
MAX_PROCESSES = 8
CHECKPOINT, MODEL = b"c" * 40_000, b"m" * 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64], help="numbers of workers")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds of each measurement (default: 20)")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds of an epoch (default: 0.5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report: dict[str, dict[int, dict[str, Any]]] = {"SQLite": {}, "PostgreSQL": {}}
    for kind, found in report.items():
        for number in options.workers:
            with _empty_store(kind) as (url, server_seconds):
                before = server_seconds()
                found[number] = measure(url, number, options.seconds, options.pause)
                spent = server_seconds() - before
            trials = found[number]["trials"] or 1
            found[number]["server_cpu_seconds_a_trial"] = round(spent / trials, 4) if spent else None
            if not options.json:
                print(f"{kind:>10}  {number:>3} workers  {_in_words(found[number])}", flush=True)
    if options.json:
        print(json.dumps(report))
    sys.exit(1 if any(one["errors"] for found in report.values() for one in found.values()) else 0)


@contextmanager
def _empty_store(kind: str) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield the URL of a store, and what tells the processor time of its server, 0 where there is none."""
    if kind == "SQLite":
        with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
            yield f"sqlite:///{Path(folder) / 'studies.db'}", lambda: 0.0
        return
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed")
    with postgres_server(binaries, survives_power_cut=True) as server:
        yield server.create_database("scaling"), server.cpu_seconds


def measure(url: str, num_workers: int, seconds: float, pause: float) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    store = Store.create(url)
    SearchStudy.create_or_resume(store, STUDY, {}, store.locks)
    store.database.dispose()
    num_processes = min(num_workers, MAX_PROCESSES)
    shares = [num_workers // num_processes + (index < num_workers % num_processes) for index in range(num_processes)]
    barrier = context.Barrier(num_processes)
    with context.Pool(num_processes, _set_barrier, (barrier,)) as pool:
        jobs = [(url, index, share, seconds, pause) for index, share in enumerate(shares)]
        found = [worker for process in pool.starmap(_work_in_threads, jobs, chunksize=1) for worker in process]
        pool.close()
        pool.join()  # so that their connections have ended
    times = [spent for worker in found for spent in worker["seconds"]]
    return {
        "trials_a_minute": round(60 * len(times) / seconds, 1),
        "without_a_store": round(60 * num_workers / (NUM_EPOCHS * pause), 1),
        "store_seconds_a_trial": round(statistics.fmean(times), 4) if times else None,
        "standard_deviation": round(statistics.stdev(times), 4) if len(times) > 1 else None,
        "trials": len(times),
        "errors": [error for worker in found for error in worker["errors"]],
    }


def _set_barrier(barrier: Barrier) -> None:
    _work_in_threads.barrier = barrier  # type: ignore[attr-defined]


def _work_in_threads(url: str, index: int, num_threads: int, seconds: float, pause: float) -> list[dict[str, Any]]:
    searches = [SearchStudy(Store.open(url), STUDY) for _ in range(num_threads)]
    _work_in_threads.barrier.wait()  # type: ignore[attr-defined]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(num_threads) as threads:
        jobs = [
            threads.submit(_work, search, random.Random(f"{index} {number}"), until, pause)
            for number, search in enumerate(searches)
        ]
        return [job.result() for job in jobs]


def _work(search: SearchStudy, generator: random.Random, until: float, pause: float) -> dict[str, list[Any]]:
    """Train as a worker does until the time is up; a trial that ends later does not count."""
    space, worker = SearchSpace.default(), new_worker_id()
    found: dict[str, list[Any]] = {"seconds": [], "errors": []}
    time.sleep(generator.uniform(0, pause))
    try:
        with renewing(lambda: search.slots.renew(worker)):
            while time.monotonic() < until:
                spent = _train_one(search, space, worker, generator, pause)
                if time.monotonic() < until:
                    found["seconds"].append(spent)
    except Exception as error:
        found["errors"].append(f"{type(error).__name__}: {error}")
    return found


def _train_one(search: SearchStudy, space: SearchSpace, worker: int, generator: random.Random, pause: float) -> float:
    """Return the seconds that a trial takes beside its epochs and the drawing of its candidate."""
    draw = RandomDraw(generator)
    space.suggest_candidate(draw, epochs=NUM_EPOCHS)
    suggestion = Suggestion.of(draw.params, space, epochs=NUM_EPOCHS)
    started = time.perf_counter()
    slept = 0.0
    slot = search.slots.claim(sys.maxsize, worker)
    assert slot is not None
    search.slots.reserve(slot, suggestion.candidate.key)
    trial = search.begin(suggestion, sys.maxsize, run={"engine": "none", "device": "none"})
    slot = search.slots.assign(slot, trial.number, suggestion.candidate.num_params)
    epochs = curve(generator.random(), NUM_EPOCHS)
    for result in epochs:
        before = time.perf_counter()
        time.sleep(pause)
        slept += time.perf_counter() - before
        search.store_epoch(slot, result, save=_save)
    name = f"{STUDY}-{trial.number}"
    search.store.artifacts.write(name, io.BytesIO(MODEL))
    search.finish(trial, slot, Outcome.COMPLETE, epochs, {"seed": 0, "weights": name})
    return time.perf_counter() - started - slept


def _save(path: Path) -> None:
    path.write_bytes(CHECKPOINT)


def _in_words(found: dict[str, Any]) -> str:
    on_server = found["server_cpu_seconds_a_trial"]
    of_server = "" if on_server is None else f"{on_server} s of the server's processor time a trial, "
    return (
        f"{found['trials_a_minute']:>7} trials a minute of {found['without_a_store']} without a store, "
        f"{found['store_seconds_a_trial']} s (standard deviation {found['standard_deviation']}) in the store a trial, "
        f"{of_server}n = {found['trials']}, {len(found['errors'])} errors"
    )


if __name__ == "__main__":
    main()
