"""Defaults and names that the command line shows in its help, which must not import anything slow."""

MAX_EPOCHS = 15
"""The most epochs of a trial: as many as the best reference systems for their size train, so that results compare."""

DEFAULT_TRIALS = 120
"""Trained trials of a default run: what two cores finish in about half an hour on MNIST (docs/results.md)."""

MIN_CONFIRM_SEEDS = 2
"""The fewest seeds of a confirmed point: one would not show how much a seed matters."""

DEFAULT_CONFIRM_SEEDS = 5
"""Seeds of a confirmed point: about the fewest that show how much of the error is the seed's."""

DEFAULT_STORAGE = "sqlite:///studies.db"

SAMPLER_NAMES = ("tpe", "random")
PRUNER_NAMES = ("size-aware", "none")
DEVICE_NAMES = ("auto", "cpu", "cuda", "xpu", "mps")
