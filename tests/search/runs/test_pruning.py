import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.runs.pruning import MIN_RIVALS, NOISE_STANDARD_ERRORS, WARM_UP_EPOCHS, should_prune
from studies.rivals import TrialCurve

NUM_EPOCHS = WARM_UP_EPOCHS + 7
NUM_VALIDATION = 10_000
SIZE = 1_000


def prunes(trial: TrialCurve, rivals: Sequence[TrialCurve]) -> bool:
    return should_prune(trial, rivals, num_epochs=NUM_EPOCHS, num_validation=NUM_VALIDATION)


def trial_curve(
    accuracies: Sequence[float], train: Sequence[float] | None = None, *, num_params: int = SIZE
) -> TrialCurve:
    """Training accuracies are those of validation where none are given."""
    return TrialCurve(num_params, tuple(accuracies), tuple(accuracies if train is None else train))


def flat(accuracy: float, num_epochs: int = WARM_UP_EPOCHS, *, train: float | None = None) -> TrialCurve:
    return trial_curve([accuracy] * num_epochs, None if train is None else [train] * num_epochs)


def rivals(
    accuracy: float = 0.99,
    *,
    num: int = MIN_RIVALS,
    num_params: int = SIZE,
    num_epochs: int = NUM_EPOCHS,
    before: float | None = None,
) -> list[TrialCurve]:
    """``num`` equal ones that end at ``accuracy``; it is ``before`` (default the same) in the epochs until then."""
    curve = [accuracy if before is None else before] * (num_epochs - 1) + [accuracy]
    return [trial_curve(curve, num_params=num_params)] * num


def noise(accuracy: float) -> float:
    return NOISE_STANDARD_ERRORS * math.sqrt(2 * accuracy * (1 - accuracy) / NUM_VALIDATION)


# (curve so far, rivals, whether it is stopped)
DECISIONS: dict[str, tuple[TrialCurve, list[TrialCurve], bool]] = {
    "hopeless": (flat(0.5), rivals(), True),
    "hopeless, in the last epoch but one": (flat(0.5, NUM_EPOCHS - 1), rivals(), True),
    "hopeless, but still warming up": (flat(0.5, WARM_UP_EPOCHS - 1), rivals(), False),
    "hopeless, but trained to its end": (flat(0.5, NUM_EPOCHS), rivals(), False),
    "before the first epoch": (trial_curve([]), rivals(), False),
    "no rivals": (flat(0.5), [], False),
    "too few rivals": (flat(0.5), rivals(num=MIN_RIVALS - 1), False),
    "smaller rivals": (flat(0.5), rivals(num_params=SIZE // 2), True),
    "bigger rivals": (flat(0.5), rivals(num=9 * MIN_RIVALS, num_params=SIZE + 1), False),
    "bigger rivals beside too few": (flat(0.5), rivals(num=MIN_RIVALS - 1) + rivals(num_params=SIZE + 1), False),
    "rivals that were stopped": (flat(0.5), rivals(num=9 * MIN_RIVALS, num_epochs=NUM_EPOCHS - 1), False),
    "worse rivals": (flat(0.5), rivals(0.4), False),
    "as good as the rivals": (flat(0.99), rivals(), False),
    "better than the rivals": (flat(0.995), rivals(), False),
    "worse, but within the noise": (flat(0.99 - 0.9 * noise(0.99)), rivals(), False),
    "worse by more than the noise": (flat(0.99 - 1.1 * noise(0.99) - 1e-6), rivals(), True),
    "rivals were no better at that time": (flat(0.5), rivals(before=0.5), False),
    "rivals were better at that time": (flat(0.5), rivals(before=0.8), True),
    "one good rival among bad ones": (flat(0.5), [*rivals(0.6), *rivals(0.99, num=1)], True),
    "the larger rivals' errors fell enough": (flat(0.9), [*rivals(num_params=9), *rivals(before=0.9)], False),
    "only the smaller rivals' errors fell enough": (flat(0.9), [*rivals(num_params=9, before=0.9), *rivals()], True),
    "perfect rivals": (flat(0.99), rivals(1.0), True),
    "as perfect as the rivals": (flat(1.0), rivals(1.0), False),
    "all at zero": (flat(0.0), rivals(0.0), False),
    "bad validation since its best epoch": (
        trial_curve([0.99] + [0.5] * WARM_UP_EPOCHS, [0.99] * (WARM_UP_EPOCHS + 1)),
        rivals(),
        False,
    ),
    "as good on validation, but not in training": (flat(0.99, train=0.9), rivals(), True),
    "as good in training, but not on validation": (flat(0.9, train=0.99), rivals(), True),
    "worse on validation, but better in training": (flat(0.985, train=0.995), rivals(), False),
    "good in training once, but not lately": (
        trial_curve([0.99] * WARM_UP_EPOCHS, [0.99] * (WARM_UP_EPOCHS - 1) + [0.9]),
        rivals(),
        True,
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(name: str) -> None:
    curve, others, expected = DECISIONS[name]
    assert prunes(curve, others) is expected


def test_the_noise_is_that_of_the_validation_set() -> None:
    curve, others = flat(0.99 - 0.5 * noise(0.99)), rivals()
    assert not should_prune(curve, others, num_epochs=NUM_EPOCHS, num_validation=NUM_VALIDATION)
    assert should_prune(curve, others, num_epochs=NUM_EPOCHS, num_validation=100 * NUM_VALIDATION)


_accuracies = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0])
_good_accuracies = st.floats(0.9, 1.0)
_whole = st.just(NUM_EPOCHS)


def _curves(
    accuracies: st.SearchStrategy[float],
    *,
    sizes: st.SearchStrategy[int],
    lengths: st.SearchStrategy[int] = _whole,
) -> st.SearchStrategy[TrialCurve]:
    def of_length(length: int) -> st.SearchStrategy[TrialCurve]:
        epochs = st.tuples(*[accuracies] * length)
        return st.builds(TrialCurve, sizes, epochs, epochs)

    return lengths.flatmap(of_length)


_smaller, _bigger = st.integers(1, SIZE), st.integers(SIZE + 1, 10 * SIZE)
_trials = _curves(_accuracies, sizes=st.just(SIZE), lengths=st.integers(0, NUM_EPOCHS))
_rivals = st.lists(_curves(_accuracies, sizes=_smaller), max_size=4 * MIN_RIVALS)
# Where a decision is likely, so that what holds of stopped trials is tried on many.
_good_rivals = st.lists(_curves(_good_accuracies, sizes=_smaller), min_size=MIN_RIVALS, max_size=3 * MIN_RIVALS)


@given(_trials, _good_rivals | _rivals)
def test_never_before_the_warm_up_is_over_nor_in_the_last_epoch(trial: TrialCurve, others: list[TrialCurve]) -> None:
    if prunes(trial, others):
        assert WARM_UP_EPOCHS <= len(trial) < NUM_EPOCHS


@given(_trials, st.data())
def test_never_with_too_few_rivals(trial: TrialCurve, data: st.DataObject) -> None:
    others = data.draw(_good_rivals | _rivals)[: MIN_RIVALS - 1]
    assert not prunes(trial, others)


@given(_trials, _good_rivals | _rivals, st.lists(_curves(_accuracies, sizes=_bigger)))
def test_bigger_rivals_change_nothing(trial: TrialCurve, others: list[TrialCurve], bigger: list[TrialCurve]) -> None:
    assert prunes(trial, [*bigger, *others]) == prunes(trial, others)


@given(
    _trials,
    _good_rivals | _rivals,
    st.lists(_curves(_accuracies, sizes=_smaller, lengths=st.integers(0, NUM_EPOCHS - 1))),
)
def test_unfinished_rivals_change_nothing(
    trial: TrialCurve, others: list[TrialCurve], stopped: list[TrialCurve]
) -> None:
    assert prunes(trial, [*others, *stopped]) == prunes(trial, others)


@given(_trials, _good_rivals | _rivals, st.randoms())
def test_the_order_of_rivals_changes_nothing(trial: TrialCurve, others: list[TrialCurve], random: Random) -> None:
    shuffled = list(others)
    random.shuffle(shuffled)
    assert prunes(trial, shuffled) == prunes(trial, others)


@given(
    st.lists(st.tuples(_accuracies, _accuracies, _accuracies, _accuracies), max_size=NUM_EPOCHS),
    _good_rivals | _rivals,
)
def test_a_better_curve_is_never_stopped_where_a_worse_one_is_not(
    epochs: list[tuple[float, float, float, float]], others: list[TrialCurve]
) -> None:
    worse, better = (
        trial_curve([pick(epoch[:2]) for epoch in epochs], [pick(epoch[2:]) for epoch in epochs]) for pick in (min, max)
    )
    assert prunes(worse, others) or not prunes(better, others)


@given(_trials, _good_rivals)
def test_who_is_level_with_the_best_rival_goes_on(trial: TrialCurve, others: list[TrialCurve]) -> None:
    """A trial that repeats the curve of rivals that are all alike."""
    best = max(others, key=lambda rival: rival.val_accuracy[-1])
    equals = [TrialCurve(SIZE, best.val_accuracy, best.train_accuracy)] * MIN_RIVALS
    epoch = max(len(trial), 1)
    assert not prunes(TrialCurve(SIZE, best.val_accuracy[:epoch], best.train_accuracy[:epoch]), equals)


@given(st.integers(1, 10 * SIZE), _trials, _good_rivals | _rivals)
def test_more_parameters_only_bring_more_rivals(num_params: int, trial: TrialCurve, others: list[TrialCurve]) -> None:
    trial = TrialCurve(num_params, trial.val_accuracy, trial.train_accuracy)
    known = [rival for rival in others if rival.num_params <= num_params]
    assert prunes(trial, others) == prunes(trial, known)
