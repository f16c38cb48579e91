"""Effect of single training settings on accuracy, in otherwise equal trainings paired by seed.

    python -m benchmarks.training_settings [--seeds N] [--epochs N] [--json]

prints, for each change, the mean difference of the last validation accuracy from that of the default settings, with its
95 % interval by Student's t, for each net and for all pairs together. With 5 seeds and 15 epochs it takes 33 minutes of
one core.
"""

from dataclasses import replace

from benchmarks.paired_trainings import compare_by_command_line
from mnist_core.engine import resolve_engine
from space.candidate import TrainingConfig

# Nets drawn by hand and never tuned, with slowly growing widths and two pools.
NETS = {
    "1,403": "3s:br 4s:br p 4s:br 6s:br p 6v:br 8v:br gap fc10+",
    "5,368": "6s:br 8s:br p 10s:br 12s:br p 12v:br 14v:br gap fc10+",
}


def main() -> None:
    engine, reference, defaults = resolve_engine("native", "cpu"), "the defaults", TrainingConfig()
    ways = {
        reference: defaults,
        "batch_size 16": replace(defaults, batch_size=16),
        "batch_size 64": replace(defaults, batch_size=64),
        "translation 0": replace(defaults, translation=0.0),
        "translation 0.1": replace(defaults, translation=0.1),
    }
    compare_by_command_line(__doc__, NETS, reference, {way: (engine, config) for way, config in ways.items()})


if __name__ == "__main__":
    main()
