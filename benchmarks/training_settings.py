"""Effect of single training settings on accuracy, in otherwise equal trainings paired by seed.

    python -m benchmarks.training_settings [--ways WAY,...] [--nets NET ...] [--seeds N] [--epochs N] [--json]

prints, for each change, the mean difference of the last validation accuracy from that of the default settings, with its
95 % interval by Student's t, for each net and for all pairs together. With 5 seeds and 15 epochs each way takes four
minutes of one core.
"""

from dataclasses import replace

from benchmarks.paired_trainings import compare_by_command_line
from mnist_core.engine import resolve_engine
from space.candidate import TrainingConfig

# Nets drawn by hand and never tuned, with average pools and separable convolutions, and one without these.
NETS = {
    "975": "3s:br 5s:br ap sep8s:br sep8s:br ap sep11v:br sep11v:br gap fc10+",
    "4,000": "12s:br ap sep18s:br sep24s:br ap sep33v:br sep33v:br gap fc10+",
    "plain 1,386": "4s:br 5s:br ap 4s:br 5s:br ap 4v:br 12v:br gap fc10+",
}


def main() -> None:
    engine, reference = resolve_engine("native", "cpu"), "the defaults"
    defaults = TrainingConfig(plain_epochs=1, precise_batch_norm=True)
    ways = {
        reference: defaults,
        "all augmented": TrainingConfig(),
        "statistics alone": replace(defaults, plain_epochs=0),
        "last epoch alone": replace(defaults, precise_batch_norm=False),
        "plain_share 0.5": replace(defaults, plain_share=0.5, plain_epochs=0),
        "batch_size 16": replace(defaults, batch_size=16),
        "batch_size 64": replace(defaults, batch_size=64),
        "momentum 0.85": replace(defaults, momentum=0.85),
        "momentum 0.95": replace(defaults, momentum=0.95),
        "pct_start 0.1": replace(defaults, pct_start=0.1),
        "pct_start 0.4": replace(defaults, pct_start=0.4),
        "max_lr 0.2": replace(defaults, max_lr=0.2),
        "weight_decay 0": replace(defaults, weight_decay=0.0),
        "translation 0": replace(defaults, translation=0.0),
        "translation 0.1": replace(defaults, translation=0.1),
    }
    compare_by_command_line(__doc__, NETS, reference, {way: (engine, config) for way, config in ways.items()})


if __name__ == "__main__":
    main()
