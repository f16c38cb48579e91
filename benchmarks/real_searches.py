"""Search strategies compared in real studies with the same processor time, judged by fresh seeds.

    python -m benchmarks.real_searches FOLDER [--images PATH] [--minutes M] [--studies N] [--first N]
                                       [--seeds N] [--strategies NAME ...] [--json]

Each strategy of benchmarks/strategies.py searches for M minutes of one core's time, in N studies that are interleaved
with those of the other strategies, one on each core: under a budget of 8,000 parameters on MNIST, or of 20,000 on the
images at PATH. Then each point that a study puts forward is trained with fresh seeds, and its mean accuracy on the
validation images is its true one: no test image is read. Prints every front, and the area that each dominates, as
benchmarks/replay.py measures it. Takes about N x (M + the time of the fresh seeds) x strategies / cores minutes.

Every epoch is kept in FOLDER, so that the command can be stopped at any time: the same command goes on where it
stopped, and one with more minutes, studies, seeds or strategies trains only what is not there yet. For that the code,
the images and the processor must be the same; on another processor, `--first` goes on with studies of other numbers.
"""

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import active_children, get_context
from pathlib import Path

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

    @property
    def title(self) -> str:
        return f"{self.strategy}, study {self.study}"


@dataclass(frozen=True)
class KeptEpochs:
    """Epochs of trainings, in a file of one JSON object a line. Only one process may use a file at a time."""

    path: Path
    data: Dataset

    def training(self, candidate: CandidateSpec, seed: int) -> Iterator[Epoch]:
        """Yield the epochs that are kept, and train for the others, with the processor time of each."""
        name = [seed, str(candidate.key)]
        kept = self._kept(name)
        yield from kept
        if len(kept) == FULL_SCHEDULE:
            return
        engine = resolve_engine("native", "cpu")
        results = iter(CandidateTraining(candidate, self.data, seed=seed, device="cpu", engine=engine))
        for i in range(FULL_SCHEDULE):
            before = time.process_time()
            result = next(results)
            epoch = Epoch(result.val_accuracy, result.train_accuracy, time.process_time() - before)
            if i >= len(kept):
                with self.path.open("a") as file:
                    file.write(json.dumps({"training": name, **epoch._asdict()}) + "\n")
                yield epoch

    def _kept(self, name: list[object]) -> list[Epoch]:
        text = self.path.read_text() if self.path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the last line, on a full disk, or of a machine that went down
            self.path.write_text(whole)
        lines = map(json.loads, whole.splitlines())
        return [Epoch(**{key: line[key] for key in Epoch._fields}) for line in lines if line["training"] == name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where every epoch is kept")
    parser.add_argument("--images", help="the images to train on (default: MNIST)")
    parser.add_argument("--minutes", type=float, default=60, help="processor time of a study (default: 60)")
    parser.add_argument("--studies", type=int, default=2, help="for each strategy (default: 2)")
    parser.add_argument("--first", type=int, default=0, help="number that seeds the first study (default: 0)")
    parser.add_argument("--seeds", type=int, default=3, help="fresh seeds for each point (default: 3)")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=COMPARED, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    series, task = Series.of(options.images), task_of(options.images)
    resolve_engine("native", "cpu")  # compiles the trainer once, before the workers start
    workers = default_workers("cpu")
    options.folder.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(workers, get_context("spawn"), initializer=prepare_worker, initargs=(1,)) as pool,
        ending_at_once(pool),
    ):
        searches = [
            pool.submit(search, series, task, strategy, i, options.minutes, options.folder)
            for i in range(options.first, options.first + options.studies)
            for strategy in options.strategies
        ]
        studies = []
        for running in searches:
            studies.append(running.result())
            print(f"{studies[-1].title} has ended", file=sys.stderr)
        fresh = [
            (point, pool.submit(last_accuracy, series.dataset, candidate, FRESH_SEED + i, options.folder))
            for i in range(options.seeds)
            for found in studies
            for point, candidate in found.front
        ]
        for i, (point, training) in enumerate(fresh, 1):
            point.fresh.append(training.result())
            print(f"fresh seeds: {i} of {len(fresh)} trainings", file=sys.stderr)
    if options.json:
        print(json.dumps([asdict(found) | {"front": [asdict(point) for point, _ in found.front]} for found in studies]))
        return
    studies.sort(key=lambda found: (found.strategy, found.study))
    for found in studies:
        print_study(found, task)
    print_summary(studies, task)


@contextmanager
def ending_at_once(pool: ProcessPoolExecutor) -> Iterator[None]:
    """After Ctrl-C or an error, end the workers too, whose epochs are kept: they would begin what they were given."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            process.kill()
        raise


def task_of(images: str | None) -> Task:
    return TASKS["mnist" if images is None else "cifar10-small"]


def search(series: Series, task: Task, strategy: str, number: int, minutes: float, folder: Path) -> Found:
    """Run one study on one core, or go on with it, and return what it puts forward."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = load_dataset(series.dataset, find_data_root(series.dataset))
    epochs = KeptEpochs(folder / f"{strategy} {number}.jsonl", data)
    seeds = random.Random(f"real {strategy} {number}")
    study = StrategyStudy(
        start=lambda candidate: epochs.training(candidate, seeds.randrange(2**31)),
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


def last_accuracy(dataset: AnyDataset, candidate: CandidateSpec, seed: int, folder: Path) -> float:
    """Return the validation accuracy after the last epoch."""
    data = load_dataset(dataset, find_data_root(dataset))
    epochs = KeptEpochs(folder / f"fresh seed {seed} of {candidate.key}.jsonl", data)
    return [*epochs.training(candidate, seed)][-1].val_accuracy


def print_study(found: Found, task: Task) -> None:
    points = [point for point, _ in found.front]
    done = f"\n{found.title}: {found.num_trials} trials, {found.num_epochs} epochs"
    if not points:
        print(f"{done}; nothing was trained to the end")
        return
    optimism = 100 * statistics.mean(point.estimate - statistics.mean(point.fresh) for point in points)
    print(
        f"{done}; area {area_of(found, task):.3f}; the accuracies by which points were chosen are on average "
        f"{abs(optimism):.2f} points {'below' if optimism < 0 else 'above'} those with fresh seeds"
    )
    for point in points:
        spread = f" (sd {100 * statistics.stdev(point.fresh):.2f})" if len(point.fresh) > 1 else ""
        print(
            f"  {point.num_params:>6,} parameters: {point.val_accuracy:.2%} in the search, "
            f"{statistics.mean(point.fresh):.2%}{spread} with fresh seeds  {point.notation}"
        )


def print_summary(studies: list[Found], task: Task) -> None:
    """Print a row for each study: its area, and how accurate its choices for four budgets are with fresh seeds."""
    limits = [task.budget // share for share in (8, 4, 2, 1)]
    print(f"\n{'':>26}  trials  epochs  points   area" + "".join(f"  <={limit:>6,}" for limit in limits))
    for found in studies:
        chosen = [choice(found, limit) for limit in limits]
        print(
            f"{found.title:>26}{found.num_trials:>8,}{found.num_epochs:>8,}{len(found.front):>8}"
            f"{area_of(found, task):>7.3f}"
            + "".join(f"{'none' if accuracy is None else format(accuracy, '.2%'):>10}" for accuracy in chosen)
        )


def area_of(found: Found, task: Task) -> float:
    points = [point for point, _ in found.front]
    sizes = np.log([point.num_params for point in points])
    return area(sizes, np.log([1 - statistics.mean(point.fresh) for point in points]), task)


def choice(found: Found, limit: int) -> float | None:
    """Return the accuracy with fresh seeds of the point that the study expects most of, up to a size, if it has one."""
    points = [point for point, _ in found.front if point.num_params <= limit]
    if not points:
        return None
    return statistics.mean(max(points, key=lambda point: point.estimate).fresh)


if __name__ == "__main__":
    main()
