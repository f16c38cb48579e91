"""What pruning saves and what it costs, replayed on curves of trials that were trained to their end.

    python -m search run --budget 8000 --pruner none --study unpruned ...    # train the curves
    python -m benchmarks.pruning --study unpruned                            # replay them

Each trial is taken in turn and shown to the rule epoch by epoch, with the trials before it that the rule let finish as
its rivals. In the same run the size-blind median rule (stop below the median accuracy of all earlier trials at the same
epoch, as Optuna's MedianPruner does) is replayed for comparison. The recorded order counts as it was; random orders
show the spread.
"""

import argparse
import json
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from search.pruning import WARM_UP_EPOCHS, Rival, should_prune
from studies.pareto import FrontPoint, pareto_front
from studies.records import curves_frame, trials_frame
from studies.storage import Store

CURVES_FILE = Path(__file__).with_name("pruning_curves.csv")
NUM_VALIDATION = 10_000

Rule = Callable[[int, Sequence[float], Sequence[Rival], int], bool]


@dataclass(frozen=True)
class Replay:
    epochs_saved: float
    """Share of all epochs that pruning left out."""
    num_pruned: int
    front_size: int
    num_lost: int
    """Points of the true front that were pruned."""
    worst_loss: float
    """By how much accuracy the worst of them beats every surviving trial of at most its size."""
    num_lost_beyond_noise: int
    """Lost by more than two standard errors of the difference of two accuracies."""


def size_aware(num_params: int, curve: Sequence[float], rivals: Sequence[Rival], num_epochs: int) -> bool:
    return should_prune(num_params, curve, rivals, num_epochs=num_epochs, num_validation=NUM_VALIDATION)


def size_blind_median(num_params: int, curve: Sequence[float], rivals: Sequence[Rival], num_epochs: int) -> bool:
    if not WARM_UP_EPOCHS <= len(curve) < num_epochs or len(rivals) < 5:
        return False
    return max(curve) < statistics.median(rival.curve[len(curve) - 1] for rival in rivals)


RULES: dict[str, Rule] = {"size-aware": size_aware, "size-blind median": size_blind_median}


def replay(trials: Sequence[Rival], rule: Rule) -> Replay:
    num_epochs = max(len(trial.curve) for trial in trials)
    finished: list[Rival] = []
    num_trained = 0
    for trial in trials:
        for epoch in range(1, len(trial.curve) + 1):
            num_trained += 1
            if rule(trial.num_params, trial.curve[:epoch], finished, num_epochs):
                break
        else:
            finished.append(trial)
    front = _front(trials)
    lost = [point for point in front if trials[point.trial] not in finished]
    losses = [_loss(point, finished) for point in lost]
    return Replay(
        epochs_saved=1 - num_trained / sum(len(trial.curve) for trial in trials),
        num_pruned=len(trials) - len(finished),
        front_size=len(front),
        num_lost=len(lost),
        worst_loss=max(losses, default=0.0),
        num_lost_beyond_noise=sum(loss > 2 * _standard_error(point) for loss, point in zip(losses, lost, strict=True)),
    )


def read_curves(path: Path) -> list[Rival]:
    """Trials in the order they were trained, from a CSV file of trial, num_params, epoch and val_accuracy."""
    frame = pd.read_csv(path)
    return [
        Rival(int(group["num_params"].iloc[0]), tuple(group.sort_values("epoch")["val_accuracy"]))
        for _, group in frame.groupby("trial", sort=True)
    ]


def save_curves(storage: str, study: str | None, path: Path) -> None:
    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    trials = trials_frame(store.load_study(name))
    complete = trials[trials["outcome"] == "complete"][["trial", "num_params"]]
    curves = curves_frame(store.engine, name).merge(complete, on="trial")
    curves[["trial", "num_params", "epoch", "val_accuracy"]].to_csv(path, index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", help="replay this study's complete trials and keep their curves in the CSV file")
    parser.add_argument("--storage", default="sqlite:///studies.db")
    parser.add_argument("--curves", type=Path, default=CURVES_FILE, help="CSV file of curves")
    parser.add_argument("--orders", type=int, default=200, help="random orders besides the recorded one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.study:
        save_curves(arguments.storage, arguments.study, arguments.curves)
    trials = read_curves(arguments.curves)
    generator = random.Random(0)
    orders = [generator.sample(trials, len(trials)) for _ in range(arguments.orders)]
    results = {name: (replay(trials, rule), [replay(order, rule) for order in orders]) for name, rule in RULES.items()}
    if arguments.json:
        print(json.dumps({name: {"recorded": asdict(one), **_spread(many)} for name, (one, many) in results.items()}))
        return
    print(
        f"{len(trials)} unpruned curves of {len(trials[0].curve)} epochs, a true front of {len(_front(trials))} points"
    )
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
            f"{spread['lost_beyond_noise_mean']:.3f} beyond the noise"
        )


def _front(trials: Sequence[Rival]) -> list[FrontPoint]:
    return pareto_front(FrontPoint(i, trial.num_params, trial.curve[-1], "") for i, trial in enumerate(trials))


def _loss(point: FrontPoint, finished: Sequence[Rival]) -> float:
    surviving = (trial.curve[-1] for trial in finished if trial.num_params <= point.num_params)
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
    }


if __name__ == "__main__":
    main()
