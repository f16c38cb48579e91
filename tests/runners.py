"""What a worker does, without its process: trials on digits with tiny nets."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH, Engine
from search.runs.config import RunConfig
from search.runs.trial import TrialRunner
from search.sampling.tpe import BoundedTpe
from space.search_space import ArchitectureRanges, SearchSpace, Stage, TrainingRanges
from studies.locks import WorkerLocks
from studies.records import Outcome
from studies.storage import Store
from studies.study import SearchStudy
from tests.stores import WORKER

TRAIN_SIZE = 60


@cache
def few_digits() -> Dataset:
    return load_dataset("digits", None, train_size=TRAIN_SIZE)


def small_space(
    *,
    width: tuple[int, int] = (2, 6),
    max_lr: tuple[float, float] = (0.05, 0.1),
    **ranges: tuple[float, ...],
) -> SearchSpace:
    """Two convolutions with a pool between them. ``ranges`` replace those of training."""
    training: dict[str, Any] = {
        "batch_size_choices": (16, 32),
        "max_lr": max_lr,
        "weight_decay": (1e-5, 1e-4),
        "label_smoothing": (0.0, 0.1),
        "augmentation": (0.5, 1.0),
    }
    return SearchSpace(
        stage=(Stage(layers=(1, 1), width=width), Stage(layers=(1, 1), width=width, padding="valid")),
        architecture=ArchitectureRanges(dropout=(0.0, 0.05)),
        training=TrainingRanges(**training | ranges),
    )


def make_runner(
    folder: Path,
    *,
    engine: Engine = TORCH,
    sampler_seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> TrialRunner:
    """A worker's runner on the store in ``folder``. ``settings`` are fields of `RunConfig`."""
    defaults = {"budget": 500, "trials": 3, "epochs": 2, "pruner": "none", "space": small_space()}
    config = RunConfig(
        dataset="digits",
        storage=f"sqlite:///{folder / 'studies.db'}",
        train_size=TRAIN_SIZE,
        **defaults | {"study": "tiny"} | settings,
    )
    store = Store.create(config.storage)
    locks = WorkerLocks(store.lock_path)
    data = few_digits()
    return TrialRunner(
        search=SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), locks),
        config=config,
        data=data,
        device="cpu",
        engine=engine,
        tpe=BoundedTpe(sampler_seed),
        random=random.Random(sampler_seed),
        should_stop=should_stop,
    )


def run_all(runner: TrialRunner, num_trials: int | None = None) -> list[Outcome | None]:
    """Run trials until the study has its total, or ``num_trials`` of them; returns how each ended."""
    outcomes: list[Outcome | None] = []
    while (num_trials is None or len(outcomes) < num_trials) and (
        slot := runner.search.slots.claim(runner.config.trials, WORKER)
    ):
        outcomes.append(runner.run(slot))
    return outcomes


def stop_after(runner: TrialRunner, num_questions: int) -> TrialRunner:
    """The runner, asked to stop when it has looked that many times whether it shall."""
    answers = iter([False] * num_questions)
    return replace(runner, should_stop=lambda: next(answers, True))
