"""One call of a search, from its configuration to its end."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from mnist_core.data import find_data_root, load_dataset
from mnist_core.device import find_device
from mnist_core.engine import resolve_engine
from search.confirmation.confirm import expected_seconds
from search.runs.config import RunConfig
from search.runs.progress import Display, RunningTrial, Snapshot
from search.runs.supervisor import Supervisor, default_workers
from search.runs.warm_start import queue_known_nets, read_known_nets
from search.runs.worker import Resources
from studies.locks import WorkerLocks
from studies.pareto import FrontPoint
from studies.records import Outcome, count_outcomes, read_epochs, read_front
from studies.slots import SlotState
from studies.storage import Store
from studies.study import SearchStudy

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class RunSummary:
    """How a call ended."""

    study: str
    counts: Counter[Outcome]
    num_trained: int
    front: list[FrontPoint]
    seconds: float
    interrupted: bool
    timed_out: bool


class StopRequest:
    """Counts SIGINT and SIGTERM while a search runs: the first asks for an orderly end, the second raises."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._handle) for number in numbers]
        try:
            yield self
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def run_search(config: RunConfig, display: Display) -> RunSummary:
    """Train candidates until the study has ``config.trials`` trained trials, the time is up or a signal asks to stop.

    Raises `InputError` before anything is written where the input is wrong, `SearchFailedError` where the search can't
    go on, and KeyboardInterrupt on the second signal; what was recorded until then stays.
    """
    started = time.monotonic()
    known_nets = [] if config.warm_start is None else read_known_nets(config.warm_start, epochs=config.epochs)
    data_root = find_data_root(config.dataset, config.data_root)
    data = load_dataset(config.dataset, data_root, train_size=config.train_size)
    device = find_device(config.device)
    resources = Resources(data_root, device, resolve_engine(config.engine, device, compiling=display.compiling))
    store = Store.create(config.storage)
    locks = WorkerLocks(store.lock_path)
    search = SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), locks)
    del data
    search.repair(locks)
    supervisor = Supervisor(config, resources)
    stop = StopRequest()
    timed_out = ending = False
    try:
        with stop.listening(), display:
            display.started(config, resources, search.slots.num_trained())
            display.warm_start(queue_known_nets(search, config, known_nets))
            while (num_trained := search.slots.num_trained()) < config.trials:
                if supervisor.num_alive == 0:
                    if stop.asked or timed_out:
                        break
                    supervisor.start(min(config.workers or default_workers(device), config.trials - num_trained))
                if supervisor.wait(POLL_SECONDS):
                    display.worker_lost(search.repair(locks))
                if search.slots.num_trained() > num_trained:
                    supervisor.note_progress()
                timed_out = config.timeout is not None and time.monotonic() - started > config.timeout
                if (stop.asked or timed_out) and not ending:
                    ending = True
                    display.stopping("interrupted" if stop.asked else "time is up")
                    supervisor.request_stop()
                display.update(take_snapshot(search, config, supervisor.num_alive, time.monotonic() - started))
            while supervisor.num_alive:
                supervisor.wait(POLL_SECONDS)
            display.update(take_snapshot(search, config, 0, time.monotonic() - started))
    finally:
        supervisor.kill()
        search.repair(locks)
    return RunSummary(
        study=search.name,
        counts=count_outcomes(search.study.get_trials(deepcopy=False)),
        num_trained=search.slots.num_trained(),
        front=read_front(store.engine, search.name),
        seconds=time.monotonic() - started,
        interrupted=stop.asked,
        timed_out=timed_out,
    )


def take_snapshot(search: SearchStudy, config: RunConfig, num_workers: int, seconds: float) -> Snapshot:
    """What a display shows of a study right now."""
    slots = search.slots.read()
    numbers = [slot.trial_number for slot in slots if slot.state == SlotState.RUNNING and slot.trial_number is not None]
    curves = read_epochs(search.store.engine, search.name, numbers)
    trials = search.study.get_trials(deepcopy=False)
    running = [
        RunningTrial(
            number=number,
            notation=trials[number].user_attrs.get("notation", ""),
            num_params=trials[number].user_attrs.get("num_params", 0),
            curve=[result.val_accuracy for result in curves[number]],
        )
        for number in numbers
        if number < len(trials)
    ]
    front = read_front(search.store.engine, search.name)
    return Snapshot(
        num_trials=config.trials,
        counts=count_outcomes(trials),
        finished=[trial for trial in trials if trial.state.is_finished()],
        running=running,
        num_workers=num_workers,
        front=front,
        seconds=seconds,
        confirm_seconds=0.0
        if config.confirm_seeds is None
        else expected_seconds([trials[point.trial] for point in front], config.confirm_seeds, num_workers),
    )
