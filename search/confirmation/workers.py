"""The trainings of a confirmation, in worker processes."""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import Dataset, load_dataset, load_unsealed, open_test_set
from mnist_core.engine import Engine
from search.runs.worker import die_with_parent
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from studies.artifacts import StoredWeights, sha256_of
from studies.confirmations import SeedResult, Stage

T = TypeVar("T")

MAX_LOSSES = 5
"""Times in a row that a worker may be lost before one finishes a training."""


@dataclass(frozen=True)
class StudyResources:
    """What a study's candidates are trained with, and on."""

    dataset: str
    data_root: Path | None
    train_size: int
    """Training images of the search."""
    device: str
    engine: Engine


@dataclass(frozen=True)
class SeedTraining:
    stage: Stage
    trial: int
    candidate: CandidateSpec
    seed: int
    weights: Path
    """Where the model is kept once it is trained; one that only decides is not kept."""
    weights_sha256: str | None = None
    """Of that file, where the model is trained already; None too for one from before hashes were kept."""


class SeedWorkers:
    """Processes of one thread each, which end when this one does, however it does."""

    def __init__(self, num_workers: int, resources: StudyResources) -> None:
        self._num_workers = num_workers
        self._resources = resources
        self._pool = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if error is not None:  # nobody waits for what is still in training
            for process in multiprocessing.active_children():
                process.kill()

    def train(self, trainings: Sequence[SeedTraining]) -> Iterator[SeedResult]:
        """Train all and yield each as it ends; what a lost worker had begun is begun again.

        Raises `SearchFailedError` where workers are lost again and again.
        """
        left = list(trainings)
        num_losses = 0
        while left:
            futures = {self._submit(train_seed, training, self._resources): training for training in left}
            try:
                while futures:
                    for future in wait(futures, return_when=FIRST_COMPLETED).done:
                        yield future.result()
                        left.remove(futures.pop(future))
                        num_losses = 0
            except BrokenProcessPool:
                num_losses += 1
                if num_losses == MAX_LOSSES:
                    raise SearchFailedError(
                        f"{MAX_LOSSES} workers in a row were lost before one finished a training: "
                        "is there too little memory?"
                    ) from None
                print("a worker was lost: what was in training begins again", file=sys.stderr, flush=True)
                self._pool = self._start()

    def measure(self, trainings: Sequence[SeedTraining]) -> list[SeedResult]:
        """Open the sealed test set and judge the kept models by it; the results tell no training times.

        Raises `SearchFailedError` where the worker is lost.
        """
        try:
            return self._submit(measure_models, trainings, self._resources).result()
        except BrokenProcessPool:
            raise SearchFailedError(
                "the worker that judged the models was lost: is there too little memory? Nothing need be trained again"
            ) from None

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._num_workers, multiprocessing.get_context("spawn"), initializer=_prepare_process
        )

    def _submit(self, function: Callable[..., T], *arguments: object) -> "Future[T]":
        # The pool may start its processes here. A Ctrl-C reaches the whole process group; blocked, it spares them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(function, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def train_seed(training: SeedTraining, resources: StudyResources) -> SeedResult:
    """Train a candidate from its seed to its last epoch. A model that diverges is judged as any other."""
    from mnist_core.checkpoint import Checkpoint, checkpoint_logits, cpu_weights, save_checkpoint
    from mnist_core.model import build_model
    from mnist_core.training import DivergedError, train

    candidate, seed = training.candidate, training.seed
    data = _load(training.stage, resources)
    model = build_model(candidate.architecture, seed=seed)
    engine = resources.engine.for_candidate(candidate)
    seconds = 0.0
    try:
        for result in train(model, data, candidate.training, seed=seed, device=resources.device, engine=engine):
            seconds += result.seconds
    except DivergedError:
        pass
    checkpoint = Checkpoint.trained_on(
        data, candidate, cpu_weights(model), val_accuracy=None, seed=seed, trial=training.trial
    )
    if training.stage == Stage.MEASURE:
        save_checkpoint(training.weights, checkpoint)
        return SeedResult(training.stage, training.trial, seed, seconds, weights_sha256=sha256_of(training.weights))
    correct = checkpoint_logits(checkpoint, data.validation.images).argmax(1).numpy() == data.validation.labels
    return SeedResult(training.stage, training.trial, seed, seconds, correct)


def measure_models(trainings: Sequence[SeedTraining], resources: StudyResources) -> list[SeedResult]:
    """Judge models by the test set. Raises `InputError`, before that is read, for a file that is not its training's."""
    from sklearn.metrics import confusion_matrix

    from mnist_core.checkpoint import checkpoint_logits
    from search.models.loading import load_stored

    checkpoints = [
        load_stored(
            StoredWeights(training.weights, training.weights_sha256),
            training.candidate,
            trial=training.trial,
            seed=training.seed,
        )
        for training in trainings
    ]
    test = open_test_set(resources.dataset, resources.data_root).validation
    results = []
    for training, checkpoint in zip(trainings, checkpoints, strict=True):
        predicted = checkpoint_logits(checkpoint, test.images).argmax(1).numpy()
        confusion = confusion_matrix(test.labels, predicted, labels=range(10)).tolist()
        results.append(
            SeedResult(
                stage=training.stage,
                trial=training.trial,
                seed=training.seed,
                seconds=0.0,
                correct=predicted == test.labels,
                confusion=confusion,
                weights_sha256=training.weights_sha256,
            )
        )
    return results


@lru_cache(maxsize=1)
def _load(stage: Stage, resources: StudyResources) -> Dataset:
    if stage == Stage.MEASURE:
        return load_unsealed(resources.dataset, resources.data_root)
    return load_dataset(resources.dataset, resources.data_root, train_size=resources.train_size)


def _prepare_process() -> None:
    threading.Thread(target=die_with_parent, daemon=True).start()
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
