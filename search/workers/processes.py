"""Processes that train: how many there are, spared by Ctrl-C while they start, ended when their parent ends."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

from space.errors import SearchFailedError

WORKER_BYTES = 1_500_000_000
"""Memory that a worker is given, twice of what it takes."""
MAX_DEFAULT_WORKERS = 8
MAX_LOSSES = 20
"""Workers lost in a row, none of which finished what it trained, after which a command gives up."""


def default_workers(device: str) -> int:
    """One worker on an accelerator. On the CPU one for each usable core, as far as the memory goes."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // WORKER_BYTES, MAX_DEFAULT_WORKERS))


def too_many_losses(trained: str, *, exit_code: int | None = None) -> SearchFailedError:
    """The error for `MAX_LOSSES` workers lost before one finished ``trained``, such as "a trial"."""
    latest = "" if exit_code is None else f" (the last with exit code {exit_code})"
    return SearchFailedError(
        f"{MAX_LOSSES} workers in a row were lost before one finished {trained}{latest}: is there too little memory?"
    )


@contextmanager
def starting_processes() -> Iterator[None]:
    """Block SIGINT in this process while it starts others: a Ctrl-C, which reaches the whole group, spares them.

    They inherit the block, and this process gets the signal at the end.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_with_parent() -> None:
    """End this process as soon as its parent has ended, however that happened."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
