"""What the estimates beside a front are worth in a real study, judged by the fresh seeds of its confirmation.

    python -m benchmarks.confirmed_estimates [FOLDER]

reads the tables of a study of the default space that benchmarks/study_tables.py wrote to FOLDER (default: those of
docs/results.md), estimates the validation accuracy of each contender anew from all trials of the search, and compares
it, and the accuracy that the search measured, with the mean over the confirmation's fresh seeds on the same images.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FixedTrial

from benchmarks.strategy_study import FULL_SCHEDULE
from search.sampling.estimates import estimate_accuracies
from search.sampling.observation import observe
from space.candidate import CandidateSpec
from space.search_space import SearchSpace
from studies.rivals import TrialCurve

FOLDER = Path(__file__).parent.parent / "docs" / "runs" / "2026-11-28-mnist-8000-third"
NUM_VALIDATION = 10_000
VALIDATION_STAGE = 1
"""Stage of a confirmation whose trainings are judged by the validation images."""

Array = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, metavar="FOLDER", help="default: %(default)s")
    folder = parser.parse_args().folder
    candidates = read_candidates(folder / "trials.csv")
    curves = read_curves(folder / "curves.csv", candidates)
    observations = observe(
        (({}, candidates[trial], curve) for trial, curve in curves.items()),
        num_epochs=FULL_SCHEDULE,
        num_validation=NUM_VALIDATION,
    )
    trainings = pd.read_csv(folder / "confirmation.csv")
    fresh = trainings[trainings["stage"] == VALIDATION_STAGE].groupby("trial")["accuracy"].mean()
    estimates = estimate_accuracies(
        observations, [candidates[trial] for trial in fresh.index], num_validation=NUM_VALIDATION
    )
    true = fresh.to_numpy()
    estimated = np.array([estimate.accuracy for estimate in estimates])
    stds = np.array([estimate.std for estimate in estimates])
    print(f"{len(true)} contenders of {len(candidates)} trials; accuracy minus the mean over fresh seeds, in points:")
    print_errors("measured", np.array([curves[trial].val_accuracy[-1] for trial in fresh.index]) - true)
    print_errors("estimated", estimated - true)
    print(f"within one standard deviation of the estimate: {(np.abs(estimated - true) < stds).mean():.0%}")


def read_candidates(path: Path) -> dict[int, CandidateSpec]:
    """Return the candidates of a study's trials by number."""
    candidates = {}
    for row in pd.read_csv(path).to_dict("records"):
        cells = {str(column): value for column, value in row.items()}
        names = list(cells)
        params = {name: cells[name] for name in names[names.index("reason") + 1 :]}
        candidates[int(cells["trial"])] = SearchSpace.default().suggest_candidate(
            FixedTrial(params), epochs=FULL_SCHEDULE
        )
    return candidates


def read_curves(path: Path, candidates: dict[int, CandidateSpec]) -> dict[int, TrialCurve]:
    """Return the accuracies after each epoch, by number of the trial."""
    table = pd.read_csv(path).sort_values("epoch").set_index("trial")
    return {
        trial: TrialCurve(
            candidate.num_params,
            tuple(table.loc[[trial], "val_accuracy"]),
            tuple(table.loc[[trial], "train_accuracy"]),
        )
        for trial, candidate in candidates.items()
    }


def print_errors(name: str, errors: Array) -> None:
    errors = 100 * errors
    print(f"    {name}: {errors.mean():+.3f} on average, root mean square {np.sqrt((errors**2).mean()):.3f}")


if __name__ == "__main__":
    main()
