"""Worker processes that run the trainings of a confirmation and test its models."""

import contextlib
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from mnist_core.data import Dataset, load_all_but_test, open_test_set, warnings_of
from mnist_core.processes import without_main_module
from search.terminal.interrupts import deferring_interrupts
from search.terminal.output import print_warnings
from search.workers.machine import Resources, prepare_process
from search.workers.processes import MAX_LOSSES, end_with_parent, too_many_losses
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from studies.artifacts import StoredWeights, sha256_of
from studies.confirmations import SeedResult, Stage

T = TypeVar("T")


@dataclass(frozen=True)
class SeedTraining:
    stage: Stage
    trial: int
    candidate: CandidateSpec
    seed: int
    weights: Path
    """Path of the trained model's file; models of the deciding stage are not kept."""
    weights_sha256: str | None = None
    """SHA-256 of that file; None if the model is not trained yet or its hash was not recorded."""


class SeedWorkers:
    """Single-threaded worker processes that end with this process, however it ends."""

    def __init__(self, num_workers: int, resources: Resources) -> None:
        self._num_workers = num_workers
        self._resources = resources
        self._pool = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if error is not None:  # nobody waits for unfinished trainings
            for process in multiprocessing.active_children():
                process.kill()

    def train(self, trainings: Sequence[SeedTraining]) -> Iterator[SeedResult]:
        """Run all trainings and yield each result as it arrives; trainings of lost workers are started again.

        Raises `SearchFailedError` if workers are lost repeatedly.
        """
        left = list(trainings)
        num_losses = 0
        while left:
            try:
                futures = {self._submit(train_seed, training, self._resources): training for training in left}
                while futures:
                    # What has ended comes before what was lost with a worker.
                    for future in sorted(wait(futures, return_when=FIRST_COMPLETED).done, key=_is_lost):
                        yield future.result()
                        left.remove(futures.pop(future))
                        num_losses = 0
            except BrokenProcessPool:
                num_losses += 1
                if num_losses == MAX_LOSSES:
                    raise too_many_losses("a training") from None
                print("a worker was lost: what was in training starts again", file=sys.stderr, flush=True)
                self._pool = self._start()

    def measure(self, trainings: Sequence[SeedTraining]) -> list[SeedResult]:
        """Open the sealed test set and test the kept models; the results have no training times.

        Raises `SearchFailedError` if the worker is lost.
        """
        try:
            return self._submit(measure_models, trainings, self._resources).result()
        except BrokenProcessPool:
            raise SearchFailedError(
                "the worker that judged the models was lost: is there too little memory? "
                "No training needs to be repeated"
            ) from None

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._num_workers, multiprocessing.get_context("spawn"), initializer=_begin_process)

    def _submit(self, function: Callable[..., T], *arguments: object) -> "Future[T]":
        with deferring_interrupts(), without_main_module():  # the pool may start its processes here
            return self._pool.submit(function, *arguments)


def _is_lost(future: "Future[SeedResult]") -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def train_seed(training: SeedTraining, resources: Resources) -> SeedResult:
    """Train a candidate with one seed to its last epoch. A model that diverges is judged like any other."""
    from mnist_core.checkpoint import checkpoint_logits, save_checkpoint
    from mnist_core.training import DivergedError
    from search.workers.training import CandidateTraining

    data = _load(training.stage, resources)
    run = CandidateTraining(
        training.candidate,
        data,
        seed=training.seed,
        device=resources.device,
        engine=resources.engine,
        trial=training.trial,
    )
    with contextlib.suppress(DivergedError):
        for _ in run:
            pass
    checkpoint = run.checkpoint(is_judged=False)
    result = SeedResult(training.stage, training.trial, training.seed, sum(epoch.seconds for epoch in run.results))
    if training.stage == Stage.MEASURE:
        save_checkpoint(training.weights, checkpoint)
        return replace(result, weights_sha256=sha256_of(training.weights))
    predicted = checkpoint_logits(checkpoint, data.validation.images).argmax(1).numpy()
    return replace(result, correct=predicted == data.validation.labels)


def measure_models(trainings: Sequence[SeedTraining], resources: Resources) -> list[SeedResult]:
    """Test models. Raises `InputError`, before the test set is read, if a file is not the model of its training."""
    from mnist_core.checkpoint import checkpoint_logits
    from search.models.loading import load_stored
    from studies.confusions import count_confusion

    checkpoints = [
        load_stored(
            StoredWeights(training.weights, training.weights_sha256),
            training.candidate,
            trial=training.trial,
            seed=training.seed,
        )
        for training in trainings
    ]
    num_classes = checkpoints[0].candidate.architecture.num_classes
    test = open_test_set(resources.dataset, resources.data_root)
    print_warnings(warnings_of(test, f"test images of {resources.dataset}", num_classes))
    results = []
    for training, checkpoint in zip(trainings, checkpoints, strict=True):
        predicted = checkpoint_logits(checkpoint, test.images).argmax(1).numpy()
        confusion = count_confusion(test.labels, predicted, num_classes).tolist()
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
def _load(stage: Stage, resources: Resources) -> Dataset:
    if stage == Stage.MEASURE:
        return load_all_but_test(resources.dataset, resources.data_root)
    return resources.load_data()


def _begin_process() -> None:
    end_with_parent()
    prepare_process()
