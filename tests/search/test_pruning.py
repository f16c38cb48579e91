import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pruning import (
    MIN_RIVALS,
    NOISE_STANDARD_ERRORS,
    SMOOTHING_EPOCHS,
    WARM_UP_EPOCHS,
    Rival,
    should_prune,
)

NUM_EPOCHS = WARM_UP_EPOCHS + SMOOTHING_EPOCHS + 5
NUM_VALIDATION = 10_000
SIZE = 1_000


def prunes(
    curve: Sequence[float], rivals: Sequence[Rival], *, num_epochs: int = NUM_EPOCHS, num_params: int = SIZE
) -> bool:
    return should_prune(num_params, curve, rivals, num_epochs=num_epochs, num_validation=NUM_VALIDATION)


def flat(accuracy: float, num_epochs: int = WARM_UP_EPOCHS) -> list[float]:
    return [accuracy] * num_epochs


def rivals(
    accuracy: float = 0.99,
    *,
    num: int = MIN_RIVALS,
    num_params: int = SIZE,
    num_epochs: int = NUM_EPOCHS,
    before: float | None = None,
) -> list[Rival]:
    """``num`` equal ones that end at ``accuracy``; it is ``before`` (default the same) in the epochs until then."""
    curve = (*flat(accuracy if before is None else before, num_epochs - 1), accuracy)
    return [Rival(num_params, curve)] * num


def noise(accuracy: float) -> float:
    return NOISE_STANDARD_ERRORS * math.sqrt(2 * accuracy * (1 - accuracy) / NUM_VALIDATION)


# (curve so far, rivals, whether it is stopped)
DECISIONS: dict[str, tuple[list[float], list[Rival], bool]] = {
    "hopeless": (flat(0.5), rivals(), True),
    "hopeless, in the last epoch but one": (flat(0.5, NUM_EPOCHS - 1), rivals(), True),
    "hopeless, but still warming up": (flat(0.5, WARM_UP_EPOCHS - 1), rivals(), False),
    "hopeless, but trained to its end": (flat(0.5, NUM_EPOCHS), rivals(), False),
    "before the first epoch": ([], rivals(), False),
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
    "perfect rivals": (flat(0.99), rivals(1.0), True),
    "as perfect as the rivals": (flat(1.0), rivals(1.0), False),
    "all at zero": (flat(0.0), rivals(0.0), False),
    "a bad last epoch": (flat(0.99) + flat(0.5, SMOOTHING_EPOCHS - 1), rivals(), False),
    "bad for longer": (flat(0.99) + flat(0.5, SMOOTHING_EPOCHS), rivals(), True),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions(name: str) -> None:
    curve, others, expected = DECISIONS[name]
    assert prunes(curve, others) is expected


def test_the_noise_is_that_of_the_validation_set() -> None:
    curve, others = flat(0.99 - 0.5 * noise(0.99)), rivals()
    assert not should_prune(SIZE, curve, others, num_epochs=NUM_EPOCHS, num_validation=NUM_VALIDATION)
    assert should_prune(SIZE, curve, others, num_epochs=NUM_EPOCHS, num_validation=100 * NUM_VALIDATION)


_accuracies = st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0])
_curves = st.lists(_accuracies, max_size=NUM_EPOCHS)
_whole_curves = st.lists(_accuracies, min_size=NUM_EPOCHS, max_size=NUM_EPOCHS).map(tuple)
_rivals = st.lists(st.builds(Rival, st.integers(1, SIZE), _whole_curves), max_size=4 * MIN_RIVALS)
# Where a decision is likely, so that what holds of stopped trials is tried on many.
_good_rivals = st.lists(
    st.builds(
        Rival, st.integers(1, SIZE), st.lists(st.floats(0.9, 1.0), min_size=NUM_EPOCHS, max_size=NUM_EPOCHS).map(tuple)
    ),
    min_size=MIN_RIVALS,
    max_size=3 * MIN_RIVALS,
)


@given(_curves, _good_rivals | _rivals)
def test_never_before_the_warm_up_is_over_nor_in_the_last_epoch(curve: list[float], others: list[Rival]) -> None:
    if prunes(curve, others):
        assert WARM_UP_EPOCHS <= len(curve) < NUM_EPOCHS


@given(_curves, st.data())
def test_never_with_too_few_rivals(curve: list[float], data: st.DataObject) -> None:
    others = data.draw(_good_rivals | _rivals)[: MIN_RIVALS - 1]
    assert not prunes(curve, others)


@given(_curves, _good_rivals | _rivals, st.lists(st.builds(Rival, st.integers(SIZE + 1, 10 * SIZE), _whole_curves)))
def test_bigger_rivals_change_nothing(curve: list[float], others: list[Rival], bigger: list[Rival]) -> None:
    assert prunes(curve, [*bigger, *others]) == prunes(curve, others)


@given(_curves, _good_rivals | _rivals, st.lists(st.builds(Rival, st.integers(1, SIZE), _curves.map(tuple))))
def test_unfinished_rivals_change_nothing(curve: list[float], others: list[Rival], stopped: list[Rival]) -> None:
    stopped = [rival for rival in stopped if len(rival.curve) < NUM_EPOCHS]
    assert prunes(curve, [*others, *stopped]) == prunes(curve, others)


@given(_curves, _good_rivals | _rivals, st.randoms())
def test_the_order_of_rivals_changes_nothing(curve: list[float], others: list[Rival], random: Random) -> None:
    shuffled = list(others)
    random.shuffle(shuffled)
    assert prunes(curve, shuffled) == prunes(curve, others)


@given(st.lists(st.tuples(_accuracies, _accuracies), max_size=NUM_EPOCHS), _good_rivals | _rivals)
def test_a_better_curve_is_never_stopped_where_a_worse_one_is_not(
    pairs: list[tuple[float, float]], others: list[Rival]
) -> None:
    worse, better = [min(pair) for pair in pairs], [max(pair) for pair in pairs]
    assert prunes(worse, others) or not prunes(better, others)


@given(st.integers(WARM_UP_EPOCHS, NUM_EPOCHS - 1), st.floats(0.0, 1.0), _good_rivals)
def test_who_is_already_as_good_as_every_rival_will_be_goes_on(
    epoch: int, accuracy: float, others: list[Rival]
) -> None:
    # Where the rivals improve from here on: the hope is then for no less.
    steady = [Rival(rival.num_params, tuple(sorted(rival.curve))) for rival in others]
    best = max(rival.curve[-1] for rival in steady)
    assert not prunes(flat(max(best, accuracy), epoch), steady)


@given(st.integers(1, 10 * SIZE), _curves, _good_rivals | _rivals)
def test_more_parameters_only_bring_more_rivals(num_params: int, curve: list[float], others: list[Rival]) -> None:
    known = [rival for rival in others if rival.num_params <= num_params]
    assert prunes(curve, others, num_params=num_params) == prunes(curve, known, num_params=num_params)
