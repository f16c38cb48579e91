"""What a worker does, without its process: trials on digits with tiny nets."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH, Engine
from search.runs.config import RunConfig
from search.runs.trial import TrialTrainer
from search.runs.worker import fill, prepare_trials
from search.sampling.proposals import Proposals
from space.ranges import ArchitectureRanges, Stage, TrainingRanges
from space.search_space import SearchSpace
from studies.slots import Slot
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import WORKER

TRAIN_SIZE = 60


@dataclass(frozen=True)
class TrialRunner:
    """Fills slots as a worker does."""

    search: SearchStudy
    config: RunConfig
    proposals: Proposals
    trainer: TrialTrainer

    def run(self, slot: Slot) -> Outcome | None:
        return fill(slot, self.search, self.proposals, self.trainer)


@cache
def few_digits() -> Dataset:
    return load_dataset("digits", None, train_size=TRAIN_SIZE)


@cache
def digits_of_a_rare_class() -> Dataset:
    """The same with 30 validation images, of which three are ones and the others zeros."""
    data = load_dataset("digits", None, train_size=TRAIN_SIZE)
    labels = data.validation.labels
    kept = np.concatenate([np.flatnonzero(labels == 0)[:27], np.flatnonzero(labels == 1)[:3]])
    return replace(data, validation=replace(data.validation, images=data.validation.images[kept], labels=labels[kept]))


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


def only_one_candidate(**ranges: tuple[float, ...]) -> SearchSpace:
    """A space where nothing is left to choose, but for what ``ranges`` say."""
    single: dict[str, Any] = {
        "batch_size_choices": (16,),
        "max_lr": (0.1, 0.1),
        "weight_decay": (1e-4, 1e-4),
        "label_smoothing": (0.0, 0.0),
        "augmentation": (1.0, 1.0),
    }
    space = small_space(width=(3, 3), **single | ranges)
    return space.model_copy(update={"architecture": space.architecture.model_copy(update={"dropout": (0.0, 0.0)})})


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
        train_size=TRAIN_SIZE,
        **defaults | {"study": "tiny", "storage": f"sqlite:///{folder / 'studies.db'}"} | settings,
    )
    store = Store.create(config.storage)
    data = few_digits()
    search = SearchStudy.create_or_resume(store, config.study_name, config.fingerprint(data), store.locks)
    proposals, trainer = prepare_trials(
        search, config, data, device="cpu", engine=engine, seed=sampler_seed, should_stop=should_stop
    )
    return TrialRunner(search, config, proposals, trainer)


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

    def should_stop() -> bool:
        return next(answers, True)

    return replace(
        runner,
        proposals=replace(runner.proposals, should_stop=should_stop),
        trainer=replace(runner.trainer, should_stop=should_stop),
    )
