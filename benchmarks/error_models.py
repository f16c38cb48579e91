"""How well the model of errors of a search knows nets that it has not seen, on recorded trainings.

    python -m benchmarks.error_models [--task mnist|cifar10-small]

Ten-fold cross-validation, repeated three times, of the log error after a whole schedule: of a quadratic in the log size
alone, of the search's Gaussian process, and of a forest of trees as in benchmarks/surrogate.py, on the same features.
Prints the root mean square of what each leaves, beside what counting errors on the validation images leaves in any
case, and how large the process says its differences are: 1 if it knows exactly. Once for all candidates, and once for
the half of them that is better than others of its size, among which a search chooses.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from optuna.trial import FixedTrial
from sklearn.model_selection import KFold

from benchmarks.replay import TASKS, Task
from benchmarks.strategy_study import FULL_SCHEDULE
from benchmarks.surrogate import new_forest
from search.sampling.error_model import ErrorModel
from search.sampling.features import FeatureScale
from space.candidate import CandidateSpec

Array = NDArray[np.float64]
NUM_REPEATS = 3
SETTINGS = (
    "dropout",
    "batch_size",
    "max_lr",
    "weight_decay",
    "label_smoothing",
    "augmentation",
    "flip",
    "shift",
    "brightness",
    "contrast",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="mnist", help="the recorded images (default: mnist)")
    options = parser.parse_args()
    features, log_errors, variances = read_table(TASKS[options.task])
    left = log_errors - np.polyval(np.polyfit(features[:, 0], log_errors, 2), features[:, 0])
    print_accuracy("all candidates", features, log_errors, variances)
    better = left < np.median(left)
    print_accuracy("the better half", features[better], log_errors[better], variances[better])


def read_table(task: Task) -> tuple[Array, Array, Array]:
    """Return features, log errors averaged over seeds and variances of their counts, each with a row per candidate."""
    table = pd.read_csv(task.table)
    table = table[(table["schedule"] == FULL_SCHEDULE) & (table["epoch"] == FULL_SCHEDULE)]
    candidates: list[CandidateSpec] = []
    log_errors, variances = [], []
    for _, trainings in table.groupby("candidate"):
        row = {str(name): value for name, value in trainings.iloc[0].dropna().items()}
        params = {name: _of_space(name, row[name]) for name in row if name.startswith("stage") or name in SETTINGS}
        candidates.append(task.space.suggest_candidate(FixedTrial(params), epochs=FULL_SCHEDULE))
        errors = 1 - trainings["val_accuracy"].to_numpy(float)
        log_errors.append(float(np.log(errors).mean()))
        variances.append(1 / (task.num_validation * errors.mean() * len(errors)))
    return FeatureScale.of(candidates).scaled(candidates), np.array(log_errors), np.array(variances)


def _of_space(name: str, value: Any) -> Any:
    """Return a cell of the table as the parameter that it was: pandas reads whole numbers with gaps as fractions."""
    if isinstance(value, str):
        return value
    return int(value) if "width" in name or "layers" in name or name == "batch_size" else float(value)


def print_accuracy(name: str, features: Array, log_errors: Array, variances: Array) -> None:
    left: dict[str, list[float]] = {"size alone": [], "Gaussian process": [], "forest": []}
    standardised: list[float] = []
    for repeat in range(NUM_REPEATS):
        for train, test in KFold(10, shuffle=True, random_state=repeat).split(features):
            sizes = features[:, 0]
            trend = np.polyfit(sizes[train], log_errors[train], 2)
            forest = new_forest(seed=0)
            forest.fit(features[train], log_errors[train] - np.polyval(trend, sizes[train]))
            around = log_errors[test] - np.polyval(trend, sizes[test])
            model = ErrorModel(features[train], log_errors[train], variances[train])
            means, stds = model.predict(features[test])
            differences = log_errors[test] - means
            left["size alone"].extend(around)
            left["forest"].extend(around - forest.predict(features[test]))
            left["Gaussian process"].extend(differences)
            standardised.extend(differences / np.sqrt(stds**2 + model.noise_factor**2 * variances[test]))
    print(f"{name}, {len(log_errors)}: root mean square of the log error's differences from")
    for way, differences_of in left.items():
        print(f"  {way:<17} {np.sqrt(np.mean(np.square(differences_of))):.3f}")
    print(f"  (counting errors  {np.sqrt(variances.mean()):.3f})")
    print(f"  differences of the Gaussian process in its standard deviations: {np.std(standardised):.2f}")


if __name__ == "__main__":
    main()
