"""A worker process: one thread that trains one trial after another until no slot is left."""

import os
import random
import signal
import threading
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from mnist_core.allocator import keep_freed_memory
from mnist_core.engine import Engine
from search.runs.config import RunConfig
from search.sampling.draws import sampler_seed
from space.errors import InputError, SearchFailedError

stop_requested = threading.Event()


@dataclass(frozen=True)
class Resources:
    """What a run found on its machine."""

    data_root: Path | None
    device: str
    engine: Engine


def work(config: RunConfig, worker: int, index: int, resources: Resources, failures: Connection) -> None:
    """Entry point of the process. Sends one line through ``failures`` where the search can't go on.

    SIGTERM ends it after the running epoch. Ctrl-C reaches the whole process group, so SIGINT is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _request_stop)
    threading.Thread(target=die_with_parent, daemon=True).start()
    keep_freed_memory()
    from studies.storage import store_failure

    try:
        _work(config, worker, index, resources)
    except (InputError, SearchFailedError, OSError) as error:  # OSError: a full disk
        failures.send(str(error))
    except Exception as error:
        failure = store_failure(error)
        failures.send(failure or f"{type(error).__name__}: {error}")
        if failure is None:
            raise


def _work(config: RunConfig, worker: int, index: int, resources: Resources) -> None:
    import torch

    from mnist_core.data import load_dataset
    from search.runs.trial import TrialRunner
    from search.sampling.tpe import BoundedTpe
    from studies.locks import WorkerLocks
    from studies.storage import Store
    from studies.study import SearchStudy

    torch.set_num_threads(1)
    store = Store.open(config.storage)
    WorkerLocks(store.lock_path).hold(worker)
    search = SearchStudy(store, config.study_name)
    seed = sampler_seed(config.seed, index, len(search.study.get_trials(deepcopy=False)))
    runner = TrialRunner(
        search=search,
        config=config,
        data=load_dataset(config.dataset, resources.data_root, train_size=config.train_size),
        device=resources.device,
        engine=resources.engine,
        tpe=BoundedTpe(seed),
        random=random.Random(seed),
        should_stop=stop_requested.is_set,
    )
    while not stop_requested.is_set() and (slot := search.slots.claim(config.trials, worker)):
        runner.run(slot)


def _request_stop(_signal: int, _frame: FrameType | None) -> None:
    stop_requested.set()


def die_with_parent() -> None:
    """Wait for the parent process to end, however it does, and end this one. For a thread of its own."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
