"""Do all engines learn equally well? The same trainings with each, paired by seed with plain fp32 PyTorch.

    python -m benchmarks.equal_learning [--seeds N] [--epochs N] [--json]

prints, for the native trainer and for PyTorch in bfloat16, the mean difference of the last validation accuracy from
PyTorch in fp32 with its 95 % interval by Student's t, for each net and for all pairs together. With 5 seeds and
15 epochs it takes 36 minutes of two cores.
"""

import argparse
import json
import math
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from scipy.stats import t as student

from benchmarks.training import NETS, prepare_worker
from mnist_core.data import find_data_root, load_dataset
from mnist_core.engine import TORCH, Engine, resolve_engine
from search.supervisor import default_workers
from space.architecture import ArchitectureSpec
from space.candidate import TrainingConfig

NET_NAMES = ("6,688", "3,410")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="pairs a net (default: 5)")
    parser.add_argument("--epochs", type=int, default=15, help="default: 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    config = TrainingConfig(epochs=options.epochs, batch_size=64, translation=0.1)
    engines = [TORCH, resolve_engine("native", "cpu"), Engine(None, bfloat16=True)]
    with ProcessPoolExecutor(
        default_workers("cpu"), get_context("spawn"), initializer=prepare_worker, initargs=(1,)
    ) as pool:
        futures = {
            (engine.name, name, seed): pool.submit(val_accuracy, NETS[name], seed, engine, config)
            for seed in range(options.seeds)
            for name in NET_NAMES
            for engine in engines
        }
        accuracies = {key: 100 * future.result() for key, future in futures.items()}
    report: dict[str, dict[str, Any]] = {}
    for engine in engines[1:]:
        pairs = {
            name: [
                (accuracies[engine.name, name, seed], accuracies[TORCH.name, name, seed])
                for seed in range(options.seeds)
            ]
            for name in NET_NAMES
        }
        every = [pair for of_net in pairs.values() for pair in of_net]
        report[engine.name] = {name: summary(of) for name, of in [*pairs.items(), ("all", every)]}
    if options.json:
        print(json.dumps(report))
        return
    print(f"last-epoch validation accuracy, {options.epochs} epochs, minus that of PyTorch in fp32, in points")
    for engine_name, rows in report.items():
        for name, row in rows.items():
            print(f"{engine_name:>14}, {name:>5}: {in_words(row)}")


def summary(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
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


def in_words(row: dict[str, float]) -> str:
    return (
        f"n {row['n']}, {row['accuracy']:.3f} % against {row['reference']:.3f} %, "
        f"difference {row['difference']:+.3f} (sd {row['sd']:.3f}), "
        f"95 % interval {row['low']:+.3f} to {row['high']:+.3f}"
    )


def val_accuracy(notation: str, seed: int, engine: Engine, config: TrainingConfig) -> float:
    """Of the last epoch on MNIST."""
    from mnist_core.model import build_model
    from mnist_core.training import train

    data = load_dataset("mnist", find_data_root("mnist"))
    model = build_model(ArchitectureSpec.from_text(notation), seed=seed)
    *_, last = train(model, data, config, seed=seed, engine=engine)
    return last.val_accuracy


if __name__ == "__main__":
    main()
