"""Searches that are interrupted or killed, and what the same command makes of them afterwards.

benchmarks/chaos.py does the same at many more random moments.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.chaos import OPTIONS, Kill, run_call, wait_until_gone
from benchmarks.consistency import count_epochs, find_problems, read_trained
from benchmarks.processes import processes_in
from benchmarks.storm import EPOCHS, Storm, weather
from search.runs.config import RunConfig
from search.runs.progress import QuietDisplay, Snapshot
from search.runs.search import run_search

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for processes in /proc")

NUM_TRIALS = 7
STORE_BYTES = 2_000_000
"""SQLite's log of changes, which begins anew at 4 MB, fills up with the third trial or so."""
LIMITED = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({STORE_BYTES}, {STORE_BYTES}))
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Limits the size of files that the program that follows may write."""


def test_calls_that_were_ended_add_up_to_one_whole_search(tmp_path: Path) -> None:
    generator = random.Random(11)

    def call(*kills: Kill):
        result = run_call(tmp_path, OPTIONS, NUM_TRIALS, kills, generator)
        assert result.problems == []
        return result

    def soon() -> float:
        return generator.uniform(0.0, 1.0)

    # While workers start, and then while they train.
    call(Kill("sigkill", True, 2 + 2 * soon()))
    sent = [
        *call(Kill("sigkill", False, soon())).sent,
        *call(Kill("worker sigkill", False, soon()), Kill("ctrl-c", False, soon())).sent,
    ]
    assert {kill.way for kill in sent} == {"sigkill", "worker sigkill", "ctrl-c"}, "a call ended by itself"

    call()
    assert find_problems(tmp_path, NUM_TRIALS) == []
    with closing(sqlite3.connect(tmp_path / "studies.db")) as connection:
        (num_taken_up,) = connection.execute("SELECT count(*) FROM trial_slots WHERE num_attempts > 1").fetchone()
    assert num_taken_up > 0, "nothing was interrupted"


def test_workers_that_are_killed_again_and_again_cost_an_epoch_each(tmp_path: Path) -> None:
    """benchmarks/chaos.py --long does the same with more of everything, and stops workers too."""
    found = weather(tmp_path.resolve(), Storm(num_trials=5, num_workers=2, num_kills=3, num_stops=0), random.Random(3))
    assert (found.problems, found.errors) == ([], [])
    assert (found.kills, found.calls) == (3, 1)
    assert found.epochs >= 5 * EPOCHS


def test_a_crash_in_native_code_costs_a_worker_and_not_the_search(search, native_engine) -> None:
    # Python runs a module of this name in every process before anything else.
    (search.folder / "sitecustomize.py").write_text(CRASH_ONCE, encoding="utf-8")
    result = search(
        *("run", *OPTIONS, "--epochs", "2", "--train-size", "150", "--trials", "2"),
        *("--workers", "1", "--engine", "native"),
        PYTHONPATH=f"{search.folder}{os.pathsep}{search.environment['PYTHONPATH']}",
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("a worker was lost with trial ") == 1
    assert find_problems(search.folder, 2) == []
    assert (search.folder / "crashed").exists()
    with closing(sqlite3.connect(search.folder / "studies.db")) as connection:
        attempts = connection.execute("SELECT num_attempts FROM trial_slots ORDER BY num_attempts").fetchall()
    assert attempts == [(1,), (2,)]


CRASH_ONCE = """
import ctypes, pathlib
from mnist_core.native.trainer import NativeTrainer

train = NativeTrainer.train

def crash_once(*arguments, **options):
    try:
        pathlib.Path("crashed").touch(exist_ok=False)
    except FileExistsError:
        return train(*arguments, **options)
    ctypes.string_at(0)

NativeTrainer.train = crash_once
"""


def test_the_first_ctrl_c_waits_for_the_epoch_and_the_second_does_not(search, search_here) -> None:
    """Nets so wide that an epoch takes much longer than this test waits."""
    (search.folder / "wide.toml").write_text(
        "".join(f"[[stage]]\nlayers = [2, 2]\nwidth = [{width}, {width}]\n" for width in (96, 128)), encoding="utf-8"
    )
    run = ("run", "--dataset", "digits", "--budget", "1000000", "--space", "wide.toml", "--trials", "2")
    with (search.folder / "stderr.txt").open("w+", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            search.line(*run, "--workers", "1"),
            cwd=search.folder,
            env=search.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )

        def wait_for(happened, what: str) -> None:
            deadline = time.monotonic() + 60
            while not happened():
                assert process.poll() is None, (search.folder / "stderr.txt").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, f"not {what}"
                time.sleep(0.1)

        def says(text: str) -> bool:
            return text in (search.folder / "stderr.txt").read_text(encoding="utf-8")

        wait_for(lambda: says(": 2 trials of up to 1,000,000 parameters"), "started")
        wait_for(lambda: slot_states(search.folder) == [("running", 0)], "training")
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        wait_for(lambda: says("interrupted: ending after the running epochs; once more to abort"), "noticed")
        time.sleep(1)
        assert process.poll() is None, "it did not wait for the epoch"

        os.killpg(process.pid, signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert stdout == b""
        assert not says("Traceback")
    assert wait_until_gone(search.folder.resolve(), 10) == [] == processes_in(search.folder.resolve())
    assert slot_states(search.folder) == [("interrupted", 0)]
    assert count_epochs(search.folder) == 0, "it waited for the epoch"
    status = search_here.json("status")
    assert (status["trained"], status["running"], status["interrupted"]) == (0, 0, 1)


def test_ctrl_c_at_any_moment_is_heeded(tmp_path: Path) -> None:
    """Here while the display is drawn, after the loop has looked whether it was asked to end."""

    class Interrupting(QuietDisplay):
        def __init__(self) -> None:
            self.has_interrupted = False
            self.reasons: list[str] = []

        def update(self, snapshot: Snapshot) -> None:
            if snapshot.running and not self.has_interrupted:
                self.has_interrupted = True
                os.kill(os.getpid(), signal.SIGINT)

        def stopping(self, reason: str) -> None:
            self.reasons.append(reason)

    config = RunConfig(
        budget=3_000, dataset="digits", trials=20, epochs=15, storage=f"sqlite:///{tmp_path / 'studies.db'}", workers=1
    )
    display = Interrupting()
    summary = run_search(config, display)
    assert (summary.interrupted, display.reasons) == (True, ["interrupted"])
    assert summary.num_trained < 20


def test_a_full_disk_ends_a_call_and_the_next_goes_on(search) -> None:
    """A limit on the size of a file stands for the disk: the store can be made, but holds few trials."""
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, *search.line("run", *OPTIONS, "--trials", "12")],
        cwd=search.folder,
        env=search.environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert (limited.returncode, limited.stdout) == (1, ""), limited.stderr
    assert limited.stderr.splitlines()[-1] == "error: the study store failed: disk I/O error"
    assert "Traceback" not in limited.stderr
    assert wait_until_gone(search.folder.resolve(), 10) == []
    trained = len(read_trained(search.folder))
    assert 0 < trained <= 10
    # Both workers may have left a trial that waits to be trained again.
    result = run_call(search.folder, OPTIONS, trained + 2, [], random.Random(0))
    assert (result.exit_code, result.problems) == (0, [])
    assert find_problems(search.folder, trained + 2) == []


def slot_states(folder: Path) -> list[tuple[str, int | None]]:
    try:
        with closing(sqlite3.connect(f"file:{folder / 'studies.db'}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT state, trial_number FROM trial_slots ORDER BY id").fetchall()
    except sqlite3.OperationalError:  # not made yet
        return []
