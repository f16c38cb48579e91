"""The error that a stopped training would have ended with."""

import math
from dataclasses import replace

import numpy as np
import pytest

from search.sampling.observation import expected_log_error
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


def made_up(num: int, slope: float, seed: int) -> list[TrialCurve]:
    """Return complete curves whose log errors at the end are ``slope`` times those at the start, and some noise."""
    generator = np.random.default_rng(seed)
    starts = generator.normal(-2.5, 0.3, num)
    ends = -4.5 + slope * (starts + 2.5) + generator.normal(0.0, 0.05, num)
    return [curve(math.exp(start), math.exp(start), math.exp(end)) for start, end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_a_stopped_one_is_drawn_towards_the_others_as_far_as_starts_say_nothing_of_ends(slope: float) -> None:
    error, _ = expected(curve(math.exp(-2.0)), made_up(60, slope, 0))
    assert error == pytest.approx(-4.5 + slope * 0.5, abs=0.05)


def test_stopped_trainings_count_as_good_as_they_would_have_been() -> None:
    """The worst half at the start are stopped: on average, what they are taken to reach is what they would reach."""
    every = sorted(made_up(200, 0.3, 1), key=lambda curve: curve.val_accuracy[0])
    stopped, complete = every[:100], every[100:]
    errors = [expected(curve(1 - one.val_accuracy[0]), complete)[0] for one in stopped]
    true = [math.log(1 - one.val_accuracy[-1]) for one in stopped]
    assert np.mean(errors) == pytest.approx(np.mean(true), abs=0.03)


def test_errors_are_compared_with_those_of_nets_of_the_size() -> None:
    sizes = [500, 700, 1_000, 1_400, 2_000, 2_800, 4_000]
    ends = [math.exp(-3.0 - 0.5 * math.log(size / 500)) for size in sizes]
    complete = [replace(curve(10 * end, 10 * end, end), num_params=size) for size, end in zip(sizes, ends, strict=True)]
    for size, end in zip(sizes, ends, strict=True):
        error, _ = expected(replace(curve(10 * end), num_params=size), complete)
        assert error == pytest.approx(math.log(end), abs=0.05)


def test_a_start_that_tells_nothing_of_the_end_is_hardly_evidence() -> None:
    _, told = expected(curve(math.exp(-2.5)), made_up(60, 1.0, 2))
    _, not_told = expected(curve(math.exp(-2.5)), made_up(60, 0.0, 2))
    assert not_told > 10 * told


def test_with_few_others_little_is_known_of_a_stopped_one() -> None:
    assert expected(curve(0.8), [])[1] > 100
    assert expected(curve(0.8), [curve(0.4, 0.2, 0.1)] * 2)[1] > 10 * expected(curve(0.8, 0.5, 0.1), [])[1]


def test_an_error_of_zero_counts_half_an_image() -> None:
    assert expected(curve(0.1, 0.1, 0.0), [])[0] == pytest.approx(math.log(0.5 / NUM_VALIDATION))
