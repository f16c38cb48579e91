"""Choosing the trials that a sampler learns from, where a study has more than it has time for."""

from collections.abc import Sequence

from optuna.trial import TrialState

from studies.pareto import pareto_front
from studies.summaries import TrialSummary
from studies.trials import Outcome


def most_instructive(ended: Sequence[TrialSummary], num: int) -> list[TrialSummary]:
    """Return at most ``num`` trials: the front, the front of the rest and so on up to a half, and the latest."""
    kept: set[int] = set()
    # Duplicates are complete too, but equal to another trial in the list.
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE and trial.outcome != Outcome.DUPLICATE]
    rest = {point.trial: point for point in (trial.front_point for trial in complete)}
    while len(kept) < num // 2 and (front := [point.trial for point in pareto_front(rest.values())]):
        kept.update(front[: num // 2 - len(kept)])
        for number in front:
            del rest[number]
    latest = sorted((trial.number for trial in ended if trial.number not in kept), reverse=True)
    kept.update(latest[: num - len(kept)])
    return [trial for trial in ended if trial.number in kept]
