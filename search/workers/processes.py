"""Worker processes: their default number, too many lost ones, and ending with their parent."""

import os
import sys
import threading
from multiprocessing import parent_process

from space.errors import SearchFailedError

WORKER_BYTES = 1_500_000_000
"""Memory reserved per worker, twice what it uses."""
MAX_DEFAULT_WORKERS = 16
"""With 16, SQLite costs nothing that shows; with 64 it limits the search (docs/scaling.md)."""
MAX_LOSSES = 20
"""Number of workers lost in a row, without a finished training, after which a command gives up."""


def default_workers(device: str) -> int:
    """Return one worker for an accelerator; for the CPU, one per usable core as far as memory allows."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // WORKER_BYTES, MAX_DEFAULT_WORKERS))


def too_many_losses(trained: str, *, exit_code: int | None = None) -> SearchFailedError:
    """Return the error for `MAX_LOSSES` workers lost before one finished ``trained``, such as "a trial"."""
    latest = "" if exit_code is None else f" (the last with exit code {exit_code})"
    reason = "its error is above" if exit_code == 1 else "is there too little memory?"
    return SearchFailedError(f"{MAX_LOSSES} workers in a row were lost before one finished {trained}{latest}: {reason}")


def end_with_parent() -> None:
    """End this process as soon as its parent has ended for any reason."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
