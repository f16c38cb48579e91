"""Workers on a Ray cluster: one process of this machine keeps as many placed as the cluster has CPUs."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

from search.runs.config import RunConfig
from search.runs.joining import JoinRequest
from search.workers.machine import Resources
from search.workers.processes import MAX_LOSSES, end_with_parent, too_many_losses
from space.errors import InputError, SearchError, SearchFailedError
from studies.failures import Outage, is_outage, store_failure
from studies.slots import TrialSlots
from studies.storage import Store

POLL_SECONDS = 1.0
"""Time between two looks at the cluster: whether it has more CPUs, and whether workers have ended."""


def check_ray() -> None:
    """Raise `InputError` if Ray is not installed."""
    if find_spec("ray") is None:
        raise InputError("--cluster needs Ray, the extra: pip install 'small-model-search[ray]'")


def place_workers(
    join: Callable[[JoinRequest], object],
    config: RunConfig,
    _worker: int,
    _index: int,
    _resources: Resources,
    failures: Connection,
) -> None:
    """Entry point of the process, in place of `search.runs.worker.work`; ends when the study has its trials.

    ``join`` is what a worker on a node does, `search.runs.search.join_search`. This is a process of its own because Ray
    ends the process that is connected to a cluster when it loses the cluster. SIGTERM asks all workers to leave after
    their current epoch. Sends one line through ``failures`` if the search can't continue.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a lost cluster makes Ray print pages
    stop_requested = threading.Event()
    try:
        with _connected(str(config.cluster)):
            # Ray has replaced the handler, so that this comes after it.
            signal.signal(signal.SIGTERM, lambda *_: stop_requested.set())
            _keep_placed(join, config, stop_requested)
    except SearchError as error:
        failures.send(str(error))
    except Exception as error:
        failures.send(f"the Ray cluster {config.cluster} failed: {_one_line(error)}")


@contextmanager
def _connected(address: str) -> Iterator[None]:
    import ray

    try:
        ray.init(address, log_to_driver=False, configure_logging=False)
    except Exception as error:  # Ray has several for an address that is wrong or does not answer
        raise InputError(f"--cluster {address} can't be reached: {_one_line(error)}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _keep_placed(join: Callable[[JoinRequest], object], config: RunConfig, stop_requested: threading.Event) -> None:
    import ray

    request = _request_of(config)
    # A process for each worker, since a worker that has ended keeps its locks until its process ends. The study itself
    # says what is to be trained again, so Ray repeats nothing.
    train = ray.remote(num_cpus=1, max_calls=1, max_retries=0)(join)
    placed: list[Any] = []
    losses = _Losses(config)
    is_complete = False
    while not is_complete and not stop_requested.is_set():
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        num_wanted = min(int(resources.get("CPU", 0)), config.workers or config.trials)
        placed += [train.remote(request) for _ in range(num_wanted - len(placed))]
        if not placed:
            time.sleep(POLL_SECONDS)
            continue
        ended, placed = ray.wait(placed, num_returns=len(placed), timeout=POLL_SECONDS)
        has_left = [_has_left(task) for task in ended]
        is_complete = any(has_left)
        if not all(has_left):  # workers that are lost together, with their node, count as one
            losses.note()
    for task in placed:  # also those that wait for a CPU, which may never be free
        ray.cancel(task, force=False)  # it arrives as a Ctrl-C does
    while placed:
        ended, placed = ray.wait(placed)
        for task in ended:
            _has_left(task)


def _has_left(task: Any) -> bool:
    """Return whether a worker has left, since nothing is left to train or it was asked to; False if it was lost.

    Raises `SearchFailedError` with a worker's reason if the search can't continue.
    """
    import ray

    try:
        ray.get(task)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        # It was cancelled, or the server of the store went away, while it was starting.
        if isinstance(cause, ray.exceptions.TaskCancelledError) or (cause is not None and is_outage(cause)):
            return False
        reason = store_failure(cause) if isinstance(cause, Exception) else None
        raise SearchFailedError(f"a worker on the cluster failed: {reason or _one_line(cause or error)}") from None
    except ray.exceptions.RayError:
        return False
    return True


class _Losses:
    """Counts workers that were lost in a row, without a trial in between."""

    def __init__(self, config: RunConfig) -> None:
        self._slots = TrialSlots(Store.open(config.storage).database, config.study_name)
        self._outage = Outage(config.storage)
        self._number = 0
        self._num_trained = 0

    def note(self) -> None:
        """Raises `SearchFailedError` if there were too many."""
        num_trained = self._outage.until_reached(self._slots.num_trained)
        self._number = 1 if num_trained > self._num_trained else self._number + 1
        self._num_trained = num_trained
        if self._number >= MAX_LOSSES:
            raise too_many_losses("a trial")


def _request_of(config: RunConfig) -> JoinRequest:
    return JoinRequest(
        storage=config.storage,
        study=config.study_name,
        trials=config.trials,
        data_root=None if config.data_root is None else config.data_root.absolute(),
        device=config.device,
        engine=config.engine,
        workers=1,
        quiet=True,
    )


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
