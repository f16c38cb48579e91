"""The area below a front, and the improvement that a candidate of known size is expected to bring."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from search.sampling.improvement import Front

SMALLEST, BUDGET, REFERENCE = 0.0, 3.0, 0.0


def front_of(points: list[tuple[float, float]]) -> Front:
    sizes, errors = np.array(points, float).reshape(-1, 2).T
    return Front.of(sizes, errors, log_smallest=SMALLEST, log_budget=BUDGET, reference=REFERENCE)


FRONTS = {
    "none": ([], 0.0),
    "one": ([(1.0, -2.0)], 4.0),
    "two steps": ([(1.0, -1.0), (2.0, -3.0)], 1.0 + 3.0),
    "a dominated point": ([(1.0, -1.0), (1.5, -0.5), (2.0, -3.0)], 4.0),
    "a point at the reference": ([(1.0, 0.0), (2.0, -1.0)], 1.0),
    "below the smallest size": ([(-1.0, -1.0)], 3.0),
    "two below the smallest size": ([(-2.0, -1.0), (-1.0, -2.0)], 6.0),
    "equal sizes": ([(1.0, -1.0), (1.0, -2.0)], 4.0),
}


@pytest.mark.parametrize("case", FRONTS)
def test_the_area_below_a_front(case: str) -> None:
    points, area = FRONTS[case]
    assert front_of(points).area == pytest.approx(area)


@pytest.mark.parametrize("case", FRONTS)
@pytest.mark.parametrize("size", [-1.0, 0.5, 1.0, 1.7, 2.5])
def test_the_expected_improvement_is_the_mean_gain_of_area(case: str, size: float) -> None:
    points, area = FRONTS[case]
    mean, std = -1.5, 0.8
    expected = front_of(points).expected_improvement(np.array([size]), np.array([mean]), np.array([std]))
    # The distribution is replaced by equally likely values, each of which gives the front a point.
    errors = mean + std * normal_quantiles(4_000)
    gains = [front_of([*points, (size, float(error))]).area - area for error in errors]
    assert expected[0] == pytest.approx(np.mean(gains), abs=2e-3)


def normal_quantiles(num: int) -> NDArray[np.float64]:
    from scipy.special import ndtri

    quantiles: NDArray[np.float64] = ndtri((np.arange(num) + 0.5) / num)
    return quantiles


def test_a_candidate_over_the_budget_improves_nothing() -> None:
    gain = front_of([(1.0, -1.0)]).expected_improvement(np.array([BUDGET, 4.0]), np.full(2, -9.0), np.full(2, 1.0))
    assert gain.tolist() == [0.0, 0.0]


def test_of_two_equal_errors_the_smaller_net_improves_more() -> None:
    sizes = np.array([1.2, 1.8])
    gains = front_of([(1.0, -1.0)]).expected_improvement(sizes, np.full(2, -1.5), np.full(2, 0.1))
    assert gains[0] > gains[1] > 0
    assert math.isfinite(gains.sum())
