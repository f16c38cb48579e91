"""The size-aware pruning rule, a pure function of the curves of a trial and its rivals.

A trial joins the front only if it ends more accurate than every trial with equal or fewer parameters, so those are its
only rivals. Comparing with all trials, as accuracy-only pruners do, would stop the small nets that a front needs.
"""

import math
from collections.abc import Sequence

from studies.rivals import TrialCurve

WARM_UP_EPOCHS = 4
"""Epochs before the first decision: of 15, the learning rate rises for three, when accuracies mean little."""
MIN_RIVALS = 3
"""Completed rivals needed for any decision; the smallest nets, which have none, are never stopped."""
NEAR_SHARE = 0.5
"""Share of rivals, largest first, used to estimate how fast errors fall; those of smaller nets fall less."""
HOPE_QUANTILE = 0.5
"""Quantile of these rivals' further reductions of error, best first, that the trial is assumed to reach."""
NOISE_STANDARD_ERRORS = 5.0
"""Tolerance in standard errors of the difference of two accuracies on the validation set. Early errors tell little of
which of two good nets ends better, so only trials are stopped that are far behind (docs/decisions.md)."""


def should_prune(trial: TrialCurve, rivals: Sequence[TrialCurve], *, num_epochs: int, num_validation: int) -> bool:
    """Return whether a trial would miss the front even if its error now fell as fast as its rivals' errors did.

    ``num_validation`` is the number of images behind each val_accuracy. Only rivals with at most as many parameters and
    all ``num_epochs`` epochs count.
    """
    epoch = len(trial)
    if not WARM_UP_EPOCHS <= epoch < num_epochs:
        return False
    finished = [rival for rival in rivals if rival.num_params <= trial.num_params and len(rival) == num_epochs]
    if len(finished) < MIN_RIVALS:
        return False
    # An error of at least half an image keeps the ratios finite.
    least = 0.5 / num_validation
    finished.sort(key=lambda rival: rival.num_params, reverse=True)
    errors = [max(1 - rival.val_accuracy[-1], least) for rival in finished]
    num_near = max(MIN_RIVALS, math.ceil(NEAR_SHARE * len(finished)))
    near = zip(errors[:num_near], finished[:num_near], strict=True)
    ratios = sorted(error / rival.error_so_far(epoch, least) for error, rival in near)
    hoped_for = trial.error_so_far(epoch, least) * ratios[int(HOPE_QUANTILE * len(ratios))]
    best = min(errors)
    noise = NOISE_STANDARD_ERRORS * math.sqrt(2 * best * (1 - best) / num_validation)
    return hoped_for > best + noise
