"""Selecting the trial of a study that a command works on."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.models.rules import check_max_params
from search.sampling.estimates import read_estimates
from search.terminal.numbers import counted, format_accuracy
from space.errors import InputError
from space.footprint import footprint_of
from space.limits import NO_LIMITS, DeviceLimits, describe, measures_of, option_of
from studies.confirmations import Confirmation, ConfirmedPoint, read_confirmed_front
from studies.damage import damaged
from studies.pareto import FrontPoint, most_accurate
from studies.records import read_front
from studies.storage import Store
from studies.trials import complete_trial, front_point

DEFAULT_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Selection:
    trial: int
    """Number of the selected trial."""
    remark: str | None = None
    """A line for people if the estimates, by which it was selected, contradict the measured accuracies."""


def select_trial(
    store: Store,
    study_name: str,
    *,
    trial: int | None,
    max_params: int | None,
    limits: DeviceLimits = NO_LIMITS,
    min_accuracy: float | None,
    confidence: float | None = None,
) -> Selection:
    """Select a trial; without a selector, the most accurate one.

    If the front is confirmed, only its members are considered: by the validation accuracy that made them members, or
    for ``min_accuracy`` by the confidence that their test accuracies give. Otherwise the estimates of accuracies
    decide, if there are any, except for ``min_accuracy``. ``max_params`` and ``limits`` may be given
    together. Raises `InputError` for more than one selector otherwise, a trial that is not complete, or a condition
    that no point satisfies.
    """
    if limits and (trial is not None or min_accuracy is not None):
        selector = "--trial" if trial is not None else "--min-accuracy"
        raise InputError(f"give one of {selector} and {option_of(next(iter(limits.given)))}, not both")
    if sum(selector is not None for selector in (trial, max_params, min_accuracy)) > 1:
        raise InputError("give one of --trial, --max-params and --min-accuracy, not several")
    check_max_params(max_params)
    if confidence is not None and min_accuracy is None:
        raise InputError("--confidence requires --min-accuracy")
    if confidence is not None and not 0 < confidence < 1:
        raise InputError(f"--confidence must be above 0 and below 1, such as 0.95, not {confidence:g}")
    if min_accuracy is not None and not 0 <= min_accuracy <= 1:
        raise InputError(f"--min-accuracy is a fraction from 0 to 1, such as 0.994, not {min_accuracy:g}")
    if trial is not None:
        return Selection(complete_trial(store, study_name, trial).number)
    front = read_front(store.database, study_name)
    if not front:
        raise InputError(f"study {study_name!r} has no complete trial yet, so there is nothing to choose from")
    confirmed = read_confirmed_front(store.database, study_name)
    if confidence is not None and not confirmed:
        confirmed = require_confirmed_front(store, study_name)
    if confirmed:
        front = [point.front_point for point in confirmed]
    selected: FrontPoint | ConfirmedPoint
    remark = None
    if min_accuracy is not None and confirmed:
        selected = _smallest_surely_reaching(confirmed, min_accuracy, confidence or DEFAULT_CONFIDENCE)
    elif min_accuracy is not None:
        selected = _smallest_reaching(front, min_accuracy)
    else:
        selected = _most_accurate_within(front, max_params, limits)
        if not confirmed:
            selected, remark = _by_estimates(store, study_name, front, selected, max_params, limits)
    _check_point(store, study_name, selected)
    return Selection(selected.trial, remark)


def _by_estimates(
    store: Store,
    study_name: str,
    front: Sequence[FrontPoint],
    measured_best: FrontPoint,
    max_params: int | None,
    limits: DeviceLimits,
) -> tuple[FrontPoint, str | None]:
    """Return the point with the highest estimate, if there are estimates, and a remark if it is not the measured best.

    A front consists of the luckiest trainings, and its most accurate point is the most optimistic.
    """
    estimates = read_estimates(store, study_name, [point.trial for point in front])
    points = {point.trial: point for point in front}
    best = points[_most_accurate_within(estimates.applied_to(front), max_params, limits).trial]
    if best.trial == measured_best.trial:  # as without estimates
        return best, None
    by_trial = estimates.by_trial
    lead = 100 * (measured_best.val_accuracy - best.val_accuracy)
    return best, (
        f"chosen: trial {best.trial}, whose estimate of {format_accuracy(by_trial[best.trial].accuracy)} is the "
        f"highest; trial {measured_best.trial} has {lead:.2f} points more validation accuracy, but an estimate of "
        f"{format_accuracy(by_trial[measured_best.trial].accuracy)}"
    )


def _check_point(store: Store, study_name: str, point: FrontPoint | ConfirmedPoint) -> None:
    """Raise `DamagedStoreError` unless a point of a front is that of its trial."""
    at = f"the front of study {study_name!r} has trial {point.trial}"
    try:
        own = front_point(complete_trial(store, study_name, point.trial))
    except InputError as error:
        raise damaged(store.database, f"{at}, but {error}") from None
    if (own.num_params, own.notation) != (point.num_params, point.notation):
        raise damaged(
            store.database,
            f"{at} as {point.notation} with {point.num_params:,} parameters, but that is {own.notation} with "
            f"{own.num_params:,}",
        )


def _most_accurate_within(front: Sequence[FrontPoint], max_params: int | None, limits: DeviceLimits) -> FrontPoint:
    within = [point for point in front if max_params is None or point.num_params <= max_params]
    if limits and within:
        return _most_accurate_on_device(within, max_params, limits)
    best = most_accurate(within)  # the front itself is never empty
    if best is None:
        assert max_params is not None
        smallest = min(front, key=lambda point: point.num_params)
        raise InputError(
            f"no point of the front has at most {counted(max_params, 'parameter')}; the smallest is trial "
            f"{smallest.trial} with {smallest.num_params:,}"
        )
    return best


def _most_accurate_on_device(front: Sequence[FrontPoint], max_params: int | None, limits: DeviceLimits) -> FrontPoint:
    taken = {point.trial: footprint_of(point.notation) for point in front}
    measured = {trial: measures_of(found) for trial, found in taken.items() if found is not None}
    best = most_accurate(
        point
        for point in front
        if point.trial in measured and all(measured[point.trial][name] <= limit for name, limit in limits.given.items())
    )
    if best is None:
        least = {name: min((sizes[name] for sizes in measured.values()), default=0) for name in limits.given}
        few = f" of those with at most {counted(max_params, 'parameter')}" if max_params is not None else ""
        raise InputError(
            f"no point of the front{few} has {str(limits).replace(', ', ' and ')}; the least that one has, each by "
            f"itself: {', '.join(describe(name, size) for name, size in least.items())}; 'python -m search "
            f"run' with {' and '.join(map(option_of, limits.given))} looks for such nets"
        )
    return best


def _smallest_reaching(front: Sequence[FrontPoint], min_accuracy: float) -> FrontPoint:
    reaching = [point for point in front if point.val_accuracy >= min_accuracy]
    if not reaching:
        best = most_accurate(front)
        assert best is not None
        raise InputError(
            f"no point of the front reaches a validation accuracy of {min_accuracy:g}; the closest is trial "
            f"{best.trial} with {best.val_accuracy:.4f}"
        )
    return min(reaching, key=lambda point: (point.num_params, point.trial))


def _smallest_surely_reaching(
    front: Sequence[ConfirmedPoint], min_accuracy: float, confidence: float
) -> ConfirmedPoint:
    reaching = [point for point in front if point.confidence_of(min_accuracy) >= confidence]
    if not reaching:
        closest = max(front, key=lambda point: point.confidence_of(min_accuracy))
        raise InputError(
            f"no point of the confirmed front reaches a test accuracy of {min_accuracy:g} with a confidence of "
            f"{confidence:g}; the closest is trial {closest.trial} with {closest.accuracy:.4f}, a confidence of "
            f"{closest.confidence_of(min_accuracy):.2f}"
        )
    return min(reaching, key=lambda point: point.num_params)


def require_confirmed_front(store: Store, study_name: str) -> list[ConfirmedPoint]:
    """Return the confirmed front. Raises `InputError` if there is no confirmation or it is not finished."""
    confirmation = Confirmation.find(store.database, study_name)
    if confirmation is None:
        raise InputError(f"the front of study {study_name!r} is not confirmed: 'python -m search confirm' does that")
    front = confirmation.front()
    if not front:
        raise InputError(
            f"the confirmation of study {study_name!r} is not finished: 'python -m search confirm' continues it"
        )
    return front
