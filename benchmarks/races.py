"""Races on a store: processes that create one at once, and two searches that begin on one study at once.

python -m benchmarks.races [--stores N] [--searches N] [--json]
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from benchmarks.consistency import find_problems, read_trained
from search.terminal.numbers import counted
from studies.locks import WorkerLocks
from studies.names import CURVES_SUFFIX
from studies.storage import Store
from studies.study import SearchStudy

ROOT = Path(__file__).resolve().parent.parent

NUM_PROCESSES = 2
SECONDS = 900.0
"""Time after which a process is considered to hang; a search takes 10 s, and minutes where others use the cores."""
NUM_TRIALS = 8
SPACE = """
[[stage]]
layers = [1, 1]
width = [2, 4]
[[stage]]
layers = [1, 1]
width = [2, 4]
[architecture]
dropout = [0.0, 0.0]
[training]
batch_size_choices = [32, 64]
max_lr = [0.1, 0.1]
weight_decay = [1e-4, 1e-4]
augmentation = [0.4, 0.4]
"""
"""A space of 18 candidates, of which `NUM_TRIALS` are trained, so that workers often find the same one."""
OPTIONS = (
    "--dataset",
    "digits",
    "--budget",
    "3000",
    "--epochs",
    "2",
    "--workers",
    "2",
    "--space",
    "space.toml",
    "--quiet",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stores", type=int, default=50, help="stores to create (default: 50)")
    parser.add_argument("--searches", type=int, default=20, help="studies to search (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()

    def show(what: str, number: int, found: list[str]) -> None:
        if not options.json:
            print(f"{what} {number}: {counted(len(found), 'problem')}", *found, sep="\n  ", flush=True)

    problems = []
    for number, found in enumerate(race_to_create(options.stores), start=1):
        show("store", number, found)
        problems += [f"store {number}: {problem}" for problem in found]
    for number in range(1, options.searches + 1):
        found = race_to_search(number)
        show("search", number, found)
        problems += [f"search {number}: {problem}" for problem in found]
    if options.json:
        print(json.dumps({"stores": options.stores, "searches": options.searches, "problems": problems}))
    else:
        print(
            f"{NUM_PROCESSES} processes created a store at once, {counted(options.stores, 'time')}; "
            f"{NUM_PROCESSES} calls searched one study of {NUM_TRIALS} trials at once, "
            f"{counted(options.searches, 'time')}: {counted(len(problems), 'problem')}"
        )
    sys.exit(1 if problems else 0)


def race_to_create(num_stores: int) -> list[list[str]]:
    """Let processes create stores, each at the same moment; returns the problems of each store.

    They begin one study in it or, in every second store, one each.
    """
    context = multiprocessing.get_context("spawn")
    barrier, errors = context.Barrier(NUM_PROCESSES), context.Queue()
    with tempfile.TemporaryDirectory(prefix="races-") as name:
        stores = [
            (
                f"sqlite:///{Path(name).resolve() / f'{number}.db'}",
                [f"study-{process if number % 2 else 0}" for process in range(NUM_PROCESSES)],
            )
            for number in range(num_stores)
        ]
        processes = [
            context.Process(target=_create, args=([(url, studies[one]) for url, studies in stores], barrier, errors))
            for one in range(NUM_PROCESSES)
        ]
        for process in processes:
            process.start()
        found = [errors.get(timeout=SECONDS) for _ in range(num_stores * NUM_PROCESSES)]
        for process in processes:
            process.join()
        return [
            [error for where, error in found if where == url and error is not None]
            + _problems_of_store(url, set(studies))
            for url, studies in stores
        ]


def _create(stores: Sequence[tuple[str, str]], barrier: Barrier, errors: "Queue[tuple[str, str | None]]") -> None:
    for url, study in stores:
        barrier.wait(SECONDS)  # everything is imported by now
        try:
            store = Store.create(url)
            SearchStudy.create_or_resume(store, study, {}, WorkerLocks(store.lock_path))
        except Exception as error:
            errors.put((url, f"{type(error).__name__}: {error}"))
        else:
            errors.put((url, None))


def _problems_of_store(url: str, studies: set[str]) -> list[str]:
    problems = []
    store = Store.open_read_only(url)
    if store.study_names() != sorted(studies):
        problems.append(f"the store holds {store.study_names()}")
    found = sorted(study.study_name for study in store.storage.get_all_studies())
    if found != sorted(f"{study}{suffix}" for study in studies for suffix in ("", CURVES_SUFFIX)):
        problems.append(f"Optuna has the studies {found}")
    store.database.dispose()
    return problems


def race_to_search(number: int) -> list[str]:
    """Let two calls of `run` begin one study in a new store at once, and return the problems of what they leave."""
    with tempfile.TemporaryDirectory(prefix="races-") as name:
        folder = Path(name).resolve()
        (folder / "space.toml").write_text(SPACE, encoding="utf-8")
        line = [sys.executable, "-m", "search", "run", *OPTIONS, "--trials", str(NUM_TRIALS), "--seed", str(number)]
        calls = [
            subprocess.Popen(
                line,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(NUM_PROCESSES)
        ]
        problems = []
        for call in calls:
            try:
                _, stderr = call.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                num_trained = len(read_trained(folder))
                call.kill()
                call.communicate()
                problems.append(f"a call did not end within {SECONDS:.0f} s, when {num_trained} trials were trained")
            else:
                if call.returncode != 0:
                    problems.append(f"a call ended with exit code {call.returncode}: {stderr.strip()[-500:]}")
        if len(read_trained(folder)) != NUM_TRIALS:
            problems.append(f"{len(read_trained(folder))} trials are trained, not {NUM_TRIALS}")
        return problems or find_problems(folder, NUM_TRIALS)


if __name__ == "__main__":
    main()
