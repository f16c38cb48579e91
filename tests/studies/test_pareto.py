import math
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.pareto import FrontPoint, dominates, most_accurate, pareto_front

INF, NAN = math.inf, math.nan


def point(num_params: int, val_accuracy: float, trial: int = 0) -> FrontPoint:
    return FrontPoint(trial, num_params, val_accuracy, "gap fc10+")


# (parameters, accuracy) of a, of b, whether a dominates b, whether b dominates a
PAIRS = [
    ((10, 0.9), (20, 0.8), True, False),  # better in both
    ((10, 0.9), (10, 0.8), True, False),  # tied in size
    ((10, 0.9), (20, 0.9), True, False),  # tied in accuracy
    ((10, 0.9), (10, 0.9), False, False),  # equal
    ((10, 0.8), (20, 0.9), False, False),  # each better in one
    ((10, INF), (10, 0.9), True, False),
    ((10, INF), (10, INF), False, False),
    ((10, INF), (9, 0.1), False, False),
    ((10, -INF), (10, 0.0), False, True),
    ((10, -INF), (11, -INF), True, False),
    ((10, NAN), (20, 0.1), False, False),
    ((10, 0.9), (20, NAN), False, False),
    ((10, NAN), (20, NAN), False, False),
]


@pytest.mark.parametrize(("a", "b", "a_dominates", "b_dominates"), PAIRS)
def test_dominance(a: tuple[int, float], b: tuple[int, float], a_dominates: bool, b_dominates: bool) -> None:
    assert dominates(point(*a), point(*b)) is a_dominates
    assert dominates(point(*b), point(*a)) is b_dominates


# Points as letters, accuracy upwards and parameters to the right; same place, same letter. Then the front, in order.
DRAWINGS = {
    "none": (["   "], ""),
    "one": ([" a "], "a"),
    "a staircase": (
        [
            "   c",
            " b  ",
            "a   ",
        ],
        "abc",
    ),
    "one dominates all": (
        [
            "a b",
            "c  ",
            "  d",
        ],
        "a",
    ),
    "tied in size": (
        [
            "b ",
            "a ",
        ],
        "b",
    ),
    "tied in accuracy": (["a b"], "a"),
    "ties on both sides of a corner": (
        [
            " bd",
            " c ",
            "a  ",
        ],
        "ab",
    ),
    "dominated ones between": (
        [
            "    f ",
            " b  g ",
            "   d  ",
            "a   e ",
            "  c   ",
        ],
        "abf",
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_front_of_a_drawing(name: str) -> None:
    rows, expected = DRAWINGS[name]
    points = {
        letter: point(num_params, 1.0 - row / 10, trial=ord(letter))
        for row, line in enumerate(rows)
        for num_params, letter in enumerate(line, start=1)
        if letter != " "
    }
    assert pareto_front(points.values()) == [points[letter] for letter in expected]
    assert pareto_front(reversed(points.values())) == [points[letter] for letter in expected]


# (parameters, accuracy) of trials 0, 1, 2, ..., then the numbers of those on the front
FRONTS = {
    "equal points all stay, earlier trials first": ([(20, 0.9), (10, 0.8), (20, 0.9), (10, 0.8)], [1, 3, 0, 2]),
    "equal points go together": ([(20, 0.9), (20, 0.9), (10, 0.9)], [2]),
    "plus infinity": ([(10, 0.9), (20, INF), (30, 1.0), (30, INF)], [0, 1]),
    "minus infinity": ([(10, -INF), (20, 0.1)], [0, 1]),
    "minus infinity is behind everything": ([(20, -INF), (10, 0.1)], [1]),
    "not a number": ([(1, NAN), (10, 0.9), (20, NAN), (30, 0.95)], [1, 3]),
    "not a number alone": ([(1, NAN)], []),
}


@pytest.mark.parametrize("name", FRONTS)
def test_front_of_a_list(name: str) -> None:
    given_points, expected = FRONTS[name]
    points = [point(*fields, trial=trial) for trial, fields in enumerate(given_points)]
    assert [p.trial for p in pareto_front(points)] == expected


# Few different values, so that ties are common.
_accuracies = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, INF, -INF, NAN]) | st.floats(0, 1)
_points = st.lists(st.tuples(st.integers(1, 6) | st.integers(1, 10**6), _accuracies), max_size=40).map(
    lambda fields: [point(*pair, trial=trial) for trial, pair in enumerate(fields)]
)


def by_definition(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    numbers = [p for p in points if not math.isnan(p.val_accuracy)]
    front = [p for p in numbers if not any(dominates(other, p) for other in numbers)]
    return sorted(front, key=lambda p: (p.num_params, p.trial))


@given(_points)
def test_front_is_what_nothing_dominates(points: list[FrontPoint]) -> None:
    assert pareto_front(points) == by_definition(points)


@given(_points, st.randoms())
def test_front_does_not_depend_on_the_order(points: list[FrontPoint], random: Random) -> None:
    shuffled = list(points)
    random.shuffle(shuffled)
    assert pareto_front(shuffled) == pareto_front(points)


@given(_points, st.integers(0, 40))
def test_points_may_join_one_part_after_the_other(points: list[FrontPoint], split: int) -> None:
    front = pareto_front(points)
    assert pareto_front([*pareto_front(points[:split]), *points[split:]]) == front
    assert pareto_front(front) == front


@given(_points)
def test_along_the_front_accuracy_grows_with_size(points: list[FrontPoint]) -> None:
    front = sorted({(p.num_params, p.val_accuracy) for p in pareto_front(points)})
    assert len({num_params for num_params, _ in front}) == len(front)
    accuracies = [accuracy for _, accuracy in front]
    assert accuracies == sorted(set(accuracies))


@given(_points.filter(lambda points: len(points) >= 3))
def test_dominance_is_a_strict_order(points: list[FrontPoint]) -> None:
    a, b, c = points[:3]
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    assert not (dominates(a, b) and dominates(b, c)) or dominates(a, c)


@pytest.mark.parametrize(
    ("front", "best"),
    [
        ([], None),
        ([point(94, 0.8)], point(94, 0.8)),
        ([point(94, 0.8), point(178, 0.9)], point(178, 0.9)),
        ([point(200, 0.9), point(100, 0.9)], point(100, 0.9)),
        ([point(100, 0.9, trial=7), point(100, 0.9, trial=5)], point(100, 0.9, trial=5)),
    ],
)
def test_the_most_accurate_is_the_smaller_and_the_earlier_of_equals(
    front: list[FrontPoint], best: FrontPoint | None
) -> None:
    assert most_accurate(front) == best
