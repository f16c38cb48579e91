"""Which trial of a study a command is about."""

from collections.abc import Sequence

from search.report import best_of
from space.errors import InputError
from studies.pareto import FrontPoint
from studies.records import Outcome, outcome_of, read_front
from studies.storage import Store


def select_trial(
    store: Store, study_name: str, *, trial: int | None, max_params: int | None, min_accuracy: float | None
) -> int:
    """The number of the chosen trial; without a selector, of the most accurate one.

    Raises `InputError` for more than one selector, a trial that is not a complete one, or a wish that no point meets.
    """
    if sum(selector is not None for selector in (trial, max_params, min_accuracy)) > 1:
        raise InputError("give one of --trial, --max-params and --min-accuracy, not several")
    if trial is not None:
        check_complete(store, study_name, trial)
        return trial
    front = read_front(store.engine, study_name)
    if not front:
        raise InputError(f"study {study_name!r} has no complete trial yet, so there is nothing to choose from")
    if max_params is not None:
        return _most_accurate_within(front, max_params).trial
    if min_accuracy is not None:
        return _smallest_reaching(front, min_accuracy).trial
    best = best_of(front)
    assert best is not None
    return best.trial


def _most_accurate_within(front: Sequence[FrontPoint], max_params: int) -> FrontPoint:
    best = best_of([point for point in front if point.num_params <= max_params])
    if best is None:
        smallest = min(front, key=lambda point: point.num_params)
        raise InputError(
            f"no point of the front has at most {max_params:,} parameters; the closest is trial {smallest.trial} with "
            f"{smallest.num_params:,}"
        )
    return best


def _smallest_reaching(front: Sequence[FrontPoint], min_accuracy: float) -> FrontPoint:
    if not 0 <= min_accuracy <= 1:
        raise InputError(f"--min-accuracy is a fraction from 0 to 1, such as 0.994, not {min_accuracy:g}")
    reaching = [point for point in front if point.val_accuracy >= min_accuracy]
    if not reaching:
        best = best_of(front)
        assert best is not None
        raise InputError(
            f"no point of the front reaches a validation accuracy of {min_accuracy:g}; the closest is trial "
            f"{best.trial} with {best.val_accuracy:.4f}"
        )
    return min(reaching, key=lambda point: (point.num_params, point.trial))


def check_complete(store: Store, study_name: str, number: int) -> None:
    """Raises `InputError` for a trial that is not there or has no weights of its own."""
    trials = store.load_study(study_name).get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        known = f"its trials are numbered 0 to {len(trials) - 1}" if trials else "it has none yet"
        raise InputError(f"study {study_name!r} has no trial {number}; {known}")
    outcome = outcome_of(trials[number])
    if outcome == Outcome.DUPLICATE:
        original = trials[number].user_attrs["duplicate_of"]
        raise InputError(f"trial {number} is equal to trial {original}: name that one")
    if outcome != Outcome.COMPLETE:
        raise InputError(f"trial {number} was not completed ({outcome or 'running'}), so it has no weights")
