"""Comparing ways of training on MNIST, paired by net and seed; used by other benchmarks."""

import argparse
import json
import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

from scipy.stats import t as student

from benchmarks.training_measures import prepare_worker
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import Engine
from search.workers.processes import default_workers
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig

_Key = TypeVar("_Key", bound=Hashable)
Way = tuple[Engine, TrainingConfig]
Nets = Mapping[str, str]
"""Notations of nets by name."""


def compare_by_command_line(description: str | None, nets: Nets, reference: str, ways: Mapping[str, Way]) -> None:
    """Train nets in several ways with the seeds and epochs of the command line, and print the differences."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", help=f"separated by commas, of {', '.join(ways)} (default: all)")
    parser.add_argument("--nets", nargs="+", choices=list(nets), default=list(nets), help="default: all")
    add_training_options(parser)
    options = parser.parse_args()
    chosen = options.ways.split(",") if options.ways else list(ways)
    ways = {way: ways[way] for way in dict.fromkeys([reference, *chosen])}
    nets = {net: nets[net] for net in options.nets}
    report = compare(nets, reference, ways, num_seeds=options.seeds, epochs=options.epochs)
    if options.json:
        print(json.dumps(report))
        return
    print(f"last-epoch validation accuracy, {options.epochs} epochs, minus that of {reference}, in points")
    for way, rows in report.items():
        for net, row in rows.items():
            print(f"{way:>18}, {net:>16}: {described(row)}")


def add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5, help="pairs a net (default: 5)")
    parser.add_argument("--epochs", type=int, default=15, help="default: 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def compare(
    nets: Nets, reference: str, ways: Mapping[str, Way], *, num_seeds: int, epochs: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the `summary` of the pairs with the reference, for each way and net and for all nets together."""
    seeds = range(num_seeds)
    accuracies = val_accuracies(
        {
            (way, net, seed): Training(nets[net], seed, engine, config.with_epochs(epochs))
            for seed in seeds
            for net in nets
            for way, (engine, config) in ways.items()
        }
    )
    report = {}
    for way in ways:
        if way == reference:
            continue
        pairs = {
            net: [(accuracies[way, net, seed], accuracies[reference, net, seed]) for seed in seeds] for net in nets
        }
        every = [pair for of_net in pairs.values() for pair in of_net]
        report[way] = {net: summary(of) for net, of in [*pairs.items(), ("all", every)]}
    return report


@dataclass(frozen=True)
class Training:
    notation: str
    seed: int
    engine: Engine
    config: TrainingConfig


def val_accuracies(trainings: Mapping[_Key, Training]) -> dict[_Key, float]:
    """Train on all cores and return each training's last validation accuracy, in per cent."""
    with ProcessPoolExecutor(
        default_workers("cpu"), get_context("spawn"), initializer=prepare_worker, initargs=(1,)
    ) as pool:
        futures = {key: pool.submit(_val_accuracy, training) for key, training in trainings.items()}
        return {key: 100 * future.result() for key, future in futures.items()}


def summary(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Return the means, and the mean difference with its 95 % interval by Student's t."""
    differences = [accuracy - reference for accuracy, reference in pairs]
    mean, sd = statistics.mean(differences), statistics.stdev(differences)
    half = float(student.ppf(0.975, len(pairs) - 1)) * sd / math.sqrt(len(pairs))
    accuracy, reference = (statistics.mean(column) for column in zip(*pairs, strict=True))
    return {
        "n": len(pairs),
        "accuracy": accuracy,
        "reference": reference,
        "difference": mean,
        "sd": sd,
        "low": mean - half,
        "high": mean + half,
    }


def described(row: Mapping[str, float]) -> str:
    """Return one line for a `summary`."""
    return (
        f"n {row['n']}, {row['accuracy']:.3f} % against {row['reference']:.3f} %, "
        f"difference {row['difference']:+.3f} (sd {row['sd']:.3f}), "
        f"95 % interval {row['low']:+.3f} to {row['high']:+.3f}"
    )


def _val_accuracy(training: Training) -> float:
    from mnist_core.model import build_model
    from mnist_core.training import train

    data = load_dataset("mnist", find_data_root("mnist"))
    model = build_model(ArchitectureSpec.from_text(training.notation), seed=training.seed)
    *_, last = train(model, data, training.config, seed=training.seed, engine=training.engine)
    return last.val_accuracy
