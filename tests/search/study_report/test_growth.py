import pytest

from search.study_report.growth import dominated_area, front_growth
from studies.pareto import FrontPoint


def point(trial: int, num_params: int, accuracy: float) -> FrontPoint:
    return FrontPoint(trial, num_params, accuracy, "")


def test_the_area_is_counted_in_decades() -> None:
    # An error of a tenth from 100 to 1,000 parameters and of a hundredth from there to 10,000: 1 * 1 + 2 * 1.
    front = [point(0, 100, 0.9), point(1, 1_000, 0.99)]
    assert dominated_area(front, 10_000) == pytest.approx(3)
    assert dominated_area(front, 1_000) == pytest.approx(1)
    assert dominated_area([], 10_000) == 0
    assert dominated_area([point(0, 1_000, 1.0)], 10_000) == pytest.approx(4), "no logarithm of 0"


def test_only_trials_that_enlarge_the_front_are_told() -> None:
    trials = [point(0, 1_000, 0.9), point(1, 2_000, 0.9), point(2, 100, 0.9), point(3, 1_000, 0.99), point(4, 50, 0.0)]
    growth = dict(front_growth(trials, 10_000))
    assert growth == pytest.approx({0: 1, 2: 2, 3: 3})
