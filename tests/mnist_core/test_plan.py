from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.augmentation import IDENTITY, Augmentation
from mnist_core.plan import (
    STATISTICS_IMAGES,
    EpochPlan,
    num_steps,
    plan_class_weights,
    plan_epoch,
    plan_statistics,
)
from mnist_core.schedule import learning_rates, momenta
from space.candidate import TrainingConfig
from tests import stores

PLAIN = {"rotation": 0.0, "translation": 0.0, "scale": 0.0}


def test_a_plan_shows_every_image_once_each_moved_in_its_own_way() -> None:
    plan = plan_epoch(TrainingConfig(), 1, 50, [], seed=0)
    assert sorted(plan.order.tolist()) == list(range(50))
    assert plan.order.tolist() != list(range(50))
    assert plan.augmentation.transforms is not None
    assert plan.augmentation.transforms.shape == (50, 2, 3)
    assert len(np.unique(plan.augmentation.transforms, axis=0)) == 50


SCHEDULED = {
    "OneCycle": TrainingConfig(epochs=4, batch_size=16, peak_momentum=0.8),
    "step": TrainingConfig(epochs=4, batch_size=16, schedule="step", lr_step=2),
    "plateau": TrainingConfig(epochs=4, batch_size=16, schedule="plateau", lr_patience=0),
}


@pytest.mark.parametrize("config", SCHEDULED.values(), ids=SCHEDULED)
def test_rates_and_momenta_are_the_schedules_one_a_step(config: TrainingConfig) -> None:
    # 49 images after the first: three batches of 16, and the last takes the one that is left over.
    first = stores.results(0.5)[0]
    results = [first, replace(first, epoch=2)]  # a loss that does not fall
    plan = plan_epoch(config, 3, 49, results, seed=0)
    assert len(plan.learning_rates) == len(plan.momenta) == 3
    assert np.array_equal(plan.learning_rates, learning_rates(config, 3, 3, results))
    assert np.array_equal(plan.momenta, momenta(config, 3, 3))
    begun = plan_epoch(config, 1, 49, [], seed=0)
    assert begun.learning_rates[0] != plan.learning_rates[0], "the epoch and its losses matter"


def streams(plan: EpochPlan) -> list[Any]:
    return [
        plan.order.tolist(),
        None if plan.augmentation.transforms is None else plan.augmentation.transforms.tolist(),
        plan.dropout_seed,
    ]


def test_what_an_epoch_draws_depends_on_seed_and_epoch_alone() -> None:
    config = TrainingConfig(epochs=9)
    plan = streams(plan_epoch(config, 5, 40, stores.results(0.1, 0.2, 0.3, 0.4), seed=3))
    other = replace(config, epochs=6, batch_size=2, schedule="plateau", momentum=0.5, weight_decay=0.1)
    assert streams(plan_epoch(other, 5, 40, stores.results(0.9, 0.9, 0.9, 0.9), seed=3)) == plan
    for epoch, seed in ((4, 3), (6, 3), (5, 2)):
        another = streams(plan_epoch(config, epoch, 40, [], seed=seed))
        assert all(ours != theirs for ours, theirs in zip(another, plan, strict=True))
    without_augmentation = plan_epoch(replace(config, **PLAIN), 5, 40, [], seed=3)
    assert streams(without_augmentation) == [plan[0], None, plan[2]]


def test_a_share_of_the_images_is_plain_and_the_others_move_as_they_would() -> None:
    usual = plan_epoch(TrainingConfig(), 2, 4_000, [], seed=3)
    plan = plan_epoch(TrainingConfig(plain_share=0.3), 2, 4_000, [], seed=3)
    assert usual.augmentation.transforms is not None
    assert plan.augmentation.transforms is not None
    is_plain = (plan.augmentation.transforms == IDENTITY).all((1, 2))
    # Four standard deviations of the share.
    assert is_plain.mean() == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / 4_000) ** 0.5)
    assert not (usual.augmentation.transforms == IDENTITY).all((1, 2)).any()
    assert np.array_equal(plan.augmentation.transforms[~is_plain], usual.augmentation.transforms[~is_plain])
    assert np.array_equal(plan.order, usual.order)
    following = plan_epoch(TrainingConfig(plain_share=0.3), 3, 4_000, [], seed=3).augmentation.transforms
    assert following is not None
    assert not np.array_equal((following == IDENTITY).all((1, 2)), is_plain)


def test_the_last_epochs_are_plain() -> None:
    config = TrainingConfig(epochs=5, plain_epochs=2)
    plans = [plan_epoch(config, epoch, 40, [], seed=3) for epoch in range(1, 6)]
    usual = [plan_epoch(replace(config, plain_epochs=0), epoch, 40, [], seed=3) for epoch in range(1, 6)]
    assert [plan.augmentation.transforms is None for plan in plans] == [False, False, False, True, True]
    assert [streams(plan) for plan in plans[:3]] == [streams(plan) for plan in usual[:3]]
    assert all(np.array_equal(plan.order, other.order) for plan, other in zip(plans, usual, strict=True))


@pytest.mark.parametrize(
    ("num_images", "batch_size", "expected"),
    [
        (50_000, 32, STATISTICS_IMAGES),
        (50_000, 100, 10_200),
        (1_000, 32, 992),
        (30, 32, 30),
        (50_000, 20_000, 20_000),
        (15_000, 20_000, 15_000),
    ],
)
def test_statistics_are_of_whole_batches(num_images: int, batch_size: int, expected: int) -> None:
    config = TrainingConfig(batch_size=batch_size)
    order = plan_statistics(config, num_images, seed=1)
    assert len(order) == len(np.unique(order)) == expected
    assert order.max() < num_images
    assert np.array_equal(plan_statistics(config, num_images, seed=1), order)
    assert not np.array_equal(plan_statistics(config, num_images, seed=2), order)


@given(num_images=st.integers(1, 5_000), batch_size=st.integers(2, 700))
def test_no_batch_is_a_single_image_left_over(num_images: int, batch_size: int) -> None:
    steps = num_steps(num_images, batch_size)
    # All batches are full but the last, which takes what is left.
    last = num_images - (steps - 1) * batch_size
    assert 2 <= last <= batch_size + 1 or num_images == 1


@pytest.mark.parametrize(("num_images", "expected"), [(1, 1), (4, 1), (5, 1), (6, 2), (8, 2), (9, 2), (10, 3)])
def test_steps_of_an_epoch(num_images: int, expected: int) -> None:
    assert num_steps(num_images, 4) == expected


NATURAL = {"flip": 0.5, "shift": 0.1, "brightness": 0.2, "contrast": 0.3}


def test_later_augmentations_leave_the_draws_of_the_first_as_they_are() -> None:
    config = TrainingConfig(plain_share=0.3)
    usual = plan_epoch(config, 2, 500, [], seed=3).augmentation.transforms
    later = plan_epoch(replace(config, **NATURAL), 2, 500, [], seed=3).augmentation.transforms
    assert usual is not None
    assert later is not None
    np.testing.assert_array_equal((later == IDENTITY).all((1, 2)), (usual == IDENTITY).all((1, 2)))
    np.testing.assert_array_equal(np.abs(later[..., :2]), np.abs(usual[..., :2]))


def test_natural_images_are_mirrored_shifted_and_change_their_tone() -> None:
    config = TrainingConfig(**PLAIN, **NATURAL)
    augmentation = plan_epoch(config, 1, 4_000, [], seed=0, input_shape=(3, 20, 40)).augmentation
    transforms, tones = augmentation.transforms, augmentation.tones
    assert transforms is not None
    assert tones is not None
    is_mirrored = transforms[:, 0, 0] == -1
    assert is_mirrored.mean() == pytest.approx(0.5, abs=4 * (0.25 / 4_000) ** 0.5)
    assert (transforms[~is_mirrored, 0, 0] == 1).all()
    for row, side in ((0, 40), (1, 20)):
        pixels = transforms[:, row, 2] * side / 2
        np.testing.assert_allclose(pixels, pixels.round(), atol=1e-5)
        assert sorted(set(pixels.round().astype(int))) == list(range(-side // 10, side // 10 + 1))
    for column, middle, most in ((0, 1, 0.3), (1, 0, 0.2)):
        assert np.abs(tones[:, column] - middle).max() == pytest.approx(most, rel=0.01)
        assert tones[:, column].mean() == pytest.approx(middle, abs=4 * most / 4_000**0.5)
    last = replace(config, plain_epochs=1)
    assert plan_epoch(last, last.epochs, 40, [], seed=0).augmentation == Augmentation()
    for plain in (PLAIN, {**PLAIN, **NATURAL, "plain_share": 1.0}):
        nothing = plan_epoch(TrainingConfig(**plain), 1, 40, [], seed=0).augmentation
        assert nothing.transforms is None or (nothing.transforms == IDENTITY).all()
        assert nothing.tones is None or (nothing.tones == [1, 0]).all()


def test_balanced_class_weights_give_each_class_the_same_share() -> None:
    labels = np.array([0] * 6 + [2] * 3 + [3])
    assert plan_class_weights(TrainingConfig(), labels, 4) is None
    weights = plan_class_weights(TrainingConfig(class_weights="balanced"), labels, 4)
    assert weights is not None
    np.testing.assert_allclose(weights, [10 / 18, 0, 10 / 9, 10 / 3])
    assert weights[labels].mean() == pytest.approx(1)
