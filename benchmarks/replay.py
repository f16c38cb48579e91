"""Search strategies compared in simulated studies, on a surrogate of recorded trainings.

    python -m benchmarks.replay [--task mnist|cifar10-small] [--strategies NAME ...] [--studies N] [--epochs N]
                                [--plot FILE] [--json]

Each strategy searches under a budget of 8,000 parameters, or 20,000 on cifar10-small, until it has spent its epochs.
What counts is the area between a reference error and the true errors of the points that it would put forward, against
log10 of their size. True errors are those of the surrogate, averaged over seeds. The points are the front of the full
trainings by their measured errors or, in the front search, by its estimates. Prints means over the studies with 95 %
intervals by Student's t, after several numbers of epochs, and when each strategy reaches what others have in the end.
"""

import argparse
import json
import math
import random
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import matplotlib
import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.record import TABLE
from benchmarks.strategies import STRATEGIES
from benchmarks.strategy_study import StrategyStudy
from benchmarks.surrogate import Surrogate
from search.sampling.improvement import Front, non_dominated
from search.workers.processes import default_workers
from space.fitted import default_space
from space.search_space import SearchSpace

FIRST_SEED = 100
"""Seeds below it served to try strategies out."""
CHECKPOINTS = (60, 120, 240, 450, 900, 1_800)
"""Numbers of epochs after which the areas are printed."""


@dataclass(frozen=True)
class Task:
    """What the strategies search for, with the recorded trainings that simulate it."""

    table: Path
    space: SearchSpace
    budget: int
    smallest: int
    """Size from which the area counts."""
    reference_error: float
    num_validation: int


TASKS = {
    "mnist": Task(TABLE, SearchSpace.default(), 8_000, smallest=500, reference_error=0.05, num_validation=10_000),
    "cifar10-small": Task(
        TABLE.with_name("cifar10-small.csv.gz"),
        default_space((3, 32, 32), 10, 20_000),
        20_000,
        smallest=1_250,
        reference_error=0.7,
        num_validation=1_654,
    ),
}


@dataclass(frozen=True)
class Progress:
    """How a study stands after a training."""

    num_epochs: int
    seconds: float
    area: float
    """Of the points that are put forward, by their true errors."""
    optimism: float
    """Mean over these points of the true log error minus the one by which they were chosen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="mnist", help="the recorded images (default: mnist)")
    parser.add_argument(
        "--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES), metavar="NAME", help="default: all"
    )
    parser.add_argument("--studies", type=int, default=20, help="simulated studies of each strategy (default: 20)")
    parser.add_argument("--epochs", type=int, default=CHECKPOINTS[-1], help=f"default: {CHECKPOINTS[-1]}")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the areas against epochs too, as PNG or SVG")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    task = TASKS[options.task]
    surrogate = Surrogate(pd.read_csv(task.table), seed=0)
    seeds = range(FIRST_SEED, FIRST_SEED + options.studies)
    with ProcessPoolExecutor(default_workers("cpu"), get_context("spawn")) as pool:
        futures = {
            name: [pool.submit(replay, task, name, seed, options.epochs) for seed in seeds]
            for name in options.strategies
        }
        studies = {name: [future.result() for future in of_name] for name, of_name in futures.items()}
    if options.plot:
        draw(studies, options.epochs, options.plot)
    if options.json:
        report = {name: [[asdict(progress) for progress in study] for study in of] for name, of in studies.items()}
        print(json.dumps({"surrogate": asdict(surrogate.accuracy()), "studies": report}))
        return
    print_report(surrogate, studies, options.epochs)


def replay(task: Task, strategy: str, seed: int, max_epochs: int) -> list[Progress]:
    """Simulate one study. Every study has a surrogate of its own, whose trees were drawn anew."""
    surrogate = Surrogate(pd.read_csv(task.table), seed=seed)
    history: list[Progress] = []
    simulate(
        task,
        surrogate,
        strategy,
        seed=seed,
        max_epochs=max_epochs,
        after_training=lambda study: history.append(progress_of(study, task, surrogate)),
    )
    return history


def simulate(
    task: Task,
    surrogate: Surrogate,
    strategy: str,
    *,
    seed: int,
    max_epochs: int,
    after_training: Callable[[StrategyStudy], None],
) -> None:
    """Run a strategy on the surrogate until it has spent its epochs."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    noise = np.random.default_rng([seed, *strategy.encode()])
    study = StrategyStudy(
        start=lambda candidate: surrogate.train(candidate, noise),
        space=task.space,
        budget=task.budget,
        num_validation=task.num_validation,
        random=random.Random(f"{strategy} {seed}"),
        max_epochs=max_epochs,
        after_training=after_training,
    )
    STRATEGIES[strategy](study)


def progress_of(study: StrategyStudy, task: Task, surrogate: Surrogate) -> Progress:
    trials = study.complete()
    sizes = np.log([trial.candidate.num_params for trial in trials])
    judged = study.judge(study, trials) if trials else np.zeros(0)
    true = np.array([surrogate.true_log_error(trial.candidate) for trial in trials])
    chosen = non_dominated(sizes, judged)
    optimism = float(np.mean(true[chosen] - judged[chosen])) if len(chosen) else 0.0
    return Progress(study.num_epochs, study.seconds, area(sizes[chosen], true[chosen], task), optimism)


def area(log_sizes: NDArray[np.float64], log_errors: NDArray[np.float64], task: Task) -> float:
    """Return the area that points dominate, in units of log10 of size times log10 of error."""
    front = Front.of(
        log_sizes,
        log_errors,
        log_smallest=math.log(task.smallest),
        log_budget=math.log(task.budget),
        reference=math.log(task.reference_error),
    )
    return front.area / math.log(10) ** 2


def print_report(surrogate: Surrogate, studies: dict[str, list[list[Progress]]], max_epochs: int) -> None:
    accuracy = surrogate.accuracy()
    print(
        f"surrogate of {accuracy.num_candidates} candidates; standard deviation of the log error: "
        f"{accuracy.size_alone:.3f} around a quadratic in log size, {accuracy.cross_validated:.3f} around the "
        f"surrogate (ten-fold), {accuracy.noise:.3f} between seeds"
    )
    checkpoints = [epochs for epochs in CHECKPOINTS if epochs <= max_epochs]
    print(f"\narea (mean, 95 % interval over {len(next(iter(studies.values())))} studies) after epochs")
    print(f"{'':>22}" + "".join(f"{epochs:>18,}" for epochs in checkpoints) + "  optimism")
    for name, of_name in studies.items():
        cells = [interval([area_after(study, epochs) for study in of_name]) for epochs in checkpoints]
        optimism = statistics.mean(study[-1].optimism for study in of_name)
        print(f"{name:>22}" + "".join(f"{mean:>10.3f} ±{half:6.3f}" for mean, half in cells) + f"{optimism:>+9.1%}")
    for reference in ("random in full", "growing in full", "Optuna's default", "MO-ASHA"):
        if reference not in studies:
            continue
        goal = statistics.mean(area_after(study, max_epochs) for study in studies[reference])
        print(f"\nepochs (and seconds of one core) until the mean area is that of {reference} in the end:")
        for name, of_name in studies.items():
            reached = epochs_to_reach(of_name, goal, max_epochs)
            print(f"{name:>22}" + (f"{reached[0]:>8,} {reached[1]:>10,.0f} s" if reached else "   never"))


def draw(studies: dict[str, list[list[Progress]]], max_epochs: int, path: Path) -> None:
    """Draw the mean area of each strategy with its 95 % interval, against the epochs that were spent."""
    matplotlib.use("Agg")
    epochs = np.unique(np.geomspace(30, max_epochs, 60).round().astype(int))
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, of_name in studies.items():
        means, halves = np.array([interval([area_after(study, n) for study in of_name]) for n in epochs]).T
        is_ours = name == "front search"
        (line,) = axes.plot(epochs, means, label=name, linewidth=2.5 if is_ours else 1.2)
        axes.fill_between(epochs, means - halves, means + halves, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.set(xscale="log", xlabel="epochs trained", ylabel="dominated area, log10 parameters x log10 error")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xticks([n for n in CHECKPOINTS if n <= max_epochs], minor=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def area_after(study: Sequence[Progress], epochs: int) -> float:
    """Return the area after at most so many epochs."""
    reached = [progress.area for progress in study if progress.num_epochs <= epochs]
    return reached[-1] if reached else 0.0


def epochs_to_reach(studies: Sequence[Sequence[Progress]], goal: float, max_epochs: int) -> tuple[int, float] | None:
    """Return the epochs after which the mean area is at least the goal, and the mean time that they take."""
    for epochs in range(15, max_epochs + 1, 15):
        if statistics.mean(area_after(study, epochs) for study in studies) >= goal:
            spent = [[p.seconds for p in study if p.num_epochs <= epochs] for study in studies]
            return epochs, statistics.mean(seconds[-1] if seconds else 0.0 for seconds in spent)
    return None


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and half the width of its 95 % interval, which is infinite for a single value."""
    if len(values) == 1:
        return values[0], math.inf
    half = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


if __name__ == "__main__":
    main()
