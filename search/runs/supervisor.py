"""The worker processes of one call, as its parent sees them: started, watched, restarted, ended."""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from search.runs.config import RunConfig
from search.runs.worker import Resources, work
from space.errors import SearchFailedError
from studies.locks import new_worker_id

WORKER_BYTES = 1_500_000_000
MAX_DEFAULT_WORKERS = 8
MAX_LOSSES = 20
"""Workers lost, with no trial trained since the first, after which the search gives up."""


@dataclass(frozen=True)
class _Worker:
    index: int
    process: SpawnProcess
    failures: Connection


class Supervisor:
    def __init__(self, config: RunConfig, resources: Resources) -> None:
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
                    raise SearchFailedError(
                        f"{MAX_LOSSES} workers in a row were lost before one finished a trial "
                        f"(the last with exit code {worker.process.exitcode}): is there too little memory?"
                    )
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
            target=work,
            args=(self._config, new_worker_id(), index, self._resources, sender),
            daemon=True,
        )
        # A Ctrl-C reaches the whole process group. Blocked, it waits for this process and spares the new one.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        sender.close()
        self._workers.append(_Worker(index, process, failures))


def default_workers(device: str) -> int:
    """One an accelerator; on the CPU one a usable core, as far as the memory goes."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // WORKER_BYTES, MAX_DEFAULT_WORKERS))


def _failure(worker: _Worker) -> str | None:
    try:
        return str(worker.failures.recv()) if worker.failures.poll() else None
    except (EOFError, OSError):  # it was killed, maybe in the middle of sending
        return None


def _send_signal(process: SpawnProcess, number: int) -> None:
    if process.pid is not None and process.is_alive():
        os.kill(process.pid, number)
