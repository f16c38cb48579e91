"""The size-aware pruning rule: a pure function of a trial's curve and its rivals'.

A trial joins the front only if it ends more accurate than every trial of equal or fewer parameters, so those are its
only rivals. Comparing with all trials, as accuracy-only pruners do, would stop the small nets that the front is about.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

PRUNER_NAMES = ("size-aware", "none")

WARM_UP_EPOCHS = 4
"""Epochs until the first decision: of 15, the learning rate rises for three, when accuracies say little."""
MIN_RIVALS = 3
"""Completed rivals before any decision: the smallest nets, which have none, are never stopped."""
NEAR_SHARE = 0.5
"""How many of the rivals, the largest, tell how fast an error falls: that of smaller nets falls less."""
HOPE_QUANTILE = 0.5
"""How fast a trial's error may be hoped to fall from here on: as that of the better half of those did."""
NOISE_STANDARD_ERRORS = 1.5
"""Standard errors of the difference of two accuracies on the validation set that are granted to the trial."""


@dataclass(frozen=True, slots=True)
class TrialCurve:
    """Accuracies of a trial after each epoch, from the first on."""

    num_params: int
    val_accuracy: tuple[float, ...]
    train_accuracy: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.val_accuracy)


def should_prune(trial: TrialCurve, rivals: Sequence[TrialCurve], *, num_epochs: int, num_validation: int) -> bool:
    """Whether a trial would miss the front even if its error fell from here on as fast as its rivals' did.

    ``num_validation`` is the number of images behind each val_accuracy. Only rivals with at most as many parameters and
    all ``num_epochs`` epochs count.
    """
    epoch = len(trial)
    if not WARM_UP_EPOCHS <= epoch < num_epochs:
        return False
    finished = [rival for rival in rivals if rival.num_params <= trial.num_params and len(rival) == num_epochs]
    if len(finished) < MIN_RIVALS:
        return False
    # Half an image in error keeps the ratios finite.
    least = 0.5 / num_validation
    finished.sort(key=lambda rival: rival.num_params, reverse=True)
    errors = [max(1 - rival.val_accuracy[-1], least) for rival in finished]
    num_near = max(MIN_RIVALS, math.ceil(NEAR_SHARE * len(finished)))
    near = zip(errors[:num_near], finished[:num_near], strict=True)
    ratios = sorted(error / error_so_far(rival, epoch, least) for error, rival in near)
    hoped_for = error_so_far(trial, epoch, least) * ratios[int(HOPE_QUANTILE * len(ratios))]
    best = min(errors)
    noise = NOISE_STANDARD_ERRORS * math.sqrt(2 * best * (1 - best) / num_validation)
    return hoped_for > best + noise


def error_so_far(curve: TrialCurve, epoch: int, least: float) -> float:
    """How far a trial is after an epoch: the geometric mean of its lowest validation and its latest training error.

    At a high learning rate single validation accuracies jump about. The training accuracy is of many more images, and
    of all the weights that the epoch went through: together they tell the end better than either (docs/decisions.md).
    """
    validation = max(1 - max(curve.val_accuracy[:epoch]), least)
    training = max(1 - curve.train_accuracy[epoch - 1], least)
    return math.sqrt(validation * training)
