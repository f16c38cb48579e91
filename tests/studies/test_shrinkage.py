"""Shrunken accuracies: between measurement and trend, and nearer to truths that are known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from studies.shrinkage import MIN_MEMBERS, own_variance, shrink, shrunken_accuracies

Array = NDArray[np.float64]
NUM_SEEDS, NUM_IMAGES = 5, 2_000


fronts = st.integers(MIN_MEMBERS, 25).flatmap(
    lambda num: st.tuples(
        st.lists(st.integers(100, 20_000), min_size=num, max_size=num, unique=True).map(sorted),
        st.lists(st.floats(-7.0, -1.0), min_size=num, max_size=num),
    )
)


@given(fronts, st.floats(0.0, 1.0))
@settings(max_examples=50)
def test_each_is_between_its_measurement_and_the_trend(front: tuple[list[int], list[float]], variance: float) -> None:
    log_sizes, log_errors = np.log(np.array(front[0], float)), np.array(front[1])
    found = shrink(log_sizes, log_errors, variance)
    assert found is not None
    shrunken, trend = found
    assert (np.minimum(log_errors, trend) - 1e-9 <= shrunken).all()
    assert (shrunken <= np.maximum(log_errors, trend) + 1e-9).all()
    if variance == 0:
        assert shrunken == pytest.approx(log_errors)


def shrunken_of(log_sizes: Array, log_errors: Array, variance: float) -> Array:
    found = shrink(log_sizes, log_errors, variance)
    assert found is not None
    return found[0]


def test_nothing_happens_where_members_differ_by_far_more_than_their_noise() -> None:
    log_sizes = np.linspace(6, 9, 9)
    log_errors = np.where(np.arange(9) % 2, -5.0, -3.0)
    assert shrunken_of(log_sizes, log_errors, 1e-7) == pytest.approx(log_errors, abs=1e-3)


def test_members_on_a_trend_stay_and_one_that_is_off_by_noise_is_drawn_to_it() -> None:
    log_sizes = np.linspace(6, 9, 9)
    straight = -2 - 0.5 * log_sizes
    assert shrunken_of(log_sizes, straight, 0.01) == pytest.approx(straight)
    lucky = straight - 0.1 * (np.arange(9) == 4)
    shrunken = shrunken_of(log_sizes, lucky, 0.01 * math.exp(straight[4]))
    assert lucky[4] + 0.03 < shrunken[4] < straight[4]


@pytest.mark.parametrize("num", range(1, MIN_MEMBERS))
def test_few_members_have_none(num: int) -> None:
    tested = [np.arange(40).reshape(2, 20) % 7 > 0] * num
    assert shrunken_accuracies(list(range(100, 100 + num)), tested) is None


def test_sizes_without_a_trend_have_none() -> None:
    assert shrunken_accuracies([100] * 6, [np.arange(40).reshape(2, 20) % 7 > 0] * 6) is None


def test_members_without_an_error_are_no_problem() -> None:
    shrunken = shrunken_accuracies(list(range(100, 106)), [np.ones((2, 20), bool)] * 6)
    assert shrunken is not None
    assert np.isfinite(shrunken).all()
    assert max(shrunken) <= 1


def simulated(generator: np.random.Generator, between: float) -> tuple[list[int], Array, list[NDArray[np.bool_]]]:
    """Sizes and true accuracies of ten members, and whether the models of each are right about common test images."""
    sizes = np.sort(generator.integers(500, 8_000, 10))
    true = np.exp(0.5 - 0.55 * np.log(sizes) + between * generator.normal(size=10))
    difficulty = generator.normal(size=NUM_IMAGES)
    noise = generator.normal(size=(10, NUM_SEEDS, NUM_IMAGES))
    # Half of what decides about an image is common to all members and seeds.
    score = (difficulty + noise) / math.sqrt(2)
    threshold = np.array([np.quantile(score[one], 1 - error) for one, error in enumerate(true)])
    fresh = generator.normal(size=NUM_IMAGES)
    again = (fresh + generator.normal(size=(10, NUM_SEEDS, NUM_IMAGES))) / math.sqrt(2)
    return sizes.tolist(), 1 - true, [again[one] < threshold[one] for one in range(10)]


@pytest.mark.parametrize("between", [0.0, 0.1])
def test_the_best_rows_are_nearer_to_the_truth(between: float) -> None:
    generator = np.random.default_rng(5)
    raw, drawn = [], []
    for _ in range(40):
        sizes, true, tested = simulated(generator, between)
        means = np.array([correct.mean() for correct in tested])
        shrunken = shrunken_accuracies(sizes, tested)
        assert shrunken is not None
        # Who looks for rows picks those that are best for their size.
        trend = np.polyval(np.polyfit(np.log(sizes), np.log(1 - means), 2), np.log(sizes))
        picked = np.argsort(np.log(1 - means) - trend)[:3]
        raw += list(np.log((1 - means) / (1 - true))[picked])
        drawn += list(np.log((1 - np.array(shrunken)) / (1 - true))[picked])
    assert np.mean(raw) < 0.0 < 0.9 * np.mean(np.square(raw)) - np.mean(np.square(drawn))
    assert abs(np.mean(drawn)) < abs(np.mean(raw))


def test_the_variance_of_members_leaves_out_what_they_share() -> None:
    generator = np.random.default_rng(0)
    shared = generator.random(NUM_IMAGES) < 0.9
    same = [np.tile(shared, (NUM_SEEDS, 1))] * 5
    assert own_variance(same) == pytest.approx(0.0, abs=1e-12)
    apart = [generator.random((NUM_SEEDS, NUM_IMAGES)) < 0.9 for _ in range(5)]
    assert own_variance(apart) == pytest.approx(0.9 * 0.1 / (NUM_SEEDS * NUM_IMAGES), rel=0.1)
