"""Search strategies compared in real studies with the same processor time, judged by fresh seeds.

    python -m benchmarks.real_searches [--images PATH] [--minutes M] [--studies N] [--seeds N] [--strategies NAME ...]
                                       [--json]

Each strategy of benchmarks/strategies.py searches for M minutes of one core's time, in N studies that are interleaved
with those of the other strategies, one on each core: under a budget of 8,000 parameters on MNIST, or of 20,000 on the
images at PATH. Then each point that a study puts forward is trained with fresh seeds, and its mean accuracy on the
validation images is its true one: no test image is read. Prints every front, and the area that each dominates, as
benchmarks/replay.py measures it. Takes about N x (M + the time of the fresh seeds) x strategies / cores minutes.
"""

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context

import numpy as np
import optuna

from benchmarks.record import Series
from benchmarks.replay import TASKS, Task, area
from benchmarks.strategies import STRATEGIES
from benchmarks.strategy_study import FULL_SCHEDULE, Epoch, StrategyStudy, Trial
from benchmarks.training_measures import prepare_worker
from mnist_core.data import Dataset, find_data_root, load_dataset
from mnist_core.datasets.sources import AnyDataset
from mnist_core.engine import resolve_engine
from search.sampling.improvement import non_dominated
from search.workers.processes import default_workers
from search.workers.training import CandidateTraining
from space.candidate import CandidateSpec

COMPARED = ("random in full", "Optuna's default", "front search")
FRESH_SEED = 3_000_000


@dataclass
class Point:
    num_params: int
    notation: str
    val_accuracy: float
    """Measured in the search."""
    estimate: float
    """By which the study chose the point: the measured accuracy, unless the strategy knows better."""
    fresh: list[float] = field(default_factory=list)
    """Accuracies on the same validation images with fresh seeds."""


@dataclass(frozen=True)
class Found:
    """What one study puts forward."""

    strategy: str
    study: int
    num_trials: int
    num_epochs: int
    front: list[tuple[Point, CandidateSpec]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="the images to train on (default: MNIST)")
    parser.add_argument("--minutes", type=float, default=60, help="processor time of a study (default: 60)")
    parser.add_argument("--studies", type=int, default=2, help="for each strategy (default: 2)")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds for each point (default: 3)")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=COMPARED, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    series, task = Series.of(options.images), task_of(options.images)
    resolve_engine("native", "cpu")  # compiles the trainer once, before the workers start
    workers = default_workers("cpu")
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=prepare_worker, initargs=(1,)) as pool:
        searches = [
            pool.submit(search, series, task, strategy, i, options.minutes)
            for i in range(options.studies)
            for strategy in options.strategies
        ]
        studies = [search.result() for search in searches]
        fresh = [
            (point, pool.submit(last_accuracy, series.dataset, candidate, FRESH_SEED + i))
            for i in range(options.seeds)
            for found in studies
            for point, candidate in found.front
        ]
        for point, training in fresh:
            point.fresh.append(training.result())
    if options.json:
        print(json.dumps([asdict(found) | {"front": [asdict(point) for point, _ in found.front]} for found in studies]))
        return
    for found in sorted(studies, key=lambda found: found.strategy):
        print_study(found, task)


def task_of(images: str | None) -> Task:
    return TASKS["mnist" if images is None else "cifar10-small"]


def search(series: Series, task: Task, strategy: str, number: int, minutes: float) -> Found:
    """Run one study on one core and return what it puts forward."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = load_dataset(series.dataset, find_data_root(series.dataset))
    seeds = random.Random(f"real {strategy} {number}")
    study = StrategyStudy(
        start=lambda candidate: epochs_of(candidate, data, seeds.randrange(2**31)),
        space=series.space,
        budget=task.budget,
        num_validation=len(data.validation),
        random=random.Random(f"{strategy} {number}"),
        max_seconds=60 * minutes,
    )
    STRATEGIES[strategy](study)
    trials = study.complete()
    judged = study.judge(study, trials)
    front = non_dominated(np.log([trial.candidate.num_params for trial in trials]), judged)
    points = [(point_of(trials[i], judged[i]), trials[i].candidate) for i in front]
    return Found(strategy, number, len(study.trials), study.num_epochs, points)


def point_of(trial: Trial, log_error: float) -> Point:
    candidate = trial.candidate
    return Point(candidate.num_params, str(candidate.architecture), 1 - trial.error, 1 - math.exp(log_error))


def epochs_of(candidate: CandidateSpec, data: Dataset, seed: int) -> Iterator[Epoch]:
    """Train, and yield each epoch with its processor time."""
    training = CandidateTraining(candidate, data, seed=seed, device="cpu", engine=resolve_engine("native", "cpu"))
    results = iter(training)
    for _ in range(FULL_SCHEDULE):
        before = time.process_time()
        result = next(results)
        yield Epoch(result.val_accuracy, result.train_accuracy, time.process_time() - before)


def last_accuracy(dataset: AnyDataset, candidate: CandidateSpec, seed: int) -> float:
    """Return the validation accuracy after the last epoch."""
    data = load_dataset(dataset, find_data_root(dataset))
    return [*epochs_of(candidate, data, seed)][-1].val_accuracy


def print_study(found: Found, task: Task) -> None:
    points = [point for point, _ in found.front]
    sizes = np.log([point.num_params for point in points])
    errors = np.log([1 - statistics.mean(point.fresh) for point in points])
    optimism = statistics.mean(point.estimate - statistics.mean(point.fresh) for point in points)
    print(
        f"\n{found.strategy}, study {found.study}: {found.num_trials} trials, {found.num_epochs} epochs; area "
        f"{area(sizes, errors, task):.3f}; chosen by accuracies {100 * optimism:+.2f} points above those of fresh seeds"
    )
    for point in points:
        spread = f" (sd {100 * statistics.stdev(point.fresh):.2f})" if len(point.fresh) > 1 else ""
        print(
            f"  {point.num_params:>6,} parameters: {point.val_accuracy:.2%} in the search, "
            f"{statistics.mean(point.fresh):.2%}{spread} with fresh seeds  {point.notation}"
        )


if __name__ == "__main__":
    main()
