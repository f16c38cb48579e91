"""Savings and losses of pruning rules, replayed on the curves of trials that were trained to their end.

    python -m benchmarks.pruning                                         # replay the curves kept in pruning_curves.csv
    python -m benchmarks.pruning --study mnist-8000 --curves FILE        # collect a study's curves first

Collecting trains the study's pruned trials again to their end, with their stored candidate, seed and engine; epochs
that differ from the stored ones are an error. Trials that are already in FILE are not trained again.

The rule sees each trial in turn, epoch by epoch, with the earlier trials that it let finish as rivals. The size-blind
median rule (stop below the median accuracy of all earlier trials at the same epoch, like Optuna's MedianPruner) is
replayed for comparison. Results are for the recorded order; random orders show the spread. Also prints how well the end
of a curve can be predicted when the rule first decides, and how much worse than they are stopped trials count in the
model of errors: as it judges them, and if their errors fell by the median factor of the others.
"""

import argparse
import json
import math
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial

from mnist_core.allocator import keep_freed_memory
from mnist_core.engine import Engine, resolve_engine
from search.runs.pruning import WARM_UP_EPOCHS, should_prune
from search.sampling.observation import expected_log_error
from search.workers.processes import default_workers
from space.results import EpochResult
from studies.fingerprints import read_fingerprint
from studies.pareto import FrontPoint, pareto_front
from studies.records import read_epochs
from studies.rivals import TrialCurve
from studies.storage import Store
from studies.trials import TRAINED, Outcome, candidate_of, outcome_of, read_trials

CURVES_FILE = Path(__file__).with_name("pruning_curves.csv")
NUM_VALIDATION = 10_000

Rule = Callable[[TrialCurve, Sequence[TrialCurve], int], bool]


@dataclass(frozen=True)
class Replay:
    epochs_saved: float
    """Share of all epochs that pruning saved."""
    num_pruned: int
    front_size: int
    num_lost: int
    """Number of points on the true front that were pruned."""
    worst_loss: float
    """Largest excess in accuracy of a lost point over every surviving trial of at most its size."""
    num_lost_beyond_noise: int
    """Number of lost points whose excess is above two standard errors of the difference of two accuracies."""
    too_high: float
    """Mean over the pruned trials of the log error that is expected of them minus the last one; 0 if none is."""
    too_high_by_median: float
    """The same if each fell by the median factor of the others."""


def size_aware(trial: TrialCurve, rivals: Sequence[TrialCurve], num_epochs: int) -> bool:
    return should_prune(trial, rivals, num_epochs=num_epochs, num_validation=NUM_VALIDATION)


def size_blind_median(trial: TrialCurve, rivals: Sequence[TrialCurve], num_epochs: int) -> bool:
    if not WARM_UP_EPOCHS <= len(trial) < num_epochs or len(rivals) < 5:
        return False
    return max(trial.val_accuracy) < statistics.median(rival.val_accuracy[len(trial) - 1] for rival in rivals)


RULES: dict[str, Rule] = {"size-aware": size_aware, "size-blind median": size_blind_median}


def replay(trials: Sequence[TrialCurve], rule: Rule) -> Replay:
    num_epochs = max(map(len, trials))
    finished: list[TrialCurve] = []
    stopped: list[tuple[TrialCurve, TrialCurve]] = []
    num_trained = 0
    for trial in trials:
        for epoch in range(1, len(trial) + 1):
            num_trained += 1
            if rule(_until(trial, epoch), finished, num_epochs):
                stopped.append((_until(trial, epoch), trial))
                break
        else:
            finished.append(trial)
    front = _front(trials)
    lost = [point for point in front if trials[point.trial] not in finished]
    losses = [_loss(point, finished) for point in lost]
    true = [_log_error(whole) for _, whole in stopped]
    judged = [
        expected_log_error(start, finished, num_epochs=num_epochs, num_validation=NUM_VALIDATION)[0]
        for start, _ in stopped
    ]
    by_median = [_by_median_fall(start, finished) for start, _ in stopped]
    return Replay(
        epochs_saved=1 - num_trained / sum(map(len, trials)),
        num_pruned=len(trials) - len(finished),
        front_size=len(front),
        num_lost=len(lost),
        worst_loss=max(losses, default=0.0),
        num_lost_beyond_noise=sum(loss > 2 * _standard_error(point) for loss, point in zip(losses, lost, strict=True)),
        too_high=_mean_difference(judged, true),
        too_high_by_median=_mean_difference(by_median, true),
    )


def _by_median_fall(start: TrialCurve, complete: Sequence[TrialCurve]) -> float:
    epoch, least = len(start), 0.5 / NUM_VALIDATION
    falls = [_log_error(other) - math.log(other.error_so_far(epoch, least)) for other in complete]
    return math.log(start.error_so_far(epoch, least)) + statistics.median(falls)


def _log_error(trial: TrialCurve) -> float:
    return math.log(1 - trial.val_accuracy[-1])


def _mean_difference(left: Sequence[float], right: Sequence[float]) -> float:
    return statistics.mean(a - b for a, b in zip(left, right, strict=True)) if left else 0.0


def foretelling(trials: Sequence[TrialCurve], epoch: int) -> dict[str, float]:
    """Return how well several errors after an epoch predict the last validation error, by name of the predictor.

    The value is the standard deviation of the logarithm of the ratio of the last validation error to the predictor.
    """
    validation = [[1 - accuracy for accuracy in trial.val_accuracy] for trial in trials]
    foretold_by = {
        "lower of the latest two validation errors": [min(errors[epoch - 2 : epoch]) for errors in validation],
        "lowest validation error": [min(errors[:epoch]) for errors in validation],
        "training error": [1 - trial.train_accuracy[epoch - 1] for trial in trials],
        "geometric mean of the last two": [trial.error_so_far(epoch, 0.5 / NUM_VALIDATION) for trial in trials],
    }
    return {
        name: statistics.stdev(math.log(errors[-1] / by) for errors, by in zip(validation, values, strict=True))
        for name, values in foretold_by.items()
    }


def read_curves(path: Path) -> list[TrialCurve]:
    """Read trials, in the order in which they were trained, from a CSV file with one row per epoch."""
    frame = pd.read_csv(path).sort_values(["trial", "epoch"])
    return [
        TrialCurve(int(group["num_params"].iloc[0]), tuple(group["val_accuracy"]), tuple(group["train_accuracy"]))
        for _, group in frame.groupby("trial")
    ]


def _until(trial: TrialCurve, epoch: int) -> TrialCurve:
    return TrialCurve(trial.num_params, trial.val_accuracy[:epoch], trial.train_accuracy[:epoch])


def collect_curves(storage: str, study: str, path: Path) -> None:
    """Write the complete curve of every trained trial of a study to ``path``."""
    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    fingerprint = read_fingerprint(store, name)
    assert fingerprint is not None
    trained = [trial for trial in read_trials(store, store.load_study(name)) if outcome_of(trial) in TRAINED]
    stored = read_epochs(store.database, name, [trial.number for trial in trained])
    kept = set(pd.read_csv(path)["trial"]) if path.exists() else set()
    with ProcessPoolExecutor(default_workers("cpu"), get_context("spawn"), initializer=keep_freed_memory) as pool:
        futures = {}
        for trial in trained:
            if trial.number in kept:
                continue
            if outcome_of(trial) == Outcome.COMPLETE:
                _append(path, trial, _accuracies(stored[trial.number]))
            else:
                futures[pool.submit(_train_to_end, trial, fingerprint)] = trial
        for future in as_completed(futures):
            trial, accuracies = futures[future], future.result()
            beginning = _accuracies(stored[trial.number])
            if accuracies[: len(beginning)] != beginning:
                raise RuntimeError(f"trial {trial.number} does not repeat its stored epochs {beginning}: {accuracies}")
            _append(path, trial, accuracies)


def _train_to_end(trial: FrozenTrial, fingerprint: dict[str, Any]) -> list[tuple[float, float]]:
    import torch

    from mnist_core.data import find_data_root, load_dataset
    from mnist_core.model import build_model
    from mnist_core.training import train

    torch.set_num_threads(1)
    name = fingerprint["dataset"]
    data = load_dataset(name, find_data_root(name), train_size=fingerprint["train_size"])
    candidate, seed = candidate_of(trial), trial.user_attrs["seed"]
    model = build_model(candidate.architecture, seed=seed)
    # Another engine would not repeat the stored epochs bit for bit.
    engine_name = trial.user_attrs["run"]["engine"]
    native = engine_name == "native"
    engine = resolve_engine("native", "cpu") if native else Engine(None, bfloat16=engine_name == "torch-bfloat16")
    return _accuracies(train(model, data, candidate.training, seed=seed, engine=engine))


def _accuracies(results: Iterable[EpochResult]) -> list[tuple[float, float]]:
    return [(result.val_accuracy, result.train_accuracy) for result in results]


def _append(path: Path, trial: FrozenTrial, accuracies: Sequence[tuple[float, float]]) -> None:
    frame = pd.DataFrame(accuracies, columns=["val_accuracy", "train_accuracy"])
    frame.insert(0, "trial", trial.number)
    frame.insert(1, "num_params", trial.user_attrs["num_params"])
    frame.insert(2, "epoch", range(1, len(accuracies) + 1))
    frame.to_csv(path, mode="a", header=not path.exists(), index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", help="collect the curves of this study first")
    parser.add_argument("--storage", default="sqlite:///studies.db")
    parser.add_argument("--curves", type=Path, default=CURVES_FILE, help="CSV file of curves")
    parser.add_argument("--orders", type=int, default=200, help="random orders besides the recorded one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.study:
        collect_curves(arguments.storage, arguments.study, arguments.curves)
    trials = read_curves(arguments.curves)
    generator = random.Random(0)
    orders = [generator.sample(trials, len(trials)) for _ in range(arguments.orders)]
    results = {name: (replay(trials, rule), [replay(order, rule) for order in orders]) for name, rule in RULES.items()}
    if arguments.json:
        report = {name: {"recorded": asdict(one), **_spread(many)} for name, (one, many) in results.items()}
        print(json.dumps(report | {"foretelling": foretelling(trials, WARM_UP_EPOCHS)}))
        return
    print(f"{len(trials)} unpruned curves of {len(trials[0])} epochs, a true front of {len(_front(trials))} points")
    for name, (one, many) in results.items():
        spread = _spread(many)
        print(
            f"{name}: in the recorded order {100 * one.epochs_saved:.1f} % of the epochs saved, {one.num_pruned} "
            f"trials pruned, {one.num_lost} front points lost, {one.num_lost_beyond_noise} of them beyond the noise "
            f"(worst {100 * one.worst_loss:.2f} points)"
        )
        print(
            f"    in {len(many)} random orders {100 * spread['epochs_saved_mean']:.1f} +- "
            f"{100 * spread['epochs_saved_sd']:.1f} % saved, {spread['lost_mean']:.2f} front points lost an order, "
            f"{spread['lost_beyond_noise_mean']:.3f} beyond the noise; the log errors expected of pruned trials are "
            f"{spread['too_high_mean']:.3f} too high, by the median fall {spread['too_high_by_median_mean']:.3f}"
        )
    print(f"standard deviation of the logarithm of the last validation error, foretold after epoch {WARM_UP_EPOCHS}:")
    for name, deviation in foretelling(trials, WARM_UP_EPOCHS).items():
        print(f"    {deviation:.2f} by the {name}")


def _front(trials: Sequence[TrialCurve]) -> list[FrontPoint]:
    return pareto_front(FrontPoint(i, trial.num_params, trial.val_accuracy[-1], "") for i, trial in enumerate(trials))


def _loss(point: FrontPoint, finished: Sequence[TrialCurve]) -> float:
    surviving = (trial.val_accuracy[-1] for trial in finished if trial.num_params <= point.num_params)
    return point.val_accuracy - max(surviving, default=0.0)


def _standard_error(point: FrontPoint) -> float:
    return math.sqrt(2 * point.val_accuracy * (1 - point.val_accuracy) / NUM_VALIDATION)


def _spread(replays: Sequence[Replay]) -> dict[str, float]:
    saved = [one.epochs_saved for one in replays]
    return {
        "epochs_saved_mean": statistics.mean(saved),
        "epochs_saved_sd": statistics.stdev(saved),
        "lost_mean": statistics.mean(one.num_lost for one in replays),
        "lost_beyond_noise_mean": statistics.mean(one.num_lost_beyond_noise for one in replays),
        "too_high_mean": statistics.mean(one.too_high for one in replays),
        "too_high_by_median_mean": statistics.mean(one.too_high_by_median for one in replays),
    }


if __name__ == "__main__":
    main()
