"""The worker processes of one call, as its parent sees them: started, watched, restarted, ended."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from search.workers.processes import MAX_LOSSES, starting_processes, too_many_losses
from space.errors import SearchFailedError
from studies.locks import new_worker_id


@dataclass(frozen=True)
class _Worker:
    index: int
    process: SpawnProcess
    failures: Connection


class Supervisor:
    """Starts workers that run ``work(config, worker id, index, resources, connection for failures)``, and starts new
    ones for those that are lost."""

    def __init__(self, work: Callable[..., None], config: object, resources: object) -> None:
        self._work = work
        self._config = config
        self._resources = resources
        self._workers: list[_Worker] = []
        self._stopping = False
        self._num_losses = 0

    def start(self, num_workers: int) -> None:
        # One thread a process: more of them on nets this narrow only wait for each other.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = "1"
        for index in range(num_workers):
            self._start_worker(index)

    @property
    def num_alive(self) -> int:
        return len(self._workers)

    def wait(self, seconds: float) -> int:
        """Sleep until a worker ends or the time is over; returns how many were lost and started anew.

        Raises `SearchFailedError` with a worker's reason where the search can't go on.
        """
        wait([worker.process.sentinel for worker in self._workers], timeout=seconds)
        num_lost = 0
        for worker in [worker for worker in self._workers if not worker.process.is_alive()]:
            self._workers.remove(worker)
            if failure := _failure(worker):
                raise SearchFailedError(failure)
            if worker.process.exitcode != 0 and not self._stopping:
                num_lost += 1
                self._num_losses += 1
                if self._num_losses >= MAX_LOSSES:
                    raise too_many_losses("a trial", exit_code=worker.process.exitcode)
                self._start_worker(worker.index)
        return num_lost

    def note_progress(self) -> None:
        """A trial was trained: workers are lost in a row only without one."""
        self._num_losses = 0

    def request_stop(self) -> None:
        """Ask every worker to end after its running epoch."""
        self._stopping = True
        for worker in self._workers:
            _send_signal(worker.process, signal.SIGTERM)

    def kill(self) -> None:
        """End every worker now and wait until it is gone."""
        self._stopping = True
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def _start_worker(self, index: int) -> None:
        context = multiprocessing.get_context("spawn")
        failures, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=self._work,
            args=(self._config, new_worker_id(), index, self._resources, sender),
            daemon=True,
        )
        with starting_processes():
            process.start()
        sender.close()
        self._workers.append(_Worker(index, process, failures))


def _failure(worker: _Worker) -> str | None:
    try:
        return str(worker.failures.recv()) if worker.failures.poll() else None
    except (EOFError, OSError):  # it was killed, maybe in the middle of sending
        return None


def _send_signal(process: SpawnProcess, number: int) -> None:
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, number)
