import itertools
import json
import math
import random
import sys
import warnings
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FixedTrial

from search.sampling.alignment import ADDED, DROPPED, DROPPED_1X1
from search.sampling.differences import FIXED_SETTINGS, SAMPLED_SETTINGS
from search.sampling.nearest import MOST_TAKEN_OFF, Nearest, nearest_params
from space.architecture import ArchitectureSpec, num_params
from space.candidate import CandidateSpec, TrainingConfig
from space.layers import AveragePool, Conv, MaxPool
from space.random_draw import RandomDraw
from space.ranges import Stage
from space.recipes import RECIPES
from space.search_space import SearchSpace
from tests.spaces import PLAIN
from tests.strategies import candidates, search_spaces

ANY_SIZE = sys.maxsize


def nearest_to(notation: str, space: SearchSpace = PLAIN, budget: int = ANY_SIZE, **training: Any) -> Nearest | None:
    known = CandidateSpec(ArchitectureSpec.from_text(notation), TrainingConfig(**training))
    return nearest_params(space, known, budget=budget, epochs=15)


# The nearest architecture

# Net, the nearest of the default space, what else is said of it
NEAREST = {
    "one of the space": (
        "4s:br p 6s:br 5s:br p 5v:br 5v:br 6v:br gap fc10+",
        "4s:br p 6s:br 5s:br p 5v:br 5v:br 6v:br gap fc10+",
        [],
    ),
    "in order by its pools": (
        "4v:br 5v:br p 6s:br 7s:br 8s:br p 9v:br 10v:br gap fc10+",
        "4s:br 5s:br p 6s:br 7s:br 8s:br p 9v:br 10v:br gap fc10+",
        ["padding"],
    ),
    "without pools": (
        "4s:br 5s:br 6s:br 7s:br 8s:br 9s:br gap fc10+",
        "4s:br 5s:br p 6s:br 7s:br p 8v:br 9v:br gap fc10+",
        ["2 pools, not 0", "padding"],
    ),
    "other pools": (
        "4s:br 5s:br 6s:br p3 7s:br 8s:br p 9v:br gap fc10+",
        "4s:br 5s:br p 6s:br 7s:br p 8v:br 9v:br gap fc10+",
        ["pools at other places", "pools of 2x2", "padding"],
    ),
    "too wide and too narrow": (
        "20s:br p 2s:br 30s:br p 50v:br 1v:br gap fc10+",
        "16s:br p 3s:br 24s:br p 32v:br 3v:br gap fc10+",
        ["widths 20 2 30 50 1 -> 16 3 24 32 3"],
    ),
    "too short": (
        "6s:br p 8s:br p 9v:br gap fc10+",
        "6s:br p 8s:br 8s:br p 9v:br 9v:br gap fc10+",
        ["2 more convolutions"],
    ),
    "too long": (
        "4s:br 5s:br p 6s:br 7s:br 8s:br p 9v:br 10v:br 11v:br 12s:br gap fc10+",
        "4s:br 5s:br p 6s:br 7s:br 8s:br p 9v:br 11v:br 12v:br gap fc10+",
        ["without 10v:br", "padding"],
    ),
    "1x1 dropped": (
        "6s:br p 8k1:br 8s:br 9s:br p 9v:br 9v:br gap fc10+",
        "6s:br p 8s:br 9s:br p 9v:br 9v:br gap fc10+",
        ["without 8k1:br"],
    ),
    "1x1 in place of a layer that would be added": (
        "6s:br p 7k1:br 8s:br p 9v:br 10v:br gap fc10+",
        "6s:br p 7s:br 8s:br p 9v:br 10v:br gap fc10+",
        ["kernels 3 1 3 3 3 -> 3 3 3 3 3", "padding"],
    ),
    "5x5": (
        "6k5s:br p 8s:br 8s:br p 9k5p1:br 9v:br gap fc10+",
        "6s:br p 8s:br 8s:br p 9v:br 9v:br gap fc10+",
        ["kernels 5 3 3 5 3 -> 3 3 3 3 3", "padding"],
    ),
    "other operations": (
        "6s+:rb p 8s:r 8s:b p 9v 9v:brD0.25 gap fc10+",
        "6s:brd0.03 p 8s:brd0.03 8s:brd0.03 p 9v:brd0.03 9v:brd0.03 gap fc10+",
        [
            *("batch norm before ReLU", "batch norm", "ReLU", "no bias"),
            *("dropout 0/0.25 -> 0.03", "dropout of single values"),
        ],
    ),
    "other head": (
        "6s:br p 8s:br 8s:br p 9v:br 9v:br flat fc50+:r fc10",
        "6s:br p 8s:br 8s:br p 9v:br 9v:br gap fc10+",
        ["head flat fc50+:r fc10 -> gap fc10+"],
    ),
    "no convolution": (
        "p flat",
        "3s:br p 3s:br 3s:br p 3v:br 3v:br gap fc10+",
        ["5 more convolutions", "2 pools, not 1", "head flat -> gap fc10+"],
    ),
}


@pytest.mark.parametrize(
    ("known", "expected", "changes"),
    [
        (
            "4s:br sep6s:br ap 7s:br sep8s:br sep9s:br gap fc10+",
            "4s:br sep6s:br ap sep7s:br sep8s:br sep9s:br gap fc10+",
            ["convolutions plain separable plain separable separable -> plain" + 4 * " separable"],
        ),
        (
            "4s:br 6s:br p 7s:br 8s:br sep9s:br gap fc10+",
            "4s:br 6s:br p 7s:br 8s:br 9s:br gap fc10+",
            ["convolutions plain plain plain plain separable ->" + 5 * " plain"],
        ),
        ("4s:br 6s:br ap 7s:br 8s:br gap fc10+", "4s:br 6s:br ap 7s:br 8s:br gap fc10+", []),
    ],
)
def test_kinds_are_those_of_most_layers_where_there_is_a_choice(known: str, expected: str, changes: list[str]) -> None:
    stage = Stage(layers=(2, 3), width=(3, 20), convolution_choices=("plain", "separable"))
    pools = PLAIN.architecture.model_copy(update={"pool_choices": ("max", "average")})
    nearest = nearest_to(known, PLAIN.model_copy(update={"stage": (stage, stage), "architecture": pools}))
    assert nearest is not None
    assert (str(nearest.candidate.architecture), list(nearest.changes)) == (expected, changes)


@pytest.mark.parametrize("case", NEAREST)
def test_the_nearest_architecture(case: str) -> None:
    notation, expected, changes = NEAREST[case]
    nearest = nearest_to(notation)
    assert nearest is not None
    assert str(nearest.candidate.architecture) == expected
    assert list(nearest.changes) == changes


def test_the_layers_that_a_candidate_lacks_repeat_its_last_widths() -> None:
    nearest = nearest_to("4s:br p 6s:br 5s:br p 5v:br 9v:br gap fc10+")
    assert nearest is not None
    widths = [[nearest.params.get(f"stage{stage}_width{j}") for j in (1, 2, 3)] for stage in (1, 2, 3)]
    assert widths == [[4, 4, None], [6, 5, 5], [5, 9, 9]]
    assert [nearest.params[f"stage{stage}_layers"] for stage in (1, 2, 3)] == [1, 2, 2]


def test_equal_stages_have_layers_of_their_own() -> None:
    stage = Stage(layers=(1, 2), width=(1, 200))
    nearest = nearest_to("3s:br p 100s:br 90s:br gap fc10+", PLAIN.model_copy(update={"stage": (stage, stage)}))
    assert nearest is not None
    assert str(nearest.candidate.architecture) == "3s:br p 100s:br 90s:br gap fc10+"


def distance(known: ArchitectureSpec, other: ArchitectureSpec) -> float:
    """By trying every way to pair the layers in their order."""
    ours, theirs = placed(known), placed(other)
    drops = [DROPPED_1X1 if conv.kernel == 1 else DROPPED for conv, _ in ours]
    shortest = math.inf
    for num_pairs in range(min(len(ours), len(theirs)) + 1):
        for kept in itertools.combinations(range(len(ours)), num_pairs):
            for taken in itertools.combinations(theirs, num_pairs):
                pairs = zip([ours[i] for i in kept], taken, strict=True)
                total = sum(
                    abs(math.log(new.width / old.width)) + abs(math.log(new.kernel / old.kernel)) + abs(there - here)
                    for (old, here), (new, there) in pairs
                )
                total += sum(drop for i, drop in enumerate(drops) if i not in kept)
                shortest = min(shortest, total + (len(theirs) - num_pairs) * ADDED)
    return shortest


def placed(architecture: ArchitectureSpec) -> list[tuple[Conv, float]]:
    parts: list[list[Conv]] = [[]]
    for layer in architecture.layers:
        if isinstance(layer, MaxPool | AveragePool) or (isinstance(layer, Conv) and layer.stride > 1):
            parts.append([])
        if isinstance(layer, Conv):
            parts[-1].append(layer)
    return [
        (conv, (number + (i + 0.5) / len(part)) / len(parts))
        for number, part in enumerate(parts)
        for i, conv in enumerate(part)
    ]


@settings(max_examples=25, deadline=None)
@given(candidates().filter(lambda known: len(placed(known.architecture)) <= 4))
def test_no_candidate_of_a_small_space_is_nearer(known: CandidateSpec) -> None:
    stages = (Stage(layers=(1, 1), width=(3, 5)), Stage(layers=(1, 2), width=(4, 5), kernel=1))
    space = PLAIN.model_copy(update={"stage": stages})
    nearest = nearest_params(space, known, budget=ANY_SIZE, epochs=15)
    assert nearest is not None
    first = ["3s:br", "4s:br", "5s:br"]
    second = [" ".join(layers) for depth in (1, 2) for layers in itertools.product(["4k1:br", "5k1:br"], repeat=depth)]
    nets = [ArchitectureSpec.from_text(f"{one} p {two} gap fc10+") for one in first for two in second]
    assert distance(known.architecture, nearest.candidate.architecture) == pytest.approx(
        min(distance(known.architecture, net) for net in nets)
    )


@settings(max_examples=60, deadline=None)
@given(search_spaces(), candidates(), st.floats(0.0, 1.0))
def test_the_nearest_is_of_the_space_within_the_budget_and_its_changes_are_told(
    space: SearchSpace, known: CandidateSpec, share: float
) -> None:
    whole = nearest_params(space, known, budget=ANY_SIZE, epochs=15)
    assert whole is not None
    smallest = num_params(space.smallest)
    budget = round(smallest + share * (max(whole.candidate.num_params, smallest) - smallest))
    nearest = nearest_params(space, known, budget=budget, epochs=15)
    for found in filter(None, (whole, nearest)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of values outside their range
            assert space.suggest_candidate(FixedTrial(found.params), epochs=15) == found.candidate
        draw = RandomDraw(random.Random(0))
        space.suggest_candidate(draw, epochs=15)
        assert found.params.keys() == draw.params.keys()
        assert json.loads(json.dumps(found.params)) == found.params
        assert bool(found.changes) == (found.candidate != known)
        assert len(set(found.changes)) == len(found.changes)
        again = nearest_params(space, found.candidate, budget=budget if found is nearest else ANY_SIZE, epochs=15)
        assert again is not None
        assert (again.candidate, again.changes) == (found.candidate, ())
    if nearest is not None:
        assert nearest.candidate.num_params <= budget
        for name, width in whole.params.items():
            if "_width" in name:
                assert width >= nearest.params[name] >= math.floor(width * (1 - MOST_TAKEN_OFF / 100) + 0.5)
            else:
                assert nearest.params[name] == width


@settings(deadline=None)
@given(search_spaces(), st.integers(0, 1_000))
def test_a_candidate_of_the_space_is_its_own_nearest(space: SearchSpace, seed: int) -> None:
    candidate = space.suggest_candidate(RandomDraw(random.Random(seed)), epochs=7)
    nearest = nearest_params(space, candidate, budget=candidate.num_params, epochs=7)
    assert nearest is not None
    assert (nearest.candidate, nearest.changes) == (candidate, ())


def test_a_large_space_takes_no_time() -> None:
    space = PLAIN.model_copy(update={"stage": (Stage(layers=(1, 12), width=(1, 64)),) * 4})
    nearest = nearest_params(space, RECIPES["004-v2"].candidate, budget=ANY_SIZE, epochs=15)
    assert nearest is not None
    assert len(placed(nearest.candidate.architecture)) == 8  # all but the 1x1


# The budget


def test_widths_shrink_alike_and_no_more_than_they_must() -> None:
    notation = "8s:br p 16s:br 16s:br p 16v:br 16v:br gap fc10+"
    size = num_params(ArchitectureSpec.from_text(notation))
    whole, shrunk = nearest_to(notation, budget=size), nearest_to(notation, budget=size - 1)
    assert whole is not None
    assert shrunk is not None
    assert str(whole.candidate.architecture) == notation
    assert str(shrunk.candidate.architecture) == "8s:br p 15s:br 15s:br p 15v:br 15v:br gap fc10+"
    assert shrunk.changes == ("widths 8 16 16 16 16 -> 8 15 15 15 15",)


def test_widths_shrink_by_a_third_at_most_and_not_below_their_ranges() -> None:
    wide, least = "10s:br p 20s:br 20s:br p 20v:br 3v:br gap fc10+", "7s:br p 13s:br 13s:br p 13v:br 3v:br gap fc10+"
    size = num_params(ArchitectureSpec.from_text(least))
    nearest = nearest_to(wide, budget=size)
    assert nearest is not None
    assert str(nearest.candidate.architecture) == least
    assert nearest_to(wide, budget=size - 1) is None


# Recipe, its nearest candidate under a budget of 8,000
RECIPES_AT_8000 = {
    "000-step3": "8s:brd0.03 p 15s:brd0.03 15s:brd0.03 p 15v:brd0.03 15v:brd0.03 gap fc10+",
    "002-optimized": "7s:brd0.02 11s:brd0.02 p 12s:brd0.02 16s:brd0.02 p 19v:brd0.02 7v:brd0.02 gap fc10+",
    "004-v1": "8s:br p 10s:br 10s:br 10s:br p 10v:br 16v:br 8v:br gap fc10+",
    "004-v2": "8s:br 10s:br p 12s:br 10s:br 12s:br p 10v:br 12v:br 10v:br gap fc10+",
    "001": None,
    "002-original": None,
}


@pytest.mark.parametrize("name", RECIPES_AT_8000)
def test_recipes_under_the_usual_budget(name: str) -> None:
    nearest = nearest_params(PLAIN, RECIPES[name].candidate, budget=8_000, epochs=15)
    assert (nearest and str(nearest.candidate.architecture)) == RECIPES_AT_8000[name]


# Training

# Settings of the known net, parameters of its nearest candidate in the default space
TRAINING = {
    "within the ranges": (
        {"batch_size": 32, "max_lr": 0.06, "weight_decay": 2e-4},
        {"batch_size": 32, "max_lr": 0.06, "weight_decay": 2e-4, "label_smoothing": 0.0, "augmentation": 1.0},
    ),
    "below": (
        {"batch_size": 2, "max_lr": 0.001, "weight_decay": 0.0, "rotation": 0.0, "translation": 0.0, "scale": 0.0},
        {"batch_size": 32, "max_lr": 0.05, "weight_decay": 1e-5, "augmentation": 0.4},
    ),
    "above": (
        {"batch_size": 512, "max_lr": 2.0, "weight_decay": 0.1, "label_smoothing": 0.1, "rotation": 90.0, "scale": 0.9},
        {"batch_size": 64, "max_lr": 0.2, "weight_decay": 2e-4, "label_smoothing": 0.0, "augmentation": 1.2},
    ),
    "batch sizes are compared on a log scale": ({"batch_size": 46}, {"batch_size": 64}),
    "one kind of augmentation is no augmentation": ({"translation": 0.0, "scale": 0.0}, {"augmentation": 0.4}),
    "strength is the median": ({"rotation": 5.0, "translation": 0.035, "scale": 0.2}, {"augmentation": 0.7}),
}


@pytest.mark.parametrize("case", TRAINING)
def test_the_nearest_training(case: str) -> None:
    training, expected = TRAINING[case]
    nearest = nearest_to("4s:br p 6s:br 5s:br p 5v:br 5v:br gap fc10+", **training)
    assert nearest is not None
    assert {name: nearest.params[name] for name in expected} == pytest.approx(expected)


def test_changes_of_training_are_told_with_their_values_and_the_others_by_a_word() -> None:
    architecture = ArchitectureSpec.from_text("4s:br p 6s:br 5s:br p 5v:br 5v:br gap fc10+")
    known = CandidateSpec(
        architecture, replace(RECIPES["003"].candidate.training, rotation=10.0, translation=0.05, scale=0.1)
    )
    nearest = nearest_params(PLAIN, known, budget=8_000, epochs=4)
    assert nearest is not None
    assert nearest.changes == (
        *("epochs 20 -> 4", "batch_size 124 -> 64", "max_lr 0.01 -> 0.05", "weight_decay 0 -> 1e-05"),
        *("label_smoothing 0.1 -> 0", "the search's own optimizer, schedule and stopping"),
    )


def test_every_setting_of_training_has_its_word() -> None:
    named = [*SAMPLED_SETTINGS, *itertools.chain(*FIXED_SETTINGS.values())]
    assert sorted(named) == sorted(item.name for item in fields(TrainingConfig))
