"""Choosing the trials that a sampler learns from, where a study has more than it has time for."""

from collections.abc import Iterable, Sequence

from optuna.trial import TrialState

from studies.pareto import FrontPoint, pareto_front
from studies.summaries import TrialSummary
from studies.trials import Outcome


def most_instructive(ended: Sequence[TrialSummary], num: int) -> list[TrialSummary]:
    """Return at most ``num`` trials: the front, the front of the rest and so on up to a half, and the latest."""
    # Duplicates are complete too, but equal to another trial in the list.
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE and trial.outcome != Outcome.DUPLICATE]
    kept = instructive_numbers([trial.front_point for trial in complete], [trial.number for trial in ended], num)
    return [trial for trial in ended if trial.number in kept]


def instructive_numbers(complete: Iterable[FrontPoint], ended: Iterable[int], num: int) -> set[int]:
    """Return the numbers of such trials: ``complete`` are those that may be on a front, ``ended`` all their numbers."""
    kept: set[int] = set()
    rest = {point.trial: point for point in complete}
    while len(kept) < num // 2 and (front := [point.trial for point in pareto_front(rest.values())]):
        kept.update(front[: num // 2 - len(kept)])
        for number in front:
            del rest[number]
    latest = sorted(set(ended) - kept, reverse=True)
    return kept | set(latest[: num - len(kept)])
