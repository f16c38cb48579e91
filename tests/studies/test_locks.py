import signal
from pathlib import Path

import pytest

from studies.locks import WorkerLocks, new_worker_id
from tests.stores import living_worker, run_at_once

IMPORTS = "import time\nfrom pathlib import Path\nfrom studies.locks import WorkerLocks"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "workers.lock"


def test_a_workers_byte_is_held_while_its_process_lives(path: Path) -> None:
    locks = WorkerLocks(path)
    with living_worker(path, 5):
        assert locks.is_held(5)
        assert not locks.is_held(4)
        assert not locks.is_held(6)
        assert locks.is_held(5)


def test_a_killed_process_lets_go(path: Path) -> None:
    locks = WorkerLocks(path)
    with living_worker(path, 5) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not locks.is_held(5)


def test_large_numbers_are_bytes_too(path: Path) -> None:
    worker = new_worker_id()
    with living_worker(path, worker):
        assert WorkerLocks(path).is_held(worker)
        assert not WorkerLocks(path).is_held(worker + 1)


def test_a_byte_has_one_holder(path: Path) -> None:
    with living_worker(path, 5), pytest.raises(BlockingIOError):
        WorkerLocks(path).hold(5)


def test_asking_takes_nothing(path: Path) -> None:
    locks = WorkerLocks(path)
    path.touch()
    assert not locks.is_held(5)
    with living_worker(path, 5):
        assert locks.is_held(5)


def test_where_there_is_no_file_nothing_is_held_and_none_is_made(path: Path) -> None:
    assert not WorkerLocks(path).is_held(5)
    assert not path.exists()


def test_maintenance_is_for_one_process_at_a_time(path: Path) -> None:
    log = path.with_name("log")
    program = (
        "with WorkerLocks(Path(sys.argv[1])).maintenance(), open(sys.argv[2], 'a') as log:\n"
        "    print('in', file=log, flush=True); time.sleep(0.05); print('out', file=log, flush=True)"
    )
    run_at_once(IMPORTS, program, str(path), str(log), num_processes=4)
    assert log.read_text().split() == ["in", "out"] * 4


def test_a_process_that_dies_in_maintenance_does_not_block_the_next(path: Path) -> None:
    program = "WorkerLocks(Path(sys.argv[1])).maintenance().__enter__(); import os; os._exit(0)"
    run_at_once(IMPORTS, program, str(path), num_processes=1)
    with WorkerLocks(path).maintenance():
        pass


def test_maintenance_and_questions_leave_the_own_byte_held(path: Path) -> None:
    program = (
        "locks = WorkerLocks(Path(sys.argv[1])); locks.hold(5)\n"
        "with locks.maintenance(): locks.is_held(6)\n"
        "locks.is_held(6)\n"
        "import subprocess\n"
        "print(subprocess.run([sys.executable, '-c', sys.argv[2], sys.argv[1]], stdout=-1, text=True).stdout)"
    )
    question = f"import sys\n{IMPORTS}\nprint(WorkerLocks(Path(sys.argv[1])).is_held(5))"
    (printed,) = run_at_once(IMPORTS, program, str(path), question, num_processes=1)
    assert printed.strip() == "True"


def test_worker_numbers_differ_and_leave_the_maintenance_byte_alone() -> None:
    workers = {new_worker_id() for _ in range(100)}
    assert len(workers) == 100
    assert min(workers) >= 1
    assert max(workers) < 2**63  # of a file offset, and of the column that holds them
