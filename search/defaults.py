"""Defaults and names shown in the help of the command line, which must not import anything slow."""

MAX_EPOCHS = 15
"""Largest number of epochs of a trial, that of the best reference systems for their size, so that results compare."""

DEFAULT_TRIALS = 120
"""Trained trials of a default run, which two cores finish in about half an hour on MNIST (docs/results.md)."""

MIN_CONFIRM_SEEDS = 2
"""Smallest number of seeds per confirmed point: one would not show how much a seed matters."""

DEFAULT_CONFIRM_SEEDS = 5
"""Default number of seeds per confirmed point, about the fewest that show how much of the error is due to seeds."""

DEFAULT_CONTENDERS = 20
"""Default of the largest number of contenders in a confirmation: about as many as a default search has front points,
and with that many a confirmation takes about as long as the search (docs/results.md)."""

DEFAULT_STORAGE = "sqlite:///studies.db"

SAMPLER_NAMES = ("front", "tpe", "random")
METRIC_NAMES = ("accuracy", "balanced-accuracy")
"""What a search maximises on the validation images: the share of images that are right, or its mean over classes."""
PRUNER_NAMES = ("size-aware", "none")
