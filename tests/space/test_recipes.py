import json
from dataclasses import replace

import pytest

from mnist_core.model import build_model
from space.architecture import num_params
from space.candidate import CandidateSpec, TrainingConfig
from space.recipes import RECIPES, Recipe, similar_names

# As their documents count them, or counted by hand from the layers that they list.
COUNTS = {
    "000-step1": 71_274,
    "000-step2": 7_416,
    "000-step3": 7_416,
    "001": 19_210,
    "002-original": 6_379_786,
    "002-optimized": 18_962,
    "003": 12_534,
    "004-v0": 21_538,
    "004-v1": 6_308,
    "004-v2": 7_718,
}


def test_all_ten_are_there_by_name() -> None:
    assert list(RECIPES) == list(COUNTS)
    assert all(recipe.name == name for name, recipe in RECIPES.items())


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_those_of_the_document_and_of_the_built_model(name: str) -> None:
    candidate = RECIPES[name].candidate
    model = build_model(candidate.architecture)
    assert sum(weights.numel() for weights in model.parameters() if weights.requires_grad) == COUNTS[name]
    assert num_params(candidate.architecture) == candidate.num_params == COUNTS[name]
    assert candidate.architecture.num_classes == 10


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_candidates_survive_json(recipe: Recipe) -> None:
    again = CandidateSpec.from_json(json.loads(json.dumps(recipe.candidate.to_json())))
    assert again == recipe.candidate
    assert again.key == recipe.candidate.key


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("000-step1", {"optimizer": "sgd", "schedule": "constant", "max_lr": 0.01, "epochs": 20, "batch_size": 128}),
        ("000-step3", {"schedule": "one_cycle", "max_lr": 0.05, "div_factor": 100, "anneal": "linear", "rotation": 7}),
        ("001", {"optimizer": "adam", "schedule": "step", "lr_step": 5, "lr_factor": 0.5, "epochs": 14}),
        ("002-original", {"epochs": 1, "max_lr": 0.01, "momentum": 0.9, "weight_decay": 0, "nesterov": False}),
        ("002-optimized", {"batch_size": 512, "max_lr": 0.1, "pct_start": 0.2, "stop_accuracy": 0.994}),
        ("003", {"optimizer": "adam", "label_smoothing": 0.1, "clip_norm": 1, "patience": 5, "stop_accuracy": 0.994}),
        ("004-v1", {"optimizer": "sgd", "schedule": "plateau", "max_lr": 0.05, "momentum": 0.9}),
    ],
)
def test_they_train_as_documented(name: str, settings: dict[str, object]) -> None:
    training = RECIPES[name].candidate.training
    assert replace(training, **settings) == training
    assert training != TrainingConfig()


def test_reconstructions_are_called_so() -> None:
    titles = {name: recipe.title for name, recipe in RECIPES.items()}
    for name, title in titles.items():
        assert title == (f"{name} (reconstruction)" if name.startswith("004-") else name)
        assert RECIPES[name].reconstruction == name.startswith("004-")


def test_assumed_settings_are_named() -> None:
    # Stated in full: 001's batch size is contradicted by its own log, and the others are in their authors' code.
    assert {name for name, recipe in RECIPES.items() if not recipe.assumed} == {"002-original", "002-optimized"}
    for name in ("004-v0", "004-v1", "004-v2"):
        assumed = " ".join(RECIPES[name].assumed)
        for setting in ("epochs", "batch size", "patience", "rotation"):
            assert setting in assumed
    assert "20 epochs" in " ".join(RECIPES["003"].assumed)
    assert "batch size 128" in " ".join(RECIPES["001"].assumed)


def test_claims_are_fractions_and_say_when_they_were_read_off() -> None:
    claims = {name: round(100 * recipe.claimed_accuracy, 2) for name, recipe in RECIPES.items()}
    assert claims == {
        "000-step1": 98.95,
        "000-step2": 99.37,
        "000-step3": 99.45,
        "001": 99.43,
        "002-original": 28.0,
        "002-optimized": 99.42,
        "003": 99.41,
        "004-v0": 99.36,
        "004-v1": 99.18,
        "004-v2": 99.15,
    }
    assert all("epoch" in recipe.claim for recipe in RECIPES.values())


@pytest.mark.parametrize(
    ("name", "closest"),
    [("002-optimised", "002-optimized"), ("004v1", "004-v1"), ("0003", "003"), ("step3", "000-step3")],
)
def test_misspelt_names_have_similar_ones(name: str, closest: str) -> None:
    assert similar_names(name)[0] == closest


def test_other_words_are_similar_to_none() -> None:
    assert similar_names("resnet") == []
