from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.confirmation import confirm
from search.confirmation.contenders import (
    Contender,
    choose_contenders,
    class_weights,
    front_members,
    nearest_to_front,
    needing_seeds,
)
from search.defaults import MIN_CONFIRM_SEEDS
from search.sampling.estimate import Estimate, Estimates
from studies.pareto import FrontPoint, pareto_front

NUM_IMAGES = 10_000


def points(*measured: tuple[int, float]) -> list[FrontPoint]:
    """Trials 0, 1, ... of these parameters and accuracies."""
    return [FrontPoint(trial, size, accuracy, "net") for trial, (size, accuracy) in enumerate(measured)]


def chosen(*measured: tuple[int, float], top: int | None = None) -> list[int]:
    found = choose_contenders(points(*measured), num_validation=NUM_IMAGES, top=top)
    return [point.trial for point in found]


# At 99 % one standard error of 10,000 images is 0.1 points, so a trial is in reach within 0.164.
CONTENDERS: list[tuple[list[tuple[int, float]], list[int]]] = [
    ([(100, 0.99)], [0]),
    ([(100, 0.98), (200, 0.99)], [0, 1]),
    ([(100, 0.99), (200, 0.98)], [0]),
    ([(100, 0.99), (200, 0.9885)], [0, 1]),  # in reach
    ([(100, 0.99), (200, 0.988)], [0]),  # out of it
    ([(200, 0.9885), (100, 0.99)], [1, 0]),  # fewest parameters first
    ([(100, 0.99), (100, 0.99)], [0, 1]),
    ([(100, 0.99), (100, 0.9885), (100, 0.5)], [0, 1]),
    ([(300, 0.99), (200, 0.9885)], [1, 0]),  # smaller, so on the front
]


@pytest.mark.parametrize(("measured", "expected"), CONTENDERS)
def test_who_may_be_on_the_front(measured: list[tuple[int, float]], expected: list[int]) -> None:
    assert chosen(*measured) == expected


def test_a_limit_keeps_the_front_then_those_that_lack_least() -> None:
    measured = [(100, 0.97), (200, 0.98), (300, 0.99), (400, 0.9886), (500, 0.9889)]
    assert [chosen(*measured, top=top) for top in (3, 4, 5, 9)] == [
        [0, 1, 2],
        [0, 1, 2, 4],
        [0, 1, 2, 3, 4],
        [0, 1, 2, 3, 4],
    ]


# A front of trials 0, 1, ..., how many of it are kept, and which
THINNED: list[tuple[list[tuple[int, float]], int, list[int]]] = [
    ([(100, 0.9), (200, 0.995)], 1, [1]),
    ([(100, 0.9), (200, 0.99), (300, 0.9901)], 2, [0, 1]),  # hardly better than the smaller
    ([(100, 0.9), (198, 0.98), (200, 0.99)], 2, [0, 2]),  # hardly smaller than the better
    ([(100, 0.9), (101, 0.91), (200, 0.99), (201, 0.9901)], 2, [1, 2]),
    ([(100, 0.9), (200, 0.99), (400, 1.0)], 3, [0, 1, 2]),
    ([(100, 0.5), (200, 0.9999), (400, 1.0)], 2, [0, 1]),  # half a wrong image in 10,000 is as good as none
]


@pytest.mark.parametrize(("measured", "top", "expected"), THINNED)
def test_a_long_front_is_thinned_out_where_it_says_least(
    measured: list[tuple[int, float]], top: int, expected: list[int]
) -> None:
    assert chosen(*measured, top=top) == expected


def test_estimates_count_in_place_of_accuracies() -> None:
    lucky, good, near, hopeless = points((200, 0.994), (210, 0.992), (220, 0.991), (230, 0.993))
    estimates = {
        lucky.trial: Estimate(0.990, 0.0001),
        good.trial: Estimate(0.992, 0.0002),
        near.trial: Estimate(0.9915, 0.0004),
        hopeless.trial: Estimate(0.9915, 0.0002),
    }

    given_points = [lucky, good, near, hopeless]
    assert choose_contenders(given_points, num_validation=NUM_IMAGES) == [lucky, hopeless]
    # The points keep their measured accuracies.
    chosen_by = partial(choose_contenders, given_points, num_validation=NUM_IMAGES, estimates=estimates)
    assert chosen_by() == [lucky, good, near]
    assert chosen_by(top=2) == [lucky, good]


def test_the_nearest_to_the_front_need_not_be_in_reach_of_it() -> None:
    given_points = points((100, 0.97), (200, 0.99), (300, 0.95), (300, 0.96), (50, 0.9))
    assert [p.trial for p in nearest_to_front(given_points, 4, num_validation=NUM_IMAGES)] == [4, 0, 1, 3]
    assert len(nearest_to_front(given_points, 9, num_validation=NUM_IMAGES)) == 5


def test_unlucky_trials_are_estimated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lucky, unlucky, bad = points((200, 0.994), (210, 0.984), (220, 0.983))
    accuracies = {lucky.trial: 0.990, unlucky.trial: 0.992, bad.trial: 0.985}

    def estimate(store: object, name: str, numbers: Sequence[int]) -> Estimates:
        return Estimates({number: Estimate(accuracies[number], 0.0002) for number in numbers})

    monkeypatch.setattr(confirm, "read_estimates", estimate)
    choose = partial(confirm._choose_contenders, store=None, study_name="", num_validation=NUM_IMAGES)
    assert choose(complete=[lucky, unlucky, bad], top=5) == [lucky, unlucky]
    # In a long study, those nearest to the front by their accuracies.
    monkeypatch.setattr(confirm, "MAX_LEARNT_FROM", 2)
    monkeypatch.setattr(confirm, "MAX_ESTIMATED", 1)
    assert choose(complete=[lucky, unlucky, bad], top=2) == [lucky, unlucky]
    assert choose(complete=[lucky, unlucky, bad], top=1) == [lucky]
    assert choose(complete=[lucky, unlucky, bad], top=3) == [lucky], "only accuracies count"


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.9, 1.0)), min_size=1, max_size=30))
def test_the_whole_front_contends(measured: list[tuple[int, float]]) -> None:
    given_points = points(*measured)
    found = choose_contenders(given_points, num_validation=NUM_IMAGES)
    assert set(pareto_front(given_points)) <= set(found)
    assert [point.num_params for point in found] == sorted(point.num_params for point in found)


def contender(trial: int, num_params: int, shares: Sequence[float], *, first: int = 0) -> Contender:
    """Its models are wrong about the images from ``first`` on, as many as makes these accuracies."""
    images = np.arange(NUM_IMAGES)
    correct = [~((images >= first) & (images < first + round((1 - share) * NUM_IMAGES))) for share in shares]
    return Contender(trial, num_params, np.stack(correct))


def test_a_clear_order_needs_no_more_seeds() -> None:
    a, b = contender(0, 100, [0.98, 0.98]), contender(1, 200, [0.99, 0.99])
    assert needing_seeds([a, b], 5) == []
    assert needing_seeds([b, contender(2, 300, [0.98, 0.98])], 5) == []


def test_an_open_order_needs_seeds_of_both_until_they_have_all() -> None:
    for num_seeds in range(MIN_CONFIRM_SEEDS, 5):
        shares = [0.99, 0.9901] * num_seeds
        a = contender(0, 100, shares[:num_seeds])
        b = contender(1, 200, shares[1 : num_seeds + 1], first=5_000)
        assert needing_seeds([a, b], 5) == [0, 1]
    shares = [0.99, 0.9901, 0.99, 0.9901, 0.99]
    assert needing_seeds([contender(0, 100, shares), contender(1, 200, shares, first=5_000)], 5) == []


def test_the_one_with_fewer_seeds_gets_the_next() -> None:
    a, b = contender(0, 100, [0.99] * 4), contender(1, 200, [0.9901] * 2, first=5_000)
    assert needing_seeds([a, b], 5) == [1]
    assert needing_seeds([b, a], 5) == [1]


def test_an_order_that_does_not_matter_to_the_front_needs_none() -> None:
    """Trials 1 and 2 are equal, but trial 0 is smaller and better than both."""
    best = contender(0, 100, [0.995, 0.995])
    worse = [contender(1, 200, [0.98, 0.98]), contender(2, 300, [0.9801, 0.98], first=5_000)]
    assert needing_seeds(worse, 5) == [1, 2], "without the best it would matter"
    assert needing_seeds([best, *worse], 5) == []


def test_differences_are_judged_on_the_same_images() -> None:
    """A difference of 0.1 points is clear where the better model is right wherever the worse is, and else is not."""
    a = contender(0, 100, [0.99, 0.99])
    assert needing_seeds([a, contender(1, 200, [0.991, 0.991])], 5) == []
    assert needing_seeds([a, contender(1, 200, [0.991, 0.991], first=5_000)], 5) == [0, 1]


def test_what_a_seed_matters_keeps_an_order_open() -> None:
    steady = [contender(0, 100, [0.98, 0.98]), contender(1, 200, [0.984, 0.984])]
    unsteady = [contender(0, 100, [0.975, 0.985]), contender(1, 200, [0.979, 0.989])]
    assert needing_seeds(steady, 5) == []
    assert needing_seeds(unsteady, 5) == [0, 1]


# Parameters and accuracies of trials 0, 1, ..., and which are members
MEMBERS: list[tuple[list[tuple[int, list[float]]], list[int]]] = [
    ([(100, [0.9, 0.9])], [0]),
    ([(200, [0.99, 0.99]), (100, [0.9, 0.9])], [1, 0]),
    ([(100, [0.99, 0.97]), (200, [0.985, 0.979])], [0, 1]),  # by the mean, not by the best
    ([(100, [0.99, 0.98]), (200, [0.99, 0.9])], [0]),
    ([(100, [0.9, 0.9]), (100, [0.95, 0.95])], [1]),
]


@pytest.mark.parametrize(("measured", "expected"), MEMBERS)
def test_members(measured: list[tuple[int, list[float]]], expected: list[int]) -> None:
    contenders = [contender(trial, size, shares) for trial, (size, shares) in enumerate(measured)]
    assert front_members(contenders) == expected


def test_weights_of_classes_make_balanced_accuracy_of_accuracy() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 3], [70, 20, 10])
    correct = generator.random((4, 100)) < 0.7
    weights = class_weights(labels)
    assert weights.mean() == pytest.approx(1)
    of_classes = [correct[:, labels == label].mean() for label in (0, 1, 3)]
    assert Contender(1, 100, correct * weights).accuracy == pytest.approx(np.mean(of_classes))


def test_members_may_be_chosen_by_balanced_accuracy() -> None:
    labels = np.repeat([0, 1], [90, 10])
    of_many, of_both = np.zeros((2, 100), bool), np.zeros((2, 100), bool)
    of_many[:, :90] = True  # right about the frequent class alone
    of_both[:, :70] = of_both[:, 90:] = True
    points = [Contender(1, 100, of_many), Contender(2, 200, of_both)]
    assert front_members(points) == [1]
    weights = class_weights(labels)
    weighted = [Contender(one.trial, one.num_params, one.correct * weights) for one in points]
    assert front_members(weighted) == [1, 2]
    assert needing_seeds(weighted, most=5) == []
