"""The model of errors: what it learns of size, shape and noise, against errors that are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from search.sampling.error_model import ErrorModel

NUM_FEATURES = 6


def made_up(num: int, *, effect: float, noise: float, seed: int = 0) -> tuple[NDArray[np.float64], ...]:
    """Return features, true log errors and measured ones: a quadratic in size, and an effect of one more feature."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(num, NUM_FEATURES))
    size = features[:, 0]
    true = -4.5 - 0.4 * size + 0.1 * size**2 + effect * np.sin(features[:, 3])
    return features, true, true + noise * generator.normal(size=num)


@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_its_mean_is_nearer_to_the_truth_than_the_measurement(effect: float) -> None:
    features, true, measured = made_up(80, effect=effect, noise=0.1)
    means, stds = ErrorModel(features, measured, np.full(80, 0.1**2)).predict(features)
    assert np.abs(means - true).mean() < 0.5 * np.abs(measured - true).mean()
    assert np.mean(np.abs(means - true) < 2 * stds) > 0.85


def test_it_predicts_candidates_that_it_has_not_seen() -> None:
    features, true, measured = made_up(160, effect=0.15, noise=0.05)
    model = ErrorModel(features[:80], measured[:80], np.full(80, 0.05**2))
    means, stds = model.predict(features[80:])
    size_alone = np.polyval(np.polyfit(features[:80, 0], measured[:80], 2), features[80:, 0])
    assert np.std(means - true[80:]) < 0.7 * np.std(size_alone - true[80:])
    assert np.mean(np.abs(means - true[80:]) < 2 * stds) > 0.85


def test_it_finds_out_how_noisy_the_measurements_are() -> None:
    features, _, measured = made_up(120, effect=0.0, noise=0.15)
    assert ErrorModel(features, measured, np.full(120, 0.1**2)).noise_factor == 1.5
    features, _, measured = made_up(120, effect=0.0, noise=0.07)
    assert ErrorModel(features, measured, np.full(120, 0.1**2)).noise_factor == 0.7


def test_an_uncertain_observation_counts_less() -> None:
    features = np.zeros((2, NUM_FEATURES))
    means, _ = ErrorModel(features, np.array([-4.0, -5.0]), np.array([0.1**2, 0.4**2])).predict(features[:1])
    assert means[0] == pytest.approx(-4.0 - 1.0 * 0.1**2 / (0.1**2 + 0.4**2), abs=0.01)


def test_it_knows_how_far_a_training_would_move_its_mean() -> None:
    features, _, measured = made_up(80, effect=0.15, noise=0.1)
    new, variance = features[-1:], 0.2**2
    before = ErrorModel(features[:-1], measured[:-1], np.full(79, 0.1**2))
    mean, std = before.predict(new)
    change = before.changes(std, np.array([variance]))
    # As far above the mean as trainings end, in root mean square.
    ending = mean + np.sqrt(std**2 + before.noise_factor**2 * variance)
    after = ErrorModel(features, np.append(measured[:-1], ending), np.append(np.full(79, 0.1**2), variance))
    assert (after.spread, after.length, after.noise_factor) == (before.spread, before.length, before.noise_factor)
    assert after.predict(new)[0] - mean == pytest.approx(change, rel=1e-6)


def test_a_single_observation_is_enough_and_none_is_not() -> None:
    features = np.zeros((1, NUM_FEATURES))
    means, stds = ErrorModel(features, np.array([-4.0]), np.array([0.01])).predict(features)
    assert means[0] == pytest.approx(-4.0, abs=0.01)
    assert np.isfinite(stds).all()
    with pytest.raises(ValueError, match="at least one"):
        ErrorModel(features[:0], np.array([]), np.array([]))
