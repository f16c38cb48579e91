"""Overhead of a search: time from ask to tell without training, start-up of commands, memory of a worker.

    python -m benchmarks.overhead [--trials 0 1000 10000] [--repeats N] [--json]

The time from ask to tell is everything that a worker does for one trial (slot, candidate, attributes, one epoch's
record, weights, front and curve) with a training that does nothing, in a store with the given number of finished trials
of the default space. Filling the store takes about 20 ms per trial. The memory is the largest resident set of a worker
that trains a net of nearly 8,000 parameters with the largest batch size of the default space on all of MNIST.
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import insert

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import TORCH, resolve_engine
from search.runs.config import RunConfig
from search.runs.trial import TrialTrainer
from search.runs.worker import prepare_trials
from search.sampling.proposals import Proposals
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig
from space.results import EpochResult
from space.search_space import SearchSpace
from studies.locks import WorkerLocks, new_worker_id
from studies.records import update_front
from studies.storage import Store
from studies.study import BUDGET_CONSTRAINT, SearchStudy
from studies.tables import epochs as epochs_table
from studies.tables import trial_slots
from studies.trials import Outcome, front_point

BUDGET = 8_000
NUM_EPOCHS = 15
NUM_WARM_UP = 2
"""Number of trials before timing starts; the first one reads the whole store, which a worker does only once."""
COMMANDS = (["--help"], ["status"], ["front"])
LARGE_NET = "8s:br 10s:br p 12s:br 14s:br p 14v:br 18v:br gap fc10+"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[0, 1_000, 10_000], help="trials in the store")
    parser.add_argument("--repeats", type=int, default=10, help="timed trials and command calls each (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report: dict[str, Any] = {"repeats": options.repeats, "ask_to_tell_ms": {}, "command_seconds": {}}
    # Memory is measured first, since a new process's largest resident set starts at its parent's.
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=keep_freed_memory) as pool:
        report["worker_megabytes"] = pool.submit(worker_megabytes).result()
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        for num_trials in options.trials:
            runner = make_runner(Path(folder) / f"{num_trials}.db")
            fill(runner.search, runner.config.space, num_trials)
            report["ask_to_tell_ms"][num_trials] = _spread(ask_to_tell(runner, options.repeats))
        for command in COMMANDS:
            storage = [] if command == ["--help"] else ["--storage", runner.config.storage]
            report["command_seconds"][" ".join(command)] = _spread(time_command([*command, *storage], options.repeats))
    if options.json:
        print(json.dumps(report))
        return
    print(f"{options.repeats} repeats each: median, lowest and highest")
    for num_trials, spread in report["ask_to_tell_ms"].items():
        print(f"ask to tell with {num_trials:>6,} trials in the store: {_shown(spread, 'ms', 0)}")
    for command, spread in report["command_seconds"].items():
        print(f"python -m search {command:<7}: {_shown(spread, 's', 2)}")
    print(f"memory of a worker: {report['worker_megabytes']} MB")


@dataclass(frozen=True)
class Runner:
    """The objects with which a worker finds and trains candidates."""

    search: SearchStudy
    config: RunConfig
    proposals: Proposals
    trainer: TrialTrainer


def make_runner(path: Path) -> Runner:
    config = RunConfig(budget=BUDGET, storage=f"sqlite:///{path}", dataset="digits", epochs=1)
    store = Store.create(config.storage)
    locks = WorkerLocks(store.lock_path)
    data = load_dataset("digits", None)
    search = SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), locks)
    proposals, trainer = prepare_trials(
        search, config, data, device="cpu", engine=TORCH, seed=0, should_stop=lambda: False
    )
    return Runner(search, config, proposals, trainer)


def fill(search: SearchStudy, space: SearchSpace, num_trials: int) -> None:
    """Add finished trials like those of a search: half of those within the budget are complete, the others pruned."""
    search.study.add_trials(_finished_trials(space, num_trials))
    stored = search.study.get_trials(deepcopy=False)
    trained = [trial for trial in stored if trial.user_attrs["outcome"] != Outcome.REJECTED]
    slots = [
        {
            "study_name": search.name,
            "state": trial.user_attrs["outcome"],
            "trial_number": trial.number,
            "seed_number": trial.number,
            "num_params": trial.user_attrs["num_params"],
            "worker": 0,
            "host": "",
            "heartbeat": 0.0,
        }
        for trial in trained
    ]
    epochs = [
        {"study_name": search.name, "trial_number": trial.number, **asdict(result)}
        for trial in trained
        for result in _curve(trial.user_attrs["val_accuracy"])
    ]
    if trained:
        with search.store.database.begin() as connection:
            connection.execute(insert(trial_slots), slots)
            connection.execute(insert(epochs_table), epochs)
    complete = [trial for trial in trained if trial.state == TrialState.COMPLETE]
    update_front(search.store.database, search.name, map(front_point, complete))


def _finished_trials(space: SearchSpace, num_trials: int) -> Iterator[FrozenTrial]:
    """Yield trials of random candidates with invented accuracies that increase with size."""
    drawn = optuna.create_study(directions=["maximize", "minimize"], sampler=RandomSampler(seed=0))
    generator = random.Random(0)
    for _ in range(num_trials):
        trial = drawn.ask()
        candidate = space.suggest_candidate(trial, epochs=NUM_EPOCHS)
        num_params = candidate.num_params
        accuracy = 1 - 0.1 * num_params**-0.3 * generator.uniform(1, 2)
        complete = num_params <= BUDGET and generator.random() < 0.5
        outcome = Outcome.COMPLETE if complete else Outcome.PRUNED if num_params <= BUDGET else Outcome.REJECTED
        yield create_trial(
            state=TrialState.COMPLETE if complete else TrialState.PRUNED,
            values=[accuracy, num_params] if complete else None,
            params=trial.params,
            distributions=trial.distributions,
            constraints={BUDGET_CONSTRAINT: num_params / BUDGET - 1},
            user_attrs={
                "outcome": outcome,
                "num_params": num_params,
                "notation": str(candidate.architecture),
                "candidate": candidate.to_json(),
                "candidate_key": candidate.key,
                "val_accuracy": accuracy,
                "run": {"engine": "torch", "device": "cpu"},
                "seed": 0,
                "num_epochs": NUM_EPOCHS,
                "seconds": 60.0,
            },
        )


def _curve(accuracy: float, num_epochs: int = NUM_EPOCHS) -> list[EpochResult]:
    return [
        EpochResult(
            epoch=epoch,
            train_loss=0.1,
            train_accuracy=accuracy,
            val_loss=0.1,
            val_accuracy=1 - (1 - accuracy) * num_epochs / epoch,
            learning_rate=0.1,
            seconds=1.0,
        )
        for epoch in range(1, num_epochs + 1)
    ]


def _train_nothing(*_: Any, **__: Any) -> Iterator[EpochResult]:
    yield from _curve(0.97, 1)


def ask_to_tell(runner: Runner, repeats: int) -> Iterator[float]:
    """Yield the time of each trial in milliseconds."""
    worker = new_worker_id()
    with patch("search.runs.trial.train", _train_nothing):
        for number in range(NUM_WARM_UP + repeats):
            started = time.perf_counter()
            slot = runner.search.slots.claim(sys.maxsize, worker)
            assert slot is not None
            suggestion = runner.proposals.find(slot)
            assert suggestion is not None
            runner.trainer.train(suggestion, slot)
            if number >= NUM_WARM_UP:
                yield 1_000 * (time.perf_counter() - started)


def time_command(arguments: Sequence[str], repeats: int) -> Iterator[float]:
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "search", *arguments], check=True, stdout=subprocess.DEVNULL)
        yield time.perf_counter() - started


def worker_megabytes() -> int:
    """Return the largest resident set after a worker's imports and two epochs; to be run in a separate process."""
    import torch

    import search.runs.worker  # noqa: F401
    from mnist_core.model import build_model
    from mnist_core.training import train

    torch.set_num_threads(1)
    data = load_dataset("mnist", find_data_root("mnist"))
    config = TrainingConfig(epochs=2, batch_size=max(SearchSpace.default().training.batch_size_choices))
    model = build_model(ArchitectureSpec.from_text(LARGE_NET))
    for _ in train(model, data, config, seed=0, engine=resolve_engine("auto", "cpu")):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


def _spread(values: Iterator[float]) -> dict[str, float]:
    measured = list(values)
    return {"median": statistics.median(measured), "lowest": min(measured), "highest": max(measured)}


def _shown(spread: dict[str, float], unit: str, digits: int) -> str:
    middle, low, high = (f"{spread[name]:.{digits}f}" for name in ("median", "lowest", "highest"))
    return f"{middle} {unit} ({low} to {high})"


if __name__ == "__main__":
    main()
