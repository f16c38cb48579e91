"""Effect of a net's structure on accuracy at equal sizes: pools, kinds of convolutions, unaugmented images.

    python -m benchmarks.structure [--sizes SIZE ...] [--seeds N] [--epochs N] [--json]

At each size it trains the best net of an earlier search, which has plain convolutions and maximum pools, the same net
with average pools, and one with separable convolutions and average pools in the training of the default space. It
prints the mean of the last validation accuracy and the difference from the first net, with its 95 % interval by
Student's t, paired by seed, and how much of the first net's errors is gone. With 5 seeds and 15 epochs it takes 40
minutes of one core.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace

from benchmarks.paired_trainings import Training, add_training_options, described, summary, val_accuracies
from mnist_core.engine import resolve_engine
from space.architecture import ArchitectureSpec, num_params
from space.candidate import TrainingConfig

AUGMENTED = TrainingConfig()
"""The training of the search that found the first nets."""
TRAINING = replace(AUGMENTED, plain_epochs=1, precise_batch_norm=True)
"""The training of the default space."""
PLAIN, AVERAGE, BEST = "max pools", "average pools", "separable"
NETS = {
    700: (
        "2s:br p 3s:br 4s:br p 4v:br 8v:br gap fc10+",
        "4s:br ap sep6s:br sep7s:br ap sep10v:br sep10v:br gap fc10+",
    ),
    1_000: (
        "3s:br p 3s:br 5s:br p 5v:br 8v:br gap fc10+",
        "3s:br 5s:br ap sep8s:br sep8s:br ap sep11v:br sep11v:br gap fc10+",
    ),
    1_400: (
        "4s:br 5s:br p 4s:br 5s:br p 4v:br 12v:br gap fc10+",
        "6s:br ap sep9s:br sep12s:br ap sep16v:br sep16v:br gap fc10+",
    ),
    2_700: (
        "5s:br 7s:br p 7s:br 7s:br p 9v:br 9v:br gap fc10+",
        "10s:br ap sep14s:br sep19s:br ap sep25v:br sep25v:br gap fc10+",
    ),
    5_500: (
        "7s:brd0.01 9s:brd0.01 p 9s:brd0.01 9s:brd0.01 p 13v:brd0.01 19v:brd0.01 gap fc10+",
        "15s:br ap sep22s:br sep30s:br ap sep39v:br sep39v:br gap fc10+",
    ),
}
"""Of about each size, the best net of docs/results.md, or of its trials, and a net with separable convolutions."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(NETS), default=list(NETS), help="default: all")
    add_training_options(parser)
    options = parser.parse_args()
    report = compare(options.sizes, num_seeds=options.seeds, epochs=options.epochs)
    if options.json:
        print(json.dumps(report))
        return
    print(f"last-epoch validation accuracy, {options.epochs} epochs; differences from {PLAIN} in points")
    for size, rows in report.items():
        for name, row in rows.items():
            gone = 1 - (100 - row["accuracy"]) / (100 - row["reference"])
            print(f"{size:>6,} {name:>14}, {row['num_params']:>5,} parameters: {described(row)}, errors {-gone:+.0%}")


def compare(sizes: list[int], *, num_seeds: int, epochs: int) -> dict[int, dict[str, dict[str, float]]]:
    """Return the `summary` of the pairs with the plain net, and the number of parameters, for each size and net."""
    engine = resolve_engine("native", "cpu")
    seeds = range(num_seeds)
    accuracies = val_accuracies(
        {
            (size, name, seed): Training(
                notation,
                seed,
                engine,
                config.with_epochs(epochs),
            )
            for seed in seeds
            for size in sizes
            for name, (notation, config) in nets_of(size).items()
        }
    )
    return {
        size: {
            name: {"num_params": num_params(ArchitectureSpec.from_text(notation))}
            | summary([(accuracies[size, name, seed], accuracies[size, PLAIN, seed]) for seed in seeds])
            for name, (notation, _) in nets_of(size).items()
            if name != PLAIN
        }
        for size in sizes
    }


def nets_of(size: int) -> Mapping[str, tuple[str, TrainingConfig]]:
    """Return the notation and training of each net of a size."""
    plain, separable = NETS[size]
    return {
        PLAIN: (plain, AUGMENTED),
        AVERAGE: (plain.replace(" p ", " ap "), AUGMENTED),
        BEST: (separable, TRAINING),
    }


if __name__ == "__main__":
    main()
