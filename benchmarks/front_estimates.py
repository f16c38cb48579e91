"""How optimistic the front of a search is, and what the estimates beside it are worth, in simulated studies.

    python -m benchmarks.front_estimates [--task mnist|cifar10-small] [--studies N] [--trials N ...]

Studies are simulated as in benchmarks/replay.py: the true accuracy of a net is that of the surrogate, averaged over
seeds. Prints, for the points of the front by measured accuracy: by how many per cent of the true error the errors that
were measured and estimated are too low, the root mean squares of these differences, and by how many points of accuracy
the net that each of the two would choose falls short of the best of the front. Means over the studies with their
standard errors, and the share of points whose true accuracy is within one stated standard deviation of the estimate.
"""

import argparse
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd

from benchmarks.replay import TASKS, Task, simulate
from benchmarks.strategies import observations
from benchmarks.strategy_study import FULL_SCHEDULE, StrategyStudy
from benchmarks.surrogate import Surrogate
from search.sampling.estimates import estimate_accuracies
from search.sampling.improvement import non_dominated
from search.workers.processes import default_workers

STRATEGY_NAMES = ("front search", "growing in full")


@dataclass(frozen=True)
class FrontErrors:
    """Errors of one front, in per cent of the true error; regrets are in points of accuracy."""

    measured_bias: float
    estimate_bias: float
    measured_rms: float
    estimate_rms: float
    measured_regret: float
    estimate_regret: float
    coverage: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="mnist", help="the recorded images (default: mnist)")
    parser.add_argument("--studies", type=int, default=20, help="simulated studies of each strategy (default: 20)")
    parser.add_argument("--trials", type=int, nargs="+", default=[10, 30, 120], help="complete trials when measured")
    options = parser.parse_args()
    print(
        "strategy, complete trials: bias of measured, of estimate; rms error of measured, of estimate; "
        "regret of measured, of estimate; share within one standard deviation"
    )
    with ProcessPoolExecutor(default_workers("cpu"), get_context("spawn")) as pool:
        for name in STRATEGY_NAMES:
            judge = partial(fronts, TASKS[options.task], name, sorted(options.trials))
            studies = list(pool.map(judge, range(options.studies)))
            for column, num in enumerate(sorted(options.trials)):
                values = np.array([astuple(study[column]) for study in studies])
                errors = values.std(0, ddof=1) / math.sqrt(len(values))
                shown = [f"{mean:+.2f} ± {error:.2f}" for mean, error in zip(values.mean(0), errors, strict=True)]
                print(f"{name}, {num}: {'; '.join(', '.join(shown[i : i + 2]) for i in range(0, 7, 2))}", flush=True)


def fronts(task: Task, strategy: str, nums: list[int], seed: int) -> list[FrontErrors]:
    """Simulate one study, and judge its front after so many complete trials."""
    surrogate = Surrogate(pd.read_csv(task.table), seed=seed)
    found: list[FrontErrors] = []

    def after_training(study: StrategyStudy) -> None:
        if len(found) < len(nums) and len(study.complete()) == nums[len(found)]:
            found.append(errors_of(study, surrogate))
            if len(found) == len(nums):
                study.max_epochs = 0

    max_epochs = 2 * FULL_SCHEDULE * nums[-1]
    simulate(task, surrogate, strategy, seed=seed, max_epochs=max_epochs, after_training=after_training)
    return found


def errors_of(study: StrategyStudy, surrogate: Surrogate) -> FrontErrors:
    trials = study.complete()
    measured = np.log([trial.error for trial in trials])
    chosen = non_dominated(np.log([trial.candidate.num_params for trial in trials]), measured)
    candidates = [trials[i].candidate for i in chosen]
    estimates = estimate_accuracies(observations(study), candidates, num_validation=study.num_validation)
    estimated = np.log([1 - estimate.accuracy for estimate in estimates])
    log_errors = np.array([surrogate.true_log_error(candidate) for candidate in candidates])
    true = log_errors + surrogate.noise**2 / 2  # of the mean error over seeds, whose errors are log-normal
    accuracies, stds = 1 - np.exp(true), np.array([estimate.std for estimate in estimates])
    return FrontErrors(
        100 * float((true - measured[chosen]).mean()),
        100 * float((true - estimated).mean()),
        100 * float(np.sqrt(((true - measured[chosen]) ** 2).mean())),
        100 * float(np.sqrt(((true - estimated) ** 2).mean())),
        100 * float(accuracies.max() - accuracies[measured[chosen].argmin()]),
        100 * float(accuracies.max() - accuracies[estimated.argmin()]),
        float((np.abs(np.exp(estimated) - np.exp(true)) < stds).mean()),
    )


if __name__ == "__main__":
    main()
