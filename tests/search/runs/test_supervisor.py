"""Worker processes as their parent sees them, with work that takes no time."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from search.runs.supervisor import Supervisor
from space.errors import SearchFailedError

SECONDS = 60.0
"""Longest wait for a worker to end, which it does by itself in much less."""


def be_there(folder: Path, worker: int, index: int, resources: object, failures: Connection) -> None:
    (folder / f"{index}-{worker}").write_text(f"{resources} {os.environ['OMP_NUM_THREADS']}")


def be_lost_at_first(folder: Path, worker: int, index: int, resources: object, failures: Connection) -> None:
    is_first = not any(folder.iterdir())
    be_there(folder, worker, index, resources, failures)
    if is_first:
        os._exit(3)


def be_lost(*_: object) -> None:
    os._exit(3)


def end_slowly(*_: object) -> None:
    """Close the sentinel, and with it every other file, some time before the process ends."""
    os.closerange(3, 256)
    time.sleep(0.3)
    os._exit(3)


def fail(folder: Path, worker: int, index: int, resources: object, failures: Connection) -> None:
    failures.send("the study store failed: disk I/O error")
    os._exit(1)


def last(folder: Path, worker: int, index: int, resources: object, failures: Connection) -> None:
    signal.pause()


@pytest.fixture
def supervise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Supervisor]]:
    """Starts workers in this process's environment, which is put back, and ends them."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "8")
    started: list[Supervisor] = []

    def start(work: Callable[..., None], num_workers: int = 1) -> Supervisor:
        supervisor = Supervisor(work, tmp_path, "resources")
        started.append(supervisor)
        supervisor.start(num_workers)
        return supervisor

    yield start
    for supervisor in started:
        supervisor.kill()


def wait_for_loss(supervisor: Supervisor) -> int:
    """Waits until all workers ended by themselves or some were lost; returns how many were."""
    while not (num_lost := supervisor.wait(SECONDS)) and supervisor.num_alive:
        pass
    return num_lost


def test_each_worker_gets_all_that_it_works_with_and_ends_by_itself(supervise, tmp_path: Path) -> None:
    supervisor = supervise(be_there, 2)
    assert supervisor.num_alive == 2
    assert wait_for_loss(supervisor) == 0
    indices, workers = zip(*(path.name.split("-") for path in tmp_path.iterdir()), strict=True)
    assert sorted(indices) == ["0", "1"]
    assert len({int(worker) for worker in workers} - {0}) == 2
    assert {path.read_text() for path in tmp_path.iterdir()} == {"resources 1"}, "one thread a process"


def test_a_lost_worker_is_replaced_by_one_of_its_index_and_another_id(supervise, tmp_path: Path) -> None:
    supervisor = supervise(be_lost_at_first)
    assert wait_for_loss(supervisor) == 1
    assert supervisor.num_alive == 1
    assert wait_for_loss(supervisor) == 0
    indices, workers = zip(*(path.name.split("-") for path in tmp_path.iterdir()), strict=True)
    assert indices == ("0", "0")
    assert len(set(workers)) == 2


def test_a_worker_that_is_about_to_end_is_waited_for(supervise) -> None:
    assert supervise(end_slowly).wait(SECONDS) == 1


def test_workers_that_are_lost_in_a_row_end_a_search_unless_a_trial_was_trained_between(
    supervise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.runs.supervisor.MAX_LOSSES", 2)
    supervisor = supervise(be_lost)
    assert wait_for_loss(supervisor) == 1
    supervisor.note_progress()
    assert wait_for_loss(supervisor) == 1
    with pytest.raises(SearchFailedError, match=r"before one finished a trial \(the last with exit code 3\)"):
        wait_for_loss(supervisor)
    assert supervisor.num_alive == 0


def test_what_a_worker_says_ends_a_search_in_its_words(supervise) -> None:
    supervisor = supervise(fail)
    with pytest.raises(SearchFailedError, match=r"^the study store failed: disk I/O error$"):
        wait_for_loss(supervisor)


def test_workers_that_were_asked_to_stop_are_not_lost(supervise) -> None:
    supervisor = supervise(last, 2)
    assert supervisor.wait(0.0) == 0
    assert supervisor.num_alive == 2
    supervisor.request_stop()
    assert wait_for_loss(supervisor) == 0


def test_killed_workers_are_gone_when_that_returns(supervise) -> None:
    supervisor = supervise(last)
    (process,) = multiprocessing.active_children()
    supervisor.kill()
    assert supervisor.num_alive == 0
    assert multiprocessing.active_children() == []
    assert process.exitcode == -signal.SIGKILL
    supervisor.kill()
