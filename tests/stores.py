"""Small studies in stores of their own, what workers write to them, and processes that share them."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from optuna.distributions import IntDistribution
from optuna.trial import Trial

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.results import EpochResult
from studies.locks import WorkerLocks
from studies.records import write_epoch
from studies.storage import Store
from studies.study import SearchStudy, Suggestion
from studies.trials import Outcome, TrialAttributes

ROOT = Path(__file__).resolve().parent.parent
NAME = "digits-1000"
BUDGET = 1_000
FINGERPRINT = {"dataset": "digits", "budget": BUDGET}
WORKER = 1
"""A byte that no process holds: to everyone else this worker is dead."""


def create_search(folder: Path, name: str = NAME) -> SearchStudy:
    store = Store.create(f"sqlite:///{folder / 'studies.db'}")
    return SearchStudy.create_or_resume(store, name, FINGERPRINT, WorkerLocks(store.lock_path))


def make_search(folder: Path, name: str = NAME) -> SearchStudy:
    """The same as `create_search`, in less time where there is no store yet."""
    path = folder / "studies.db"
    if not path.exists():
        path.write_bytes(_new_store())
        (folder / "studies.db.artifacts").mkdir()
    store = Store.open(f"sqlite:///{path}")
    if name == NAME:
        return SearchStudy(store, name)
    return SearchStudy.create_or_resume(store, name, FINGERPRINT, WorkerLocks(store.lock_path))


@cache
def _new_store() -> bytes:
    with TemporaryDirectory() as folder:
        create_search(Path(folder))
        with closing(sqlite3.connect(Path(folder) / "studies.db")) as connection:
            return connection.serialize()


def restore_store(folder: Path, schema: int) -> str:
    """Put a store that an earlier version made, of one study ``digits-700``, into ``folder``; returns its URL.

    The study has four complete trials and a pruned one, and its front is confirmed. It was made by version 0.1.0 with

        run --dataset digits --budget 700 --trials 5 --epochs 5 --seed 3 --workers 1 --train-size 300
        confirm --seeds 2 --top 2
    """
    kept = ROOT / f"tests/studies/stores/schema-{schema}"
    with closing(sqlite3.connect(folder / "studies.db")) as connection:
        connection.executescript((kept / "studies.sql").read_text(encoding="utf-8"))
    shutil.copytree(kept / "studies.artifacts", folder / "studies.artifacts")
    return f"sqlite:///{folder / 'studies.db'}"


def reopen(search: SearchStudy) -> SearchStudy:
    """The same search as another process would see it, with nothing in a cache."""
    return SearchStudy(Store.open(search.store.url), search.name)


def net(width: int) -> CandidateSpec:
    """A candidate of 21 * width + 10 parameters."""
    return CandidateSpec(ArchitectureSpec.from_text(f"{width}s:br gap fc10+"))


def results(*accuracies: float) -> list[EpochResult]:
    """A curve of two seconds an epoch."""
    return [
        EpochResult(
            epoch=epoch,
            train_loss=2.0 / epoch,
            train_accuracy=accuracy / 2,
            val_loss=1.0 / epoch,
            val_accuracy=accuracy,
            learning_rate=0.1 / epoch,
            seconds=2.0,
        )
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]


def suggest(width: int) -> Suggestion:
    return Suggestion({"width": width}, {"width": IntDistribution(1, 1_000)}, net(width))


def begin(search: SearchStudy, width: int) -> Trial:
    return search.begin(suggest(width), BUDGET, run={"engine": "torch", "device": "cpu"})


def train_one(
    search: SearchStudy,
    width: int,
    accuracies: Sequence[float],
    outcome: Outcome = Outcome.COMPLETE,
    *,
    worker: int = WORKER,
) -> int:
    """All that a worker writes for one trained trial, in its order; returns the trial's number."""
    candidate = net(width)
    slot = search.slots.claim(1_000, worker)
    assert slot is not None
    trial = begin(search, width)
    slot = search.slots.assign(slot, trial.number, candidate.num_params)
    curve = results(*accuracies)
    for result in curve:
        write_epoch(search.store.database, search.name, trial.number, result)
        search.slots.beat(slot)
    attributes: TrialAttributes = {"seed": trial.number}
    if outcome != Outcome.COMPLETE:
        attributes["reason"] = f"{outcome} in a test"
    search.finish(trial, slot, outcome, curve, attributes)
    return trial.number


@contextmanager
def living_worker(lock_path: Path, worker: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a worker's byte until it is killed, at the latest on leaving."""
    program = (
        "import sys; from pathlib import Path; from studies.locks import WorkerLocks\n"
        "WorkerLocks(Path(sys.argv[1])).hold(int(sys.argv[2]))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with _started(program, str(lock_path), str(worker)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def run_at_once(imports: str, program: str, *arguments: str, num_processes: int) -> list[str]:
    """What each of several processes prints; all have done their imports before the first runs ``program``."""
    gated = f"import sys\n{imports}\nprint('ready', flush=True); sys.stdin.readline()\n{program}"
    processes = [_started(gated, *arguments) for _ in range(num_processes)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        printed = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0] * num_processes
    return printed


def _started(program: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
