"""Defaults that the command line shows in its help, which must not import anything slow."""

MAX_EPOCHS = 15
"""As the best reference systems for their size have, `000-step3` and `002-optimized`: more would not compare."""

DEFAULT_TRIALS = 120
"""Trained trials of a default run: what two cores finish in about half an hour on MNIST (docs/results.md)."""

DEFAULT_CONFIRM_SEEDS = 5
"""Seeds of a confirmed point: about the fewest that tell a seed's share of the error."""

DEFAULT_STORAGE = "sqlite:///studies.db"
