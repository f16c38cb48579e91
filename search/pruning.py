"""The size-aware pruning rule: a pure function of a trial's curve and its rivals'.

A trial joins the front only if it ends more accurate than every trial of equal or fewer parameters, so those are its
only rivals. Comparing with all trials, as accuracy-only pruners do, would stop the small nets that the front is about.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

PRUNER_NAMES = ("size-aware", "none")

WARM_UP_EPOCHS = 5
"""Epochs before the first decision: the learning rate peaks in the third, where curves jump about most."""
MIN_RIVALS = 4
"""Completed rivals before any decision: the smallest nets, which have none, are never stopped."""
SMOOTHING_EPOCHS = 2
"""A single validation accuracy at a high learning rate jumps about; the best of the latest two jumps less."""
HOPE_QUANTILE = 0.25
"""How fast a trial's error may be hoped to fall from here on: as that of the best quarter of its rivals did."""
NOISE_STANDARD_ERRORS = 1.0
"""Standard errors of the difference of two accuracies on the validation set that are granted to the trial."""


@dataclass(frozen=True, slots=True)
class Rival:
    num_params: int
    curve: tuple[float, ...]
    """val_accuracy after each epoch, from the first to the last."""


def should_prune(
    num_params: int, curve: Sequence[float], rivals: Sequence[Rival], *, num_epochs: int, num_validation: int
) -> bool:
    """Whether a trial would miss the front even if its error fell from here on as fast as its faster rivals' did.

    ``curve`` holds the val_accuracy of each finished epoch, ``num_validation`` the number of images behind each. Only
    rivals with at most ``num_params`` parameters and all ``num_epochs`` epochs count.
    """
    epoch = len(curve)
    if not WARM_UP_EPOCHS <= epoch < num_epochs:
        return False
    finished = [rival.curve for rival in rivals if rival.num_params <= num_params and len(rival.curve) == num_epochs]
    if len(finished) < MIN_RIVALS:
        return False
    # Half an image in error keeps the ratios finite.
    least = 0.5 / num_validation
    ratios = sorted(max(1 - rival[-1], least) / _error(rival[:epoch], least) for rival in finished)
    hoped_for = _error(curve, least) * ratios[int(HOPE_QUANTILE * len(ratios))]
    best = min(max(1 - rival[-1], least) for rival in finished)
    noise = NOISE_STANDARD_ERRORS * math.sqrt(2 * best * (1 - best) / num_validation)
    return hoped_for > best + noise


def _error(curve: Sequence[float], least: float) -> float:
    return max(1 - max(curve[-SMOOTHING_EPOCHS:]), least)
