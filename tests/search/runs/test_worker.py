"""What a worker process does from its first line to its last, called in this process."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from mnist_core.data import Dataset
from mnist_core.engine import TORCH
from search.runs.config import RunConfig
from search.runs.worker import prepare_trials, stop_requested, work
from search.workers.machine import Resources
from studies.locks import WorkerLocks
from studies.storage import Store
from studies.trials import TRAINED, attributes_of, outcome_of
from tests.runners import TRAIN_SIZE, few_digits, make_runner
from tests.stores import reopen

RESOURCES = Resources("digits", None, TRAIN_SIZE, "cpu", TORCH)
WORKER = 12

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, Connection]]:
    """The two ends of what a worker tells its parent; what it changes of its process is put back."""
    monkeypatch.setattr("search.runs.worker.end_with_parent", lambda: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    receiver, sender = Pipe(duplex=False)
    yield receiver, sender
    for number, handler in handlers.items():
        signal.signal(number, handler)
    stop_requested.clear()
    receiver.close()
    sender.close()


def test_a_worker_trains_until_the_study_has_its_trials(
    tmp_path: Path, failures: tuple[Connection, Connection]
) -> None:
    receiver, sender = failures
    runner = make_runner(tmp_path, trials=3, epochs=1, sampler="random")
    work(runner.config, WORKER, 0, RESOURCES, sender)
    assert not receiver.poll()
    search = reopen(runner.search)
    trained = [trial for trial in search.study.trials if outcome_of(trial) in TRAINED]
    assert len(trained) == 3
    assert {attributes_of(trial)["run"]["engine"] for trial in trained} == {"torch"}
    assert {slot.worker for slot in search.slots.read(TRAINED)} == {WORKER}
    # The next has nothing left to do.
    work(runner.config, WORKER, 0, RESOURCES, sender)
    assert len(reopen(runner.search).study.trials) == len(search.study.trials)


class Interrupting(Resources):
    def load_data(self) -> Dataset:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        return super().load_data()


def test_sigterm_ends_a_worker_before_its_next_trial_and_ctrl_c_is_its_parents(
    tmp_path: Path, failures: tuple[Connection, Connection]
) -> None:
    receiver, sender = failures
    runner = make_runner(tmp_path, trials=3, epochs=1)
    work(runner.config, WORKER, 0, Interrupting("digits", None, TRAIN_SIZE, "cpu", TORCH), sender)
    assert not receiver.poll()
    assert reopen(runner.search).slots.read() == []


def test_a_store_that_is_gone_is_told_in_a_line(tmp_path: Path, failures: tuple[Connection, Connection]) -> None:
    receiver, sender = failures
    config = replace(make_runner(tmp_path).config, storage=f"sqlite:///{tmp_path / 'gone.db'}")
    work(config, WORKER, 0, RESOURCES, sender)
    assert "gone.db" in receiver.recv()
    assert not (tmp_path / "gone.db").exists()


def test_a_worker_whose_byte_another_process_holds_gives_up(
    tmp_path: Path, failures: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_locks: WorkerLocks, worker: int) -> None:
        raise BlockingIOError(11, f"byte {worker} is held")

    receiver, sender = failures
    runner = make_runner(tmp_path)
    monkeypatch.setattr(WorkerLocks, "hold", refuse)
    work(runner.config, WORKER, 0, RESOURCES, sender)
    assert receiver.recv() == "[Errno 11] byte 12 is held"
    assert reopen(runner.search).slots.read() == []


def test_a_fault_of_the_program_is_told_with_its_kind_and_raised(
    tmp_path: Path, failures: tuple[Connection, Connection]
) -> None:
    receiver, sender = failures
    nothing: Any = None
    config = make_runner(tmp_path, epochs=1).config
    with pytest.raises(AttributeError):
        work(config, WORKER, 0, replace(RESOURCES, engine=nothing), sender)
    assert receiver.recv().startswith("AttributeError: 'NoneType' object has no attribute ")


def test_what_a_worker_brings_to_every_slot_is_as_the_call_says(tmp_path: Path) -> None:
    config = make_runner(tmp_path).config
    search = make_runner(tmp_path).search

    def prepared(config: RunConfig, seed: int = 1) -> Any:
        return prepare_trials(
            search, config, few_digits(), device="cpu", engine=TORCH, seed=seed, should_stop=lambda: True
        )

    proposals, trainer = prepared(replace(config, sampler="random", pruner="size-aware", seed=5))
    assert (trainer.is_pruning, trainer.study_seed) == (True, 5)
    assert (proposals.budget, proposals.num_epochs) == (trainer.budget, trainer.num_epochs) == (500, 2)
    assert proposals.should_stop()
    assert trainer.should_stop()
    assert trainer.recorded("cpu", "torch")["sampler"] == "random"
    proposals, trainer = prepared(config)
    assert not trainer.is_pruning
    for sampler in ("front", "tpe", "random"):
        samplers = [prepared(replace(config, sampler=sampler), seed)[0].sample for seed in (1, 1, 2)]
        drawn = [sample(True).params for sample in samplers]
        assert drawn[0] == drawn[1] != drawn[2], sampler
    assert Store.open_read_only(config.storage).study_names() == ["tiny"]
