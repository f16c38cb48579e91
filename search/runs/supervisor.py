"""Starting, watching, restarting and ending the worker processes of one call of a search."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from mnist_core.processes import without_main_module
from search.terminal.interrupts import deferring_interrupts
from search.workers.processes import MAX_LOSSES, too_many_losses
from space.errors import SearchFailedError
from studies.locks import new_worker_id


@dataclass(frozen=True)
class _Worker:
    index: int
    process: SpawnProcess
    failures: Connection


class Supervisor:
    """Starts workers that run ``work(config, worker id, index, resources, connection for failures)``, and replaces lost
    ones."""

    def __init__(
        self, work: Callable[..., None], config: object, resources: object, *, loss: str | None = None
    ) -> None:
        """``loss`` is the error of a worker that is lost, where it is not replaced."""
        self._loss = loss
        self._work = work
        self._config = config
        self._resources = resources
        self._workers: list[_Worker] = []
        self._stopping = False
        self._num_losses = 0

    def start(self, num_workers: int) -> None:
        # One thread per process: with such narrow nets, more threads only wait for each other.
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ[name] = "1"
        for index in range(num_workers):
            self._start_worker(index)

    @property
    def num_alive(self) -> int:
        return len(self._workers)

    def wait(self, seconds: float) -> int:
        """Sleep until a worker ends or the time is up; returns the number of workers that were lost and replaced.

        Raises `SearchFailedError` with a worker's reason if the search can't continue.
        """
        ended = wait([worker.process.sentinel for worker in self._workers], timeout=seconds)
        num_lost = 0
        for worker in list(self._workers):
            if worker.process.sentinel in ended:
                worker.process.join()  # its sentinel is closed a moment before a process has ended
            if worker.process.is_alive():
                continue
            self._workers.remove(worker)
            if failure := _failure(worker):
                raise SearchFailedError(failure)
            if worker.process.exitcode != 0 and not self._stopping:
                if self._loss is not None:
                    raise SearchFailedError(self._loss)
                num_lost += 1
                self._num_losses += 1
                if self._num_losses >= MAX_LOSSES:
                    raise too_many_losses("a trial", exit_code=worker.process.exitcode)
                self._start_worker(worker.index)
        return num_lost

    def note_progress(self) -> None:
        """Reset the count of lost workers, since a trial was trained."""
        self._num_losses = 0

    def request_stop(self) -> None:
        """Ask every worker to stop after its current epoch."""
        self._stopping = True
        for worker in self._workers:
            _send_signal(worker.process, signal.SIGTERM)

    def kill(self) -> None:
        """Kill every worker and wait until it has ended."""
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
        with deferring_interrupts(), without_main_module():
            process.start()
        sender.close()
        self._workers.append(_Worker(index, process, failures))


def _failure(worker: _Worker) -> str | None:
    try:
        return str(worker.failures.recv()) if worker.failures.poll() else None
    except (EOFError, OSError):  # it was killed, perhaps while sending
        return None


def _send_signal(process: SpawnProcess, number: int) -> None:
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, number)
