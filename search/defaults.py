"""Defaults that the command line shows in its help, which must not import anything slow."""

MAX_EPOCHS = 15
"""The reference systems train for 15 epochs at most; more would not compare."""

DEFAULT_TRIALS = 120
"""Trained trials of a default run: what two cores finish in less than 50 minutes on MNIST (README has the figures)."""

DEFAULT_CONFIRM_SEEDS = 5
"""Seeds of a confirmed point: about the fewest that tell a seed's share of the error."""

DEFAULT_STORAGE = "sqlite:///studies.db"
