"""The default space for other images: those that it can take, and what of it follows size, classes and budget."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from space.architecture import num_params
from space.fitted import default_space
from space.random_draw import RandomDraw
from space.search_space import SearchSpace


@pytest.mark.parametrize("budget", [500, 8_000, 100_000])
def test_mnists_images_have_the_usual_space_whatever_the_budget(budget: int) -> None:
    assert default_space((1, 28, 28), 10, budget) == SearchSpace.default()
    assert default_space((1, 28, 28), 10, budget).to_stored() == SearchSpace.default().to_stored()


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 300), st.integers(1, 300)),
    num_classes=st.integers(2, 200),
    budget=st.integers(1_000, 200_000),
    seed=st.integers(0, 1_000),
)
def test_every_image_has_a_space_whose_nets_take_it(
    shape: tuple[int, int, int], num_classes: int, budget: int, seed: int
) -> None:
    space = default_space(shape, num_classes, budget, dataset="cifar10")
    architecture = space.suggest_candidate(RandomDraw(random.Random(seed)), epochs=3).architecture
    for net in (architecture, space.smallest):
        assert (net.input_shape, net.num_classes) == (shape, num_classes)
    assert num_params(space.smallest) <= max(budget, 50 + 4 * 3 * num_classes + 300)
    assert SearchSpace.from_stored(space.to_stored()) == space


@pytest.mark.parametrize(
    ("shape", "num_stages"), [((1, 8, 8), 1), ((1, 20, 16), 2), ((3, 32, 32), 3), ((3, 64, 64), 4), ((3, 224, 224), 6)]
)
def test_larger_images_have_more_pools(shape: tuple[int, int, int], num_stages: int) -> None:
    assert len(default_space(shape, 10, 8_000).stage) == num_stages


def test_widths_follow_budget_channels_and_classes() -> None:
    grey, coloured = default_space((1, 32, 32), 10, 8_000), default_space((3, 32, 32), 10, 8_000)
    assert grey.stage == SearchSpace.default().stage
    assert coloured.stage[0].width == (4, 24)
    assert coloured.stage[1:] == grey.stage[1:]
    assert [stage.width[1] for stage in default_space((1, 32, 32), 10, 32_000).stage] == [32, 64, 96]
    assert default_space((1, 32, 32), 80, 50_000).stage[-1].width[0] == 20


def test_photographs_are_shifted_and_toned_and_mirrored_only_where_that_is_asked_for() -> None:
    plain, natural = default_space((3, 32, 32), 10, 8_000), default_space((3, 32, 32), 10, 8_000, dataset="svhn")
    assert plain.training == SearchSpace.default().training
    candidate = natural.suggest_candidate(RandomDraw(random.Random(1)), epochs=15).training
    assert min(candidate.shift, candidate.brightness, candidate.contrast) > 0
    assert candidate.flip == 0
    mirrored = default_space((3, 32, 32), 10, 8_000, dataset="cifar10")
    assert mirrored.suggest_candidate(RandomDraw(random.Random(1)), epochs=15).training.flip == 0.5


def test_strides_stand_in_place_of_pools() -> None:
    space = SearchSpace.default()
    strided = space.model_copy(
        update={"architecture": space.architecture.model_copy(update={"pool_choices": ("stride",)})}
    )
    draws = random.Random(3), random.Random(3)
    pooled, other = (
        each.suggest_candidate(RandomDraw(draw), epochs=3).architecture
        for each, draw in zip((space, strided), draws, strict=True)
    )
    expected = [token for token in str(pooled).split() if token != "ap"]
    assert [token.replace("/2", "") for token in str(other).split()] == expected
    assert str(other).count("/2") == 2
