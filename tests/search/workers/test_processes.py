"""How many workers there are, what is said when too many are lost, and that they end with their parent."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.workers.processes import (
    MAX_DEFAULT_WORKERS,
    MAX_LOSSES,
    WORKER_BYTES,
    default_workers,
    too_many_losses,
)

ROOT = Path(__file__).resolve().parents[3]

# Cores, memory in the bytes of a worker, number of workers
MACHINES = {
    "one core": (1, 100.0, 1),
    "as many as cores": (4, 100.0, 4),
    "no more than memory holds": (4, 2.9, 2),
    "one even where memory is too little": (4, 0.5, 1),
    "not all of a large machine": (64, 1_000.0, MAX_DEFAULT_WORKERS),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_default_workers_fit_the_machine(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    num_cores, memory, expected = MACHINES[machine]
    sizes = {"SC_PAGE_SIZE": 4_096, "SC_PHYS_PAGES": int(memory * WORKER_BYTES) // 4_096}
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(num_cores)), raising=False)
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert default_workers("cpu") == expected
    assert default_workers("cuda") == 1


def test_where_cores_cannot_be_told_apart_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(os, "sysconf", lambda name: WORKER_BYTES)
    assert default_workers("cpu") == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert default_workers("cpu") == 1


def test_losses_are_told_with_what_was_trained_and_how_the_last_one_ended() -> None:
    expected = f"{MAX_LOSSES} workers in a row were lost before one finished a trial"
    assert str(too_many_losses("a trial")) == f"{expected}: is there too little memory?"
    assert str(too_many_losses("a trial", exit_code=-9)) == (
        f"{expected} (the last with exit code -9): is there too little memory?"
    )
    # An error of Python's, which the worker has printed.
    assert str(too_many_losses("a trial", exit_code=1)) == f"{expected} (the last with exit code 1): its error is above"


PARENT_AND_CHILD = """
import multiprocessing, signal, threading
from search.workers.processes import end_with_parent

def child():
    end_with_parent()
    print("waiting", flush=True)
    threading.Event().wait()

multiprocessing.get_context("fork").Process(target=child).start()
signal.pause()
"""


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT_AND_CHILD], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "waiting\n"
        parent.kill()
        # The child holds the other end of this pipe for as long as it lives.
        assert parent.communicate(timeout=60) == ("", None)
    finally:
        # Its number is the group's until the child is gone too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
