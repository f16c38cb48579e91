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
from sqlalchemy import update

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.results import EpochResult
from studies.leases import LEASE_SECONDS, database_time
from studies.locks import WorkerLocks
from studies.records import write_epoch
from studies.slots import Slot
from studies.storage import Store
from studies.study import SearchStudy, Suggestion
from studies.summaries import TrialSummaries
from studies.tables import SCHEMA_VERSION, trial_slots
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


EARLIER_SCHEMAS = range(1, SCHEMA_VERSION)


def restore_store(folder: Path, schema: int) -> str:
    """Put a store that an earlier version made, of one study ``digits-700``, into ``folder``; returns its URL.

    In schemas 1 and 2 the study has four complete trials and a pruned one, and its front is confirmed. That of schema 2
    has an interrupted trial as well, after two epochs. They were made by version 0.1.0 with

        run --dataset digits --budget 700 --trials 5 --epochs 5 --seed 3 --workers 1 --train-size 300
        confirm --seeds 2 --top 2

    In schemas 3 and 4 it has three complete trials, one member on its confirmed front, and a trial whose worker was
    killed after the first epoch, with its checkpoint. They were made by the last commits of their schemas with

        run --dataset digits --budget 700 --trials 3 --epochs 3 --seed 3 --workers 1 --train-size 100 --engine torch
            --study digits-700
        confirm --seeds 2 --top 1 --engine torch

    and the first command again with ``--trials 4``. Their leases were set to two years earlier, and to another host.
    """
    kept = ROOT / f"tests/studies/stores/schema-{schema}"
    with closing(sqlite3.connect(folder / "studies.db")) as connection:
        connection.executescript((kept / "studies.sql").read_text(encoding="utf-8"))
    for artifacts in kept.glob("*.artifacts"):
        shutil.copytree(artifacts, folder / artifacts.name)
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
    change_slot(search, slot, candidate_key=candidate.key)  # which several trials may have here
    trial = begin(search, width)
    slot = search.slots.assign(slot, trial.number, candidate.num_params)
    curve = results(*accuracies)
    for result in curve:
        search.store_epoch(slot, result)
    attributes: TrialAttributes = {"seed": trial.number}
    if outcome != Outcome.COMPLETE:
        attributes["reason"] = f"{outcome} in a test"
    search.finish(trial, slot, outcome, curve, attributes)
    return trial.number


def go_on(search: SearchStudy, accuracies: Sequence[float]) -> int:
    """All that a worker writes for an interrupted trial that it completes, without a checkpoint; returns its number."""
    slot = search.slots.claim(1_000, WORKER)
    assert slot is not None
    frozen = search.find_trial(slot)
    assert frozen is not None, "no trial was interrupted"
    trial = search.go_on(frozen, slot, run={"engine": "torch", "device": "cpu"}, epochs=[])
    curve = results(*accuracies)
    for result in curve:
        search.store_epoch(slot, result)
    search.finish(trial, slot, Outcome.COMPLETE, curve, {"seed": trial.number})
    return trial.number


def summaries_of(search: SearchStudy) -> TrialSummaries:
    """What another process knows of the trials that it never saw before."""
    summaries = TrialSummaries(search.store, search.study)
    summaries.update()
    return summaries


def store_epochs(search: SearchStudy, trial_number: int, *accuracies: float) -> None:
    """Write epochs of a trial, whether or not it has a slot."""
    with search.store.database.begin() as connection:
        for result in results(*accuracies):
            write_epoch(connection, search.name, trial_number, result)


def change_slot(search: SearchStudy, slot: Slot, **values: object) -> None:
    """Change a slot whoever owns it, such as its ``state``."""
    with search.store.database.begin() as connection:
        connection.execute(update(trial_slots).where(trial_slots.c.id == slot.id).values(**values))


def silence(search: SearchStudy, slot: Slot, seconds: float = LEASE_SECONDS + 1) -> None:
    """Let the owner of a slot have given no sign of life for so long."""
    change_slot(search, slot, heartbeat=database_time() - seconds)


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
