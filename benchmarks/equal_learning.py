"""Comparison of the engines' accuracy in equal trainings, paired by seed with plain fp32 PyTorch.

    python -m benchmarks.equal_learning [--seeds N] [--epochs N] [--json]

prints, for the native trainer and for PyTorch in bfloat16, the mean difference of the last validation accuracy from
PyTorch in fp32 with its 95 % interval by Student's t, for each net and for all pairs together. With 5 seeds and
15 epochs it takes 36 minutes of two cores.
"""

from benchmarks.paired_trainings import compare_by_command_line
from benchmarks.training import NETS
from mnist_core.engine import TORCH, Engine, resolve_engine
from space.candidate import TrainingConfig

NET_NAMES = ("6,688", "3,410")
# Independent of the defaults, since the figures in docs/decisions.md were measured with these settings.
CONFIG = TrainingConfig(batch_size=64, translation=0.1)


def main() -> None:
    reference = "PyTorch in fp32"
    others = (resolve_engine("native", "cpu"), Engine(None, bfloat16=True))
    ways = {reference: (TORCH, CONFIG)} | {engine.name: (engine, CONFIG) for engine in others}
    compare_by_command_line(__doc__, {name: NETS[name] for name in NET_NAMES}, reference, ways)


if __name__ == "__main__":
    main()
