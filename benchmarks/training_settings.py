"""How much does a setting of the training matter? The same trainings with one setting changed, paired by seed.

    python -m benchmarks.training_settings [--seeds N] [--epochs N] [--json]

prints, for each change, the mean difference of the last validation accuracy from that of the default settings, with its
95 % interval by Student's t, for each net and for all pairs together. With 5 seeds and 15 epochs it takes 16 minutes of
two cores.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

from benchmarks.equal_learning import in_words, summary, val_accuracy
from benchmarks.training import prepare_worker
from mnist_core.engine import resolve_engine
from search.supervisor import default_workers
from space.candidate import TrainingConfig

# Drawn by hand and never tuned: widths that grow slowly around two pools.
NETS = {
    "1,403": "3s:br 4s:br p 4s:br 6s:br p 6v:br 8v:br gap fc10+",
    "5,368": "6s:br 8s:br p 10s:br 12s:br p 12v:br 14v:br gap fc10+",
}
DEFAULTS = "defaults"
CHANGES: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "batch_size 16": {"batch_size": 16},
    "batch_size 64": {"batch_size": 64},
    "translation 0": {"translation": 0.0},
    "translation 0.1": {"translation": 0.1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="pairs a net (default: 5)")
    parser.add_argument("--epochs", type=int, default=15, help="default: 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    engine = resolve_engine("native", "cpu")
    config = TrainingConfig(epochs=options.epochs)
    with ProcessPoolExecutor(
        default_workers("cpu"), get_context("spawn"), initializer=prepare_worker, initargs=(1,)
    ) as pool:
        futures = {
            (change, net, seed): pool.submit(val_accuracy, NETS[net], seed, engine, replace(config, **CHANGES[change]))
            for seed in range(options.seeds)
            for net in NETS
            for change in CHANGES
        }
        accuracies = {key: 100 * future.result() for key, future in futures.items()}
    report = {}
    for change in CHANGES.keys() - {DEFAULTS}:
        pairs = {
            net: [(accuracies[change, net, seed], accuracies[DEFAULTS, net, seed]) for seed in range(options.seeds)]
            for net in NETS
        }
        every = [pair for of_net in pairs.values() for pair in of_net]
        report[change] = {net: summary(of) for net, of in [*pairs.items(), ("all", every)]}
    if options.json:
        print(json.dumps(report))
        return
    print(f"last-epoch validation accuracy, {options.epochs} epochs, minus that of the defaults, in points")
    for change, rows in sorted(report.items()):
        for net, row in rows.items():
            print(f"{change:>15}, {net:>5}: {in_words(row)}")


if __name__ == "__main__":
    main()
