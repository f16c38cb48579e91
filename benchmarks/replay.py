"""Search strategies compared in simulated studies, on a surrogate of recorded trainings.

    python -m benchmarks.replay [--table FILE] [--strategies NAME,...] [--studies N] [--epochs N] [--json]

Each strategy searches under a budget of 8,000 parameters until it has spent its epochs. What counts is the area between
a reference error and the true errors of the points that it would put forward, against log10 of their size: true errors
are those of the surrogate, averaged over seeds, and the points are the front of the full trainings, by their measured
errors. Prints means over the studies with 95 % intervals by Student's t, after several numbers of epochs, and when each
strategy reaches what random search has in the end.
"""

import argparse
import json
import math
import random
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.record import TABLE
from benchmarks.strategies import STRATEGIES, SimulatedStudy
from benchmarks.surrogate import Surrogate
from search.sampling.improvement import Front, non_dominated
from search.workers.processes import default_workers
from space.search_space import SearchSpace

BUDGET = 8_000
SMALLEST = 500
"""Size from which the area counts."""
REFERENCE_ERROR = 0.05
CHECKPOINTS = (60, 120, 240, 450, 900, 1_800)
"""Numbers of epochs after which the areas are printed."""


@dataclass(frozen=True)
class Progress:
    """How a study stands after a training."""

    num_epochs: int
    seconds: float
    area: float
    """Of the front by measured errors."""
    optimism: float
    """Mean of the true minus the measured log error of the front's points."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=TABLE, help=f"default: {TABLE.name} of benchmarks.record")
    parser.add_argument("--strategies", help=f"separated by commas, of {', '.join(STRATEGIES)} (default: all)")
    parser.add_argument("--studies", type=int, default=20, help="simulated studies of each strategy (default: 20)")
    parser.add_argument("--epochs", type=int, default=CHECKPOINTS[-1], help=f"default: {CHECKPOINTS[-1]}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    names = options.strategies.split(",") if options.strategies else list(STRATEGIES)
    surrogate = Surrogate(pd.read_csv(options.table), seed=0)
    with ProcessPoolExecutor(default_workers("cpu"), get_context("spawn")) as pool:
        futures = {
            name: [pool.submit(replay, options.table, name, seed, options.epochs) for seed in range(options.studies)]
            for name in names
        }
        studies = {name: [future.result() for future in of_name] for name, of_name in futures.items()}
    if options.json:
        report = {name: [[asdict(progress) for progress in study] for study in of] for name, of in studies.items()}
        print(json.dumps({"surrogate": asdict(surrogate.accuracy()), "studies": report}))
        return
    print_report(surrogate, studies, options.epochs)


def replay(table: Path, strategy: str, seed: int, max_epochs: int) -> list[Progress]:
    """Simulate one study. Every study has a surrogate of its own, whose trees were drawn anew."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = SimulatedStudy(
        surrogate=Surrogate(pd.read_csv(table), seed=seed),
        space=SearchSpace.default(),
        budget=BUDGET,
        max_epochs=max_epochs,
        noise=np.random.default_rng([seed, len(strategy)]),
        random=random.Random(f"{strategy} {seed}"),
        after_training=lambda study: history.append(progress_of(study)),
    )
    history: list[Progress] = []
    STRATEGIES[strategy](study)
    return history


def progress_of(study: SimulatedStudy) -> Progress:
    trials = study.complete()
    sizes = np.log([trial.candidate.num_params for trial in trials])
    measured = np.array([trial.training.log_error for trial in trials])
    true = np.array([study.surrogate.true_log_error(trial.candidate) for trial in trials])
    chosen = non_dominated(sizes, measured)
    optimism = float(np.mean(true[chosen] - measured[chosen])) if len(chosen) else 0.0
    return Progress(study.num_epochs, study.seconds, area(sizes[chosen], true[chosen]), optimism)


def area(log_sizes: NDArray[np.float64], log_errors: NDArray[np.float64]) -> float:
    """Return the area that points dominate, in units of log10 of size times log10 of error."""
    front = Front.of(
        log_sizes,
        log_errors,
        log_smallest=math.log(SMALLEST),
        log_budget=math.log(BUDGET),
        reference=math.log(REFERENCE_ERROR),
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
    for reference in ("random in full", "Optuna's default", "MO-ASHA"):
        if reference not in studies:
            continue
        goal = statistics.mean(area_after(study, max_epochs) for study in studies[reference])
        print(f"\nepochs (and seconds of one core) until the mean area is that of {reference} in the end:")
        for name, of_name in studies.items():
            reached = epochs_to_reach(of_name, goal, max_epochs)
            print(f"{name:>22}" + (f"{reached[0]:>8,} {reached[1]:>10,.0f} s" if reached else "   never"))


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
    """Return the mean and half the width of its 95 % interval."""
    half = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.mean(values), half


if __name__ == "__main__":
    main()
