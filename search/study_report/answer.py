"""The answer of a study: its best net within the budget, and the smallest that reaches a target."""

from collections.abc import Sequence
from dataclasses import asdict
from math import sqrt
from typing import Any

from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint, most_accurate


def find_answer(
    front: Sequence[FrontPoint],
    confirmed: Sequence[ConfirmedPoint],
    *,
    max_params: int,
    target: float | None,
    num_effective: int | None,
) -> dict[str, Any]:
    """Return the best net with at most ``max_params`` parameters, and whether one of them reaches ``target``.

    A confirmed front is judged by test accuracies, which chose nothing, any other front by validation accuracies.
    ``num_effective`` is the number of images whose accuracy would vary as much as the study's metric does on its
    validation images (`studies.intervals.effective_images`). It gives the standard error of a single model.
    """
    members = {point.trial: point for point in confirmed}
    points = [point.front_point for point in confirmed] if confirmed else list(front)
    within = [point for point in points if point.num_params <= max_params]
    best = most_accurate(within)
    found: dict[str, Any] = {"max_params": max_params, "is_confirmed": bool(confirmed), "best": None, "target": None}
    if best is not None:
        member = members.get(best.trial)
        error = (
            sqrt(best.val_accuracy * (1 - best.val_accuracy) / num_effective) if num_effective and not member else None
        )
        found["best"] = {**asdict(best), "error": error, "confirmed": member and asdict(member)}
    if target is not None:
        accuracies = {point.trial: _judged(point, members) for point in within}
        reaching = [point for point in within if accuracies[point.trial] >= target]
        smallest = min(reaching, key=lambda point: point.num_params, default=None)
        nearest = max(within, key=lambda point: accuracies[point.trial], default=None)
        shown = smallest or nearest
        found["target"] = {
            "accuracy": target,
            "passed": smallest is not None,
            "net": shown and {**asdict(shown), "accuracy": accuracies[shown.trial]},
            "confidence": members[shown.trial].confidence_of(target) if shown and shown.trial in members else None,
        }
    return found


def _judged(point: FrontPoint, members: dict[int, ConfirmedPoint]) -> float:
    return members[point.trial].accuracy if point.trial in members else point.val_accuracy
