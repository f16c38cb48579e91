"""Test accuracy of the reference systems, each trained with its own recipe on all training images.

    python -m benchmarks.reference_systems [--seeds N] [--systems NAME ...] [--engine NAME] [--runs FILE]
    python -m benchmarks.reference_systems --table                    # no training: the table of what was measured

The result is that of the last epoch, on the sealed test set. Early stopping is off and a plateau is judged by the
training loss, so that nothing is chosen by the test set; the recipes (`space/recipes.py`) are otherwise as published.
Each finished training is a line of --runs, with the test accuracy after every epoch and the time at which the test set
was opened. Existing trainings are not repeated, so the command can be interrupted and run again.
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from benchmarks.training_measures import prepare_worker
from mnist_core.data import find_data_root, load_all_but_test, open_test_set
from mnist_core.engine import ENGINE_NAMES, Engine, resolve_engine
from search.workers.processes import default_workers
from space.recipes import RECIPES, Recipe

DEFAULT_RUNS = Path(__file__).with_name("reference_systems.jsonl")
LAST = 5
"""Number of last epochs whose lowest and highest accuracy are reported."""


@dataclass(frozen=True)
class Run:
    """One training of a reference system."""

    system: str
    seed: int
    engine: str
    test_accuracy: list[float]
    """Test accuracy after each epoch, as a fraction."""
    seconds: float
    opened: str
    """Time at which the test set was opened, ISO 8601 in UTC."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each system (default: 3)")
    parser.add_argument("--systems", nargs="+", choices=list(RECIPES), default=list(RECIPES), metavar="NAME")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="auto", help="torch is faster for wide nets")
    parser.add_argument("--runs", type=Path, default=DEFAULT_RUNS, help=f"default: {DEFAULT_RUNS}")
    parser.add_argument("--table", action="store_true", help="train nothing")
    options = parser.parse_args()
    runs = read_runs(options.runs)
    if not options.table:
        done = {(run.system, run.seed) for run in runs}
        wanted = [(system, seed) for seed in range(options.seeds) for system in options.systems]
        runs += _train_all(
            [key for key in wanted if key not in done], options.runs, resolve_engine(options.engine, "cpu")
        )
    print(table(runs))


def read_runs(path: Path) -> list[Run]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Run(**json.loads(line)) for line in lines]


def _train_all(wanted: Sequence[tuple[str, int]], path: Path, engine: Engine) -> list[Run]:
    runs = []
    with ProcessPoolExecutor(
        default_workers("cpu"), get_context("spawn"), initializer=prepare_worker, initargs=(1,)
    ) as pool:
        futures = [pool.submit(train_one, RECIPES[system], seed, engine) for system, seed in wanted]
        for future in as_completed(futures):
            runs.append(future.result())
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(runs[-1])) + "\n")
            print(f"{runs[-1].system}, seed {runs[-1].seed}: {runs[-1].test_accuracy[-1]:.4f}", flush=True)
    return runs


def train_one(recipe: Recipe, seed: int, engine: Engine) -> Run:
    from mnist_core.model import build_model
    from mnist_core.training import train

    opened = datetime.now(UTC).isoformat(timespec="seconds")
    root = find_data_root("mnist")
    # Accuracy on the test set after every epoch is measured here, as the systems' authors usually do.
    data = replace(load_all_but_test("mnist", root), validation=open_test_set("mnist", root))
    candidate = recipe.candidate
    config = replace(candidate.training, stop_accuracy=None, patience=None, plateau_on="train_loss")
    model = build_model(candidate.architecture, seed=seed)
    results = list(train(model, data, config, seed=seed, engine=engine))
    return Run(
        system=recipe.name,
        seed=seed,
        engine=engine.for_candidate(candidate).name,
        test_accuracy=[result.val_accuracy for result in results],
        seconds=sum(result.seconds for result in results),
        opened=opened,
    )


def table(runs: Sequence[Run]) -> str:
    """Return a Markdown table with one row per system: accuracies on the sealed test set in per cent and points."""
    lines = [
        "| system | parameters | claimed | n | last epoch: mean (sd) | last 5 epochs: lowest to highest "
        "| best epoch: mean | flattered by | minutes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for recipe in RECIPES.values():
        accuracies = [run.test_accuracy for run in runs if run.system == recipe.name]
        if not accuracies:
            continue
        last = [100 * curve[-1] for curve in accuracies]
        best = [100 * max(curve) for curve in accuracies]
        held = [100 * accuracy for curve in accuracies for accuracy in curve[-LAST:]]
        spread = f"{statistics.stdev(last):.2f}" if len(last) > 1 else "-"
        minutes = statistics.mean(run.seconds for run in runs if run.system == recipe.name) / 60
        lines.append(
            f"| `{recipe.name}`{' (reconstruction)' if recipe.reconstruction else ''} "
            f"| {recipe.candidate.num_params:,} | {100 * recipe.claimed_accuracy:.2f} | {len(last)} "
            f"| {statistics.mean(last):.2f} ({spread}) | {min(held):.2f} to {max(held):.2f} "
            f"| {statistics.mean(best):.2f} | {statistics.mean(best) - statistics.mean(last):.2f} | {minutes:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
