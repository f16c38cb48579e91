import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from studies.intervals import (
    Correct,
    MeasuredAccuracy,
    effective_images,
    front_probabilities,
    image_covariance,
    mean_squares,
    measure,
    seed_variance,
)

TABLE = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 0, 0]], bool)


def draw(generator: np.random.Generator, accuracy: float, *, num_seeds: int, num_images: int, spread: float) -> Correct:
    """Models that are right where a + 2z + su + e > 0, with z of the image, u of the seed and e of both."""
    a = ndtri(accuracy) * math.sqrt(5 + spread**2)
    z = 2 * generator.standard_normal(num_images)
    u = spread * generator.standard_normal((num_seeds, 1))
    return np.asarray(a + z + u + generator.standard_normal((num_seeds, num_images)) > 0)


@pytest.mark.parametrize("sizes", [[50, 50], [90, 10], [300, 40, 7, 0]])
def test_as_many_images_vary_as_much_as_the_metric_does(sizes: list[int]) -> None:
    generator = np.random.default_rng(0)
    present = [size for size in sizes if size]
    accuracies = [generator.binomial(size, 0.9, 100_000) / size for size in present]
    for is_balanced, weights in ((True, None), (False, present)):
        variance = np.average(accuracies, axis=0, weights=weights).var()
        assert 0.9 * 0.1 / effective_images(sizes, is_balanced=is_balanced) == pytest.approx(variance, rel=0.03)
    assert effective_images(sizes, is_balanced=False) == sum(sizes)


def test_mean_squares_are_those_of_the_analysis_of_variance() -> None:
    """By hand: the mean is 7/12; rows have 3, 2 and 2 right, columns 3, 2, 0 and 2."""
    mean = 7 / 12
    rows = 4 * sum((right / 4 - mean) ** 2 for right in (3, 2, 2))
    columns = 3 * sum((right / 3 - mean) ** 2 for right in (3, 2, 0, 2))
    total = 7 * (1 - mean) ** 2 + 5 * mean**2
    assert mean_squares(TABLE) == pytest.approx((rows / 2, columns / 3, (total - rows - columns) / 6))


def test_mean_squares_of_numbers_are_those_of_the_same_bits() -> None:
    correct = np.random.default_rng(1).random((3, 40)) < 0.8
    assert mean_squares(correct.astype(np.float64)) == pytest.approx(mean_squares(correct))
    assert mean_squares(3.0 * correct) == pytest.approx([9 * square for square in mean_squares(correct)])


def test_the_variance_of_the_mean_is_that_of_seeds_and_images_less_what_both_count() -> None:
    generator = np.random.default_rng(0)
    correct = draw(generator, 0.9, num_seeds=5, num_images=400, spread=0.5)
    seeds, images, rest = mean_squares(correct)
    assert seeds > rest, "else it is the other branch"
    measured = measure(correct)
    assert measured.mean == correct.mean()
    variance = measured.mean * (1 - measured.mean) / measured.effective_images
    assert variance == pytest.approx((seeds + images - rest) / (5 * 400))
    expected = (seeds + images - rest) ** 2 / (seeds**2 / 4 + images**2 / 399 + rest**2 / (4 * 399))
    assert measured.degrees_of_freedom == pytest.approx(expected)


def test_equal_models_tell_no_more_than_one_of_them() -> None:
    one = np.random.default_rng(0).random(500) < 0.9
    measured = measure(np.stack([one] * 5))
    assert measured.effective_images == pytest.approx(499)


def test_models_that_err_on_their_own_images_tell_as_much_as_so_many_images() -> None:
    """With no seed or image effect at all, 5 models on 4,000 images are 20,000 draws."""
    generator = np.random.default_rng(1)
    found = [measure(generator.random((5, 4_000)) < 0.98).effective_images for _ in range(51)]
    assert np.median(found) == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_nothing_wrong_in_so_many_images_is_no_certainty(accuracy: float) -> None:
    low, high = measure(np.full((5, 300), bool(accuracy))).interval()
    assert 0 <= low < high <= 1
    assert high - low == pytest.approx(1.96**2 / (300 + 1.96**2), rel=0.01)  # Wilson's for 300 of 300


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_intervals_cover_the_truth_as_often_as_they_say(spread: float) -> None:
    generator = np.random.default_rng(2)
    covered = []
    for _ in range(600):
        low, high = measure(draw(generator, 0.97, num_seeds=5, num_images=1_000, spread=spread)).interval()
        covered.append(low <= 0.97 <= high)
    assert 0.93 <= np.mean(covered) <= 0.975


@given(
    mean=st.floats(0.0, 1.0),
    images=st.floats(10, 1e5),
    degrees=st.floats(1, 1e4),
    confidence=st.floats(0.5, 0.999),
)
def test_an_interval_holds_its_mean_and_grows_with_the_confidence(
    mean: float, images: float, degrees: float, confidence: float
) -> None:
    measured = MeasuredAccuracy(mean, images, degrees)
    low, high = measured.interval(confidence)
    assert 0 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= 1
    wider = measured.interval(min(0.9999, confidence + 0.0005))
    assert wider[0] <= low + 1e-12
    assert high - 1e-12 <= wider[1]


@given(mean=st.floats(0.01, 0.99), images=st.floats(10, 1e5), degrees=st.floats(1, 1e4))
def test_the_ends_of_an_interval_are_where_one_is_sure_enough(mean: float, images: float, degrees: float) -> None:
    measured = MeasuredAccuracy(mean, images, degrees)
    low, high = measured.interval(0.9)
    if low > 1e-9:
        assert measured.confidence_of(low) == pytest.approx(0.95, abs=1e-6)
    if high < 1 - 1e-9:
        assert measured.confidence_of(high) == pytest.approx(0.05, abs=1e-6)
    assert measured.confidence_of(mean) == pytest.approx(0.5)


def test_targets_that_all_or_none_reach() -> None:
    measured = MeasuredAccuracy(0.9, 1_000, 10)
    assert [measured.confidence_of(target) for target in (-1.0, 0.0, 1.0, 2.0)] == [1, 1, 0, 0]


def test_the_seeds_own_variance_is_told_from_that_of_chance() -> None:
    """A spread of s moves the accuracy by s * density / scale, to first order."""
    generator = np.random.default_rng(3)
    spread = 0.2
    found = [seed_variance(draw(generator, 0.97, num_seeds=5, num_images=2_000, spread=spread)) for _ in range(200)]
    density = math.exp(-(ndtri(0.97) ** 2) / 2) / math.sqrt(2 * math.pi)
    expected = (spread * density / math.sqrt(5)) ** 2
    assert np.mean(found) == pytest.approx(expected, rel=0.25)
    none = [seed_variance(draw(generator, 0.97, num_seeds=5, num_images=2_000, spread=0.0)) for _ in range(200)]
    assert abs(np.mean(none)) < 0.1 * expected


def test_candidates_measured_on_the_same_images_vary_together() -> None:
    generator = np.random.default_rng(4)
    ease = 2 * generator.standard_normal(5_000)
    points = [np.asarray(1.5 + ease + generator.standard_normal((5, 5_000)) > 0) for _ in range(3)]
    covariance = image_covariance(points)
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert (correlation[~np.eye(3, dtype=bool)] > 0.7).all()
    assert covariance[0, 0] == pytest.approx(float(points[0].mean(axis=0).var(ddof=1)) / 5_000)
    assert image_covariance(points[:1]).shape == (1, 1)


def right(share: float, *, num_images: int = 10_000) -> NDArray[np.bool_]:
    """Five equal models, right about the first images."""
    return np.tile(np.arange(num_images) < share * num_images, (5, 1))


# Parameters, accuracies of five equal models, and how probable each is on the front
FRONTS = [
    ([100], [0.9], [1.0]),
    ([100, 200], [0.9, 0.99], [1.0, 1.0]),
    ([100, 200], [0.99, 0.9], [1.0, 0.0]),
    ([200, 100], [0.9, 0.99], [0.0, 1.0]),
    ([100, 100], [0.9, 0.99], [0.0, 1.0]),
    ([100, 200, 300], [0.9, 0.8, 0.95], [1.0, 0.0, 1.0]),
]


@pytest.mark.parametrize(("num_params", "accuracies", "expected"), FRONTS)
def test_clear_fronts(num_params: list[int], accuracies: list[float], expected: list[float]) -> None:
    assert front_probabilities(num_params, [right(share) for share in accuracies]) == pytest.approx(expected, abs=1e-3)


def test_an_order_that_nothing_tells_is_even() -> None:
    generator = np.random.default_rng(5)
    points = [generator.random((5, 10_000)) < 0.99 for _ in range(2)]
    points[1] = points[0][:, generator.permutation(10_000)]  # the same accuracies of the same seeds
    first, second = front_probabilities([100, 200], points)
    assert first == 1.0
    assert second == pytest.approx(0.5, abs=0.02)
    assert front_probabilities([100, 200], points) == [first, second], "it is the same each time"
