"""Accuracy of a study's front with fresh seeds, beside that of the front of 21 November 2026.

    python -m benchmarks.fresh_seeds --storage URL [--study NAME] [--below N ...] [--seeds N] [--json]

Below each limit it takes the most accurate point of the study's front and of the published one, trains both again as
they were trained there, with seeds that no search uses, and prints the mean and spread of the last validation accuracy.
All are evaluated on the same validation images. The four default limits take about 15 minutes on two cores.
"""

import argparse
import csv
import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from benchmarks.paired_trainings import Training, val_accuracies
from mnist_core.engine import Engine, resolve_engine
from search.defaults import DEFAULT_STORAGE
from space.architecture import ArchitectureSpec, num_params
from space.candidate import TrainingConfig
from space.search_space import UNIT_ROTATION, UNIT_SCALE, UNIT_TRANSLATION
from studies.pareto import most_accurate
from studies.records import read_front
from studies.storage import Store
from studies.trials import candidate_of, complete_trial

PUBLISHED = Path(__file__).parents[1] / "docs/runs/2026-11-21-mnist-8000-second"
FIRST_SEED = 2_000_000
Net = tuple[str, TrainingConfig]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", default=DEFAULT_STORAGE, help=f"default: {DEFAULT_STORAGE}")
    parser.add_argument("--study", help="default: the only one")
    parser.add_argument("--below", type=int, nargs="+", default=[1_000, 1_500, 3_500, 8_000])
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    nets: dict[tuple[int, str], Net] = {}
    for limit in options.below:
        if net := found(options.storage, options.study, limit):
            nets[limit, "this study"] = net
        nets[limit, "published"] = published(limit)
    rows = measure(nets, num_seeds=options.seeds, engine=resolve_engine("native", "cpu"))
    if options.json:
        print(json.dumps(rows))
        return
    print(f"last validation accuracy in per cent, {options.seeds} fresh seeds")
    for row in rows:
        print(
            f"below {row['below']:>5,} {row['front']:>10}: {row['num_params']:>5,} parameters, "
            f"{row['mean']:.3f} (sd {row['sd']:.3f}) {row['notation']}"
        )


def measure(nets: Mapping[tuple[int, str], Net], *, num_seeds: int, engine: Engine) -> list[dict[str, object]]:
    seeds = range(FIRST_SEED, FIRST_SEED + num_seeds)
    accuracies = val_accuracies(
        {
            (key, seed): Training(notation, seed, engine, config)
            for key, (notation, config) in nets.items()
            for seed in seeds
        }
    )
    rows: list[dict[str, object]] = []
    for (limit, front), (notation, _) in nets.items():
        single = [accuracies[(limit, front), seed] for seed in seeds]
        rows.append(
            {
                "below": limit,
                "front": front,
                "num_params": num_params(ArchitectureSpec.from_text(notation)),
                "notation": notation,
                "mean": statistics.mean(single),
                "sd": statistics.stdev(single),
                "accuracies": single,
            }
        )
    return rows


def found(storage: str, study: str | None, limit: int) -> Net | None:
    """Return the most accurate net of a study's front with fewer than ``limit`` parameters, or None if it has none."""
    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    below = [point for point in read_front(store.database, name) if point.num_params < limit]
    best = most_accurate(below)
    if best is None:
        return None
    candidate = candidate_of(complete_trial(store, name, best.trial))
    return str(candidate.architecture), candidate.training


def published(limit: int) -> Net:
    """Return the net of the front of 21 November 2026 with most test accuracy and fewer than ``limit`` parameters."""
    members = [row for row in _rows("confirmed.csv") if int(row["num_params"]) < limit]
    best = max(members, key=lambda row: float(row["accuracy"]))
    trial = next(row for row in _rows("trials.csv") if row["trial"] == best["trial"])
    strength = float(trial["augmentation"])
    training = TrainingConfig(
        batch_size=int(float(trial["batch_size"])),
        max_lr=float(trial["max_lr"]),
        weight_decay=float(trial["weight_decay"]),
        label_smoothing=float(trial["label_smoothing"]),
        rotation=strength * UNIT_ROTATION,
        translation=strength * UNIT_TRANSLATION,
        scale=strength * UNIT_SCALE,
    )
    return trial["notation"], training


def _rows(file: str) -> list[dict[str, str]]:
    with (PUBLISHED / file).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


if __name__ == "__main__":
    main()
