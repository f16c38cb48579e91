"""Do both engines learn equally well? The same trainings with each, paired by seed.

    python -m benchmarks.equal_learning [--seeds N] [--epochs N] [--json]

the mean difference of the last validation accuracy with its 95 % interval by Student's t, for each net and for all
the mean difference of the last validation accuracy with its 95 % interval (Student's t), for each net and for all
pairs together. With 5 seeds and 15 epochs it takes about 20 minutes on two cores.
"""

import argparse
import json
import math
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from scipy.stats import t as student

from mnist_core.allocator import keep_freed_memory
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import resolve_engine
from search.supervisor import default_workers
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig

NETS = {
    "6,688": "8s:br 8s:br p 10s:br 16s:br p 16s:br 10s:br gap",
    "3,410": "4s:br 6s:br p 8s:br 10s:br p 10v:br 10v:br gap fc10+",
}
ENGINES = ("native", "torch")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="pairs a net (default: 5)")
    parser.add_argument("--epochs", type=int, default=15, help="default: 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    resolve_engine("native", "cpu")  # compiled before the workers need it
    with ProcessPoolExecutor(default_workers("cpu"), get_context("spawn"), initializer=_prepare) as pool:
        futures = {
            (name, seed, engine): pool.submit(_val_accuracy, notation, seed, engine, options.epochs)
            for name, notation in NETS.items()
            for seed in range(options.seeds)
            for engine in ENGINES
        }
        accuracies = {key: future.result() for key, future in futures.items()}
    pairs = {
        name: [[100 * accuracies[name, seed, engine] for engine in ENGINES] for seed in range(options.seeds)]
        for name in NETS
    }
    report: dict[str, Any] = {
        name: summary(of)
        for name, of in [*pairs.items(), ("all", [pair for of_net in pairs.values() for pair in of_net])]
    }
    if options.json:
        print(json.dumps(report))
        return
    print(f"last-epoch validation accuracy, {options.epochs} epochs, native minus torch, in points")
    for name, row in report.items():
        print(
            f"{name:>6}: n {row['n']}, native {row['native']:.3f} %, torch {row['torch']:.3f} %, difference "
            f"{row['difference']:+.3f} (sd {row['sd']:.3f}), 95 % interval {row['low']:+.3f} to {row['high']:+.3f}"
        )


def summary(pairs: list[list[float]]) -> dict[str, float]:
    differences = [native - torch for native, torch in pairs]
    mean, sd = statistics.mean(differences), statistics.stdev(differences)
    half = float(student.ppf(0.975, len(pairs) - 1)) * sd / math.sqrt(len(pairs))
    native, torch = (statistics.mean(column) for column in zip(*pairs, strict=True))
    return {
        "n": len(pairs),
        "native": native,
        "torch": torch,
        "difference": mean,
        "sd": sd,
        "low": mean - half,
        "high": mean + half,
    }


def _prepare() -> None:
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)


def _val_accuracy(notation: str, seed: int, engine: str, epochs: int) -> float:
    from mnist_core.model import build_model
    from mnist_core.training import train

    data = load_dataset("mnist", find_data_root("mnist"))
    model = build_model(ArchitectureSpec.from_text(notation), seed=seed)
    config = TrainingConfig(epochs=epochs)
    *_, last = train(model, data, config, seed=seed, engine=resolve_engine(engine, "cpu"))
    return last.val_accuracy


if __name__ == "__main__":
    main()
