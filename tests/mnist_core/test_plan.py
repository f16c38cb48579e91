from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_core.plan import EpochPlan, num_steps, plan_epoch
from mnist_core.schedule import learning_rates, momenta
from space.candidate import TrainingConfig
from tests import stores

PLAIN = {"rotation": 0.0, "translation": 0.0, "scale": 0.0}


def test_a_plan_shows_every_image_once_each_moved_in_its_own_way() -> None:
    plan = plan_epoch(TrainingConfig(), 1, 50, [], seed=0)
    assert sorted(plan.order.tolist()) == list(range(50))
    assert plan.order.tolist() != list(range(50))
    assert plan.transforms is not None
    assert plan.transforms.shape == (50, 2, 3)
    assert len(np.unique(plan.transforms, axis=0)) == 50


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
    return [plan.order.tolist(), None if plan.transforms is None else plan.transforms.tolist(), plan.dropout_seed]


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


@given(num_images=st.integers(1, 5_000), batch_size=st.integers(2, 700))
def test_no_batch_is_a_single_image_left_over(num_images: int, batch_size: int) -> None:
    steps = num_steps(num_images, batch_size)
    # All batches are full but the last, which takes what is left.
    last = num_images - (steps - 1) * batch_size
    assert 2 <= last <= batch_size + 1 or num_images == 1


@pytest.mark.parametrize(("num_images", "expected"), [(1, 1), (4, 1), (5, 1), (6, 2), (8, 2), (9, 2), (10, 3)])
def test_steps_of_an_epoch(num_images: int, expected: int) -> None:
    assert num_steps(num_images, 4) == expected
