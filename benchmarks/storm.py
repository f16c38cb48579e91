"""The long form of benchmarks/chaos.py: one search whose workers are killed and stopped, and whose server restarts."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from benchmarks.consistency import find_problems
from benchmarks.postgres_server import PostgresServer
from benchmarks.processes import worker_pids
from studies.storage import Store

ROOT = Path(__file__).resolve().parent.parent

STOP_SECONDS = 60.0
"""Time for which a worker is stopped, longer than its lease."""
RESTART_SECONDS = 5.0
"""Time for which a server is away, beside the time that it takes to start."""
LOOK_SECONDS = 0.2
"""Mean time between two looks at whether another worker is to be killed."""
SECONDS = 3_600.0
"""Time after which a search is considered to hang."""
MAX_CALLS = 20
"""Number of calls after which a search is given up: one that loses worker after worker ends with an error."""
EPOCHS = 5
OPTIONS = ("--dataset", "digits", "--budget", "20000", "--epochs", str(EPOCHS), "--pruner", "none", "--quiet")
EPOCHS_FILE = "epochs.txt"
# Python runs a module of this name in each process before anything else. It makes each training record, for each epoch
# that it begins, its process, its seed, which is that of one trial, and the epoch.
RECORDER = f"""
import importlib.util, os, sys

class Finder:
    def find_spec(self, name, path, target=None):
        if name != "mnist_core.training":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        def load_and_record(module):
            load(module)
            plan_epoch = module.plan_epoch
            def recorded(config, epoch, num_images, results, seed, **options):
                with open({EPOCHS_FILE!r}, "a") as file:
                    file.write(f"{{os.getpid()}} {{seed}} {{epoch}}\\n")
                return plan_epoch(config, epoch, num_images, results, seed, **options)
            module.plan_epoch = recorded
        spec.loader.exec_module = load_and_record
        return spec

sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True)
class Storm:
    num_trials: int
    num_workers: int
    num_kills: int
    """Number of kills, unless the search ends before."""
    num_stops: int
    server: PostgresServer | None = None
    """The server that holds the study, which is restarted in the middle; None for an SQLite file."""

    def storage(self, folder: Path) -> str:
        return f"sqlite:///{folder / 'studies.db'}" if self.server is None else self.server.url("chaos")


@dataclass
class Weathered:
    """What came of a storm."""

    seconds: float = 0.0
    kills: int = 0
    stops: int = 0
    restarts: int = 0
    """Restarts of the server."""
    calls: int = 0
    epochs: int = 0
    """Epochs that were begun."""
    epochs_again: int = 0
    """Epochs that were begun although they had been begun before."""
    trials_by_workers: dict[int, int] = field(default_factory=dict)
    """Number of trials by the number of workers that had them."""
    failed: int = 0
    """Trials that were given up."""
    errors: list[str] = field(default_factory=list)
    """What calls said that ended with an error."""
    problems: list[str] = field(default_factory=list)


def weather(folder: Path, storm: Storm, generator: random.Random) -> Weathered:
    """Run a search in an empty folder while its workers are killed and stopped, until it has its trials; check it."""
    (folder / "sitecustomize.py").write_text(RECORDER, encoding="utf-8")
    found = Weathered()
    started = time.monotonic()
    # Kills are spread over the epochs of all trials, however fast a machine trains them and starts workers.
    epochs_per_kill = storm.num_trials * EPOCHS / (storm.num_kills + storm.num_stops)
    for call in range(1, MAX_CALLS + 1):
        found.calls = call
        process = _start(folder, storm, call)
        stopped: dict[int, float] = {}
        while process.poll() is None and time.monotonic() - started < SECONDS:
            time.sleep(generator.expovariate(1 / LOOK_SECONDS))
            for pid in [pid for pid, until in stopped.items() if time.monotonic() > until]:
                del stopped[pid]
                _send(pid, signal.SIGCONT)
            # A worker that is still starting has nothing to lose.
            begun = read_begun(folder)
            if storm.server is not None and not found.restarts and len(begun) > storm.num_trials * EPOCHS / 2:
                storm.server.stop("immediate")
                time.sleep(RESTART_SECONDS)
                storm.server.start()
                found.restarts = 1
            if len(begun) < epochs_per_kill * (found.kills + found.stops):
                continue
            training = {pid for pid, _, _ in begun}
            workers = [pid for pid in worker_pids(process.pid) if pid in training and pid not in stopped]
            if workers and found.stops < storm.num_stops and generator.random() < 0.1:
                pid = generator.choice(workers)
                stopped[pid] = time.monotonic() + STOP_SECONDS
                found.stops += _send(pid, signal.SIGSTOP)
            elif workers and found.kills < storm.num_kills:
                found.kills += _send(generator.choice(workers), signal.SIGKILL)
        if process.poll() is None:
            found.problems.append(f"it did not end within {SECONDS:.0f} s")
            process.kill()
        if process.wait() == 0:
            break
        found.errors += (folder / f"stderr-{call}.txt").read_text(encoding="utf-8").splitlines()[-1:]
    found.seconds = round(time.monotonic() - started, 1)
    return _check(folder, storm, found)


def read_begun(folder: Path) -> list[tuple[int, int, int]]:
    """Return the process, the seed and the number of each epoch that was begun."""
    path = folder / EPOCHS_FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), int(seed), int(epoch)) for pid, seed, epoch in map(str.split, lines)]


def describe(storm: Storm, found: Weathered) -> str:
    return "\n".join(
        (
            f"{storm.num_trials} trials of {EPOCHS} epochs by {storm.num_workers} workers, in {found.seconds:.0f} s "
            f"and {found.calls} calls: {found.kills} kills, {found.stops} stops of {STOP_SECONDS:.0f} s, "
            f"{found.restarts} restarts of the server",
            f"{found.epochs} epochs begun, {found.epochs_again} of them not for the first time; {found.failed} trials "
            f"given up; trials by the number of workers that had them: {found.trials_by_workers}",
            *found.errors,
            *found.problems,
            f"{len(found.problems)} problems",
        )
    )


def _start(folder: Path, storm: Storm, call: int) -> "subprocess.Popen[bytes]":
    numbers = ("--trials", str(storm.num_trials), "--workers", str(storm.num_workers))
    with (folder / f"stderr-{call}.txt").open("wb") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "search", "run", *OPTIONS, *numbers, "--storage", storm.storage(folder)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )


def _check(folder: Path, storm: Storm, found: Weathered) -> Weathered:
    storage = storm.storage(folder)
    found.problems += find_problems(folder, storm.num_trials, storage=storage)
    begun = [(seed, epoch) for _, seed, epoch in read_begun(folder)]
    found.epochs, found.epochs_again = len(begun), len(begun) - len(set(begun))
    # While a server is away, epochs are kept where they are trained: a restart costs none, unless a kill comes with it.
    if found.epochs_again > found.kills + found.stops:
        found.problems.append(f"{found.epochs_again} epochs were begun again")
    store = Store.open_read_only(storage)
    with store.database.connect() as connection:
        rows = connection.execute(text("SELECT num_attempts, count(*) FROM trial_slots GROUP BY 1")).all()
        failed = connection.scalar(text("SELECT count(*) FROM trials WHERE state = 'FAIL' AND study_id = 1"))
    found.trials_by_workers, found.failed = {row[0]: row[1] for row in rows}, failed or 0
    (study,) = store.study_names()
    if checkpoints := store.artifacts.checkpoints(study):
        found.problems.append(f"{len(checkpoints)} checkpoints are left")
    store.database.dispose()
    for path in sorted(folder.glob("stderr-*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found.problems += [f"{path.name}: {line}" for line in lines if "locked" in line or "Traceback" in line]
    return found


def _send(pid: int, number: int) -> bool:
    """Send a signal; returns whether there was a process to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
