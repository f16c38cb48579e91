"""The error that a stopped training would have ended with."""

import math

import pytest

from search.sampling.expected_error import UNKNOWN_FALL, expected_log_error
from studies.rivals import TrialCurve

NUM_VALIDATION = 10_000


def curve(*errors: float) -> TrialCurve:
    accuracies = tuple(1 - error for error in errors)
    return TrialCurve(1_000, accuracies, accuracies)


def expected(stopped: TrialCurve, complete: list[TrialCurve]) -> tuple[float, float]:
    return expected_log_error(stopped, complete, num_epochs=3, num_validation=NUM_VALIDATION)


def test_a_whole_curve_has_its_last_error_and_the_noise_of_counting() -> None:
    error, variance = expected(curve(0.3, 0.01, 0.02), [])
    assert error == pytest.approx(math.log(0.02))
    assert variance == pytest.approx(1 / 200)


def test_a_stopped_one_falls_by_the_median_factor() -> None:
    complete = [curve(0.4, 0.3, 0.1), curve(0.4, 0.2, 0.04), curve(0.4, 0.1, 0.05)]  # to 1/4, 1/10 and 1/8
    error, variance = expected(curve(0.8), complete)
    assert error == pytest.approx(math.log(0.8 / 8))
    assert variance > 1 / 800


def test_it_falls_from_its_lowest_error() -> None:
    complete = [curve(0.4, 0.2, 0.1)] * 3
    lowest, _ = expected(curve(0.1, 0.4), complete)
    assert lowest == pytest.approx(math.log(math.sqrt(0.1 * 0.4) / 2))


def test_with_too_few_others_nothing_is_known_of_the_fall() -> None:
    error, variance = expected(curve(0.8), [curve(0.4, 0.2, 0.1)] * 2)
    assert error == pytest.approx(math.log(0.8))
    assert variance == UNKNOWN_FALL**2


def test_an_error_of_zero_counts_half_an_image() -> None:
    assert expected(curve(0.1, 0.1, 0.0), [])[0] == pytest.approx(math.log(0.5 / NUM_VALIDATION))
