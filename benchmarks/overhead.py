"""Overhead of a search: what it does apart from training, in stores of any number of trials.

    python -m benchmarks.overhead [--trials 0 1000 10000] [--repeats N] [--no-mnist] [--json]

Times are CPU times, which other work on the machine changes little; how long workers wait for each other is measured by
benchmarks/contention.py.

- worker start: from opening the store to the first candidate, after all imports.
- candidate: finding the next one, with the claim of its slot.
- epoch: everything between two epochs of a trial of 15 (checkpoint, store, lease, pruning), with a training that does
  nothing. The first decision about pruning, which reads the rivals, is left out of it and shown on its own.
- end: everything after the last epoch (weights, outcome, front, slot, curve).
- snapshot: what a running call reads each second for its display.
- commands: whole processes. What a store costs a command is the difference from a store without trials.
- checkpoint: its part of an epoch of a net of nearly 8,000 parameters on all of MNIST.
- memory: the largest resident set of a worker that trains that net with the largest batch size of the default space.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.filled_store import curve, fill
from benchmarks.training_measures import timed
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import TORCH, resolve_engine
from mnist_core.training import TrainingState
from search.runs.config import RunConfig
from search.runs.pruning import WARM_UP_EPOCHS
from search.runs.search import take_snapshot
from search.runs.trial import TrialTrainer
from search.runs.worker import prepare_trials
from search.sampling.proposals import Proposals
from search.workers.machine import prepare_process
from search.workers.training import CandidateTraining
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.results import EpochResult
from space.search_space import SearchSpace
from studies.locks import WorkerLocks, new_worker_id
from studies.storage import Store
from studies.study import SearchStudy

BUDGET = 8_000
NUM_EPOCHS = 15
ACCURACY = 0.9999
"""Of the invented training, which no rule prunes."""
COMMANDS = (["--help"], ["status"], ["front"])
LARGE_NET = "8s:br 10s:br p 12s:br 14s:br p 14v:br 18v:br gap fc10+"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[0, 1_000, 10_000], help="trials in the store")
    parser.add_argument("--repeats", type=int, default=10, help="timed trials and command calls each (default: 10)")
    parser.add_argument("--no-mnist", action="store_true", help="leave out what trains on MNIST")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report: dict[str, Any] = {"repeats": options.repeats, "stores": {}}
    if not options.no_mnist:
        # Memory is measured first, since a new process's largest resident set starts at its parent's.
        with ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare_process) as pool:
            report["worker"] = pool.submit(measure_worker).result()
    prepare_process()  # one thread, as workers have
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        for num_trials in options.trials:
            times = measure_store(Path(folder) / f"{num_trials}.db", num_trials, options.repeats)
            report["stores"][num_trials] = {name: _spread(values) for name, values in times.items()}
    if options.json:
        print(json.dumps(report))
        return
    print(f"milliseconds of CPU time: median, lowest and highest of {options.repeats} trials, their epochs, and calls")
    for num_trials, spreads in report["stores"].items():
        print(f"with {num_trials:,} trials in the store")
        for name, spread in spreads.items():
            print(f"  {name:<16} {_shown(spread)}")
    for name, value in report.get("worker", {}).items():
        print(f"{name}: {value}")


@dataclass(frozen=True)
class Runner:
    """The objects with which a worker finds and trains candidates."""

    search: SearchStudy
    config: RunConfig
    proposals: Proposals
    trainer: TrialTrainer


def measure_store(path: Path, num_trials: int, repeats: int) -> dict[str, list[float]]:
    """Return times in milliseconds, by what they are of, for a new store with so many trials."""
    config = RunConfig(budget=BUDGET, storage=f"sqlite:///{path}", dataset="digits", epochs=NUM_EPOCHS)
    store = Store.create(config.storage)
    data = load_dataset("digits", None)
    locks = WorkerLocks(store.lock_path)
    search = SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), locks)
    fill(search, config.space, num_trials, budget=BUDGET, num_epochs=NUM_EPOCHS)
    times = Times()
    with times.of("worker start"):
        runner = make_runner(config)
        run_trial(runner, Times(), num_epochs=0)
    times.named["first decision"] = []
    for number in range(repeats):
        run_trial(runner, times, is_first=number == 0)
    watched = SearchStudy(Store.open(config.storage), config.study_name)
    with times.of("first snapshot"):
        take_snapshot(watched, config, 2, 0.0)
    for _ in range(repeats):
        run_trial(runner, Times())
        with times.of("snapshot"):
            take_snapshot(watched, config, 2, 0.0)
    for command in COMMANDS:
        storage = [] if command == ["--help"] else ["--storage", config.storage]
        for _ in range(repeats):
            before = _seconds_of_children()
            subprocess.run([sys.executable, "-m", "search", *command, *storage], check=True, stdout=subprocess.DEVNULL)
            times.add(" ".join(command), _seconds_of_children() - before)
    return times.named


@dataclass
class Times:
    """Measured times in milliseconds, by their names."""

    named: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.add(name, time.process_time() - started)

    def add(self, name: str, seconds: float) -> None:
        self.named.setdefault(name, []).append(1_000 * seconds)


def make_runner(config: RunConfig) -> Runner:
    """Prepare what a worker has, in a store that nothing is known of yet."""
    search = SearchStudy(Store.open(config.storage), config.study_name)
    search.summaries.update()
    data = load_dataset("digits", None)
    proposals, trainer = prepare_trials(
        search, config, data, device="cpu", engine=TORCH, seed=0, should_stop=lambda: False
    )
    return Runner(search, config, proposals, trainer)


def run_trial(runner: Runner, times: Times, *, num_epochs: int = NUM_EPOCHS, is_first: bool = False) -> None:
    """Find a candidate and train it without training; a trial of no epochs only finds it."""
    with times.of("candidate"):
        slot = runner.search.slots.claim(sys.maxsize, new_worker_id())
        assert slot is not None
        suggestion = runner.proposals.find(slot)
        assert suggestion is not None
    if not num_epochs:
        runner.search.slots.interrupt(slot)
        return
    left = 0.0

    def train_nothing(*_: Any, state: TrainingState, **__: Any) -> Iterator[EpochResult]:
        nonlocal left
        for result in curve(ACCURACY, NUM_EPOCHS):
            state.results.append(result)
            left = time.process_time()
            yield result
            if result.epoch < NUM_EPOCHS:
                is_decision = is_first and result.epoch == WARM_UP_EPOCHS
                times.add("first decision" if is_decision else "epoch", time.process_time() - left)

    with patch("search.workers.training.train", train_nothing):
        runner.trainer.train(suggestion, slot)
    times.add("end", time.process_time() - left)


def measure_worker() -> dict[str, Any]:
    """Train a large net on MNIST for two epochs, with checkpoints; to be run in a separate process."""
    data = load_dataset("mnist", find_data_root("mnist"))
    config = TrainingConfig(epochs=2, batch_size=max(SearchSpace.default().training.batch_size_choices))
    candidate = CandidateSpec(ArchitectureSpec.from_text(LARGE_NET), config)
    training = CandidateTraining(candidate, data, seed=0, device="cpu", engine=resolve_engine("auto", "cpu"))
    shares = []
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        for result in training:
            seconds = timed(lambda: training.save(Path(folder) / "checkpoint.safetensors"))
            shares.append(f"{1_000 * seconds:.1f} ms, {100 * seconds / result.seconds:.2f} % of {result.seconds:.2f} s")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    return {"checkpoint": "; ".join(shares), "memory of a worker": f"{memory} MB"}


def _seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values), "n": len(values)}


def _shown(spread: dict[str, float]) -> str:
    return f"{spread['median']:8.1f} ({spread['lowest']:.1f} to {spread['highest']:.1f}, n = {spread['n']})"


if __name__ == "__main__":
    main()
