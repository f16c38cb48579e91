"""Defaults and names shown in the help of the command line, which must not import anything slow."""

MAX_EPOCHS = 15
"""Largest number of epochs of a trial, that of the best reference systems for their size, so that results compare."""

DEFAULT_TRIALS = 120
"""Trained trials of a default run, which two cores finish in about half an hour on MNIST (docs/results.md)."""

MIN_CONFIRM_SEEDS = 2
"""Smallest number of seeds per confirmed point: one would not show how much a seed matters."""

DEFAULT_CONFIRM_SEEDS = 5
"""Default number of seeds per confirmed point, about the fewest that show how much of the error is due to seeds."""

DEFAULT_STORAGE = "sqlite:///studies.db"

SAMPLER_NAMES = ("front", "tpe", "random")
METRIC_NAMES = ("accuracy", "balanced-accuracy")
"""What a search maximises on the validation images: the share of images that are right, or its mean over classes."""
PRUNER_NAMES = ("size-aware", "none")
