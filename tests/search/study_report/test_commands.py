"""The commands that a page shows to make its study again."""

from typing import Any

import pytest

from search.study_report.commands import reproduction
from space.fitted import default_space
from space.search_space import SearchSpace

SEARCH_ANEW = "Search anew with these settings, or go on with more --trials"
COLOUR = default_space((3, 32, 32), 7, 20_000)


def narrow(space: SearchSpace) -> SearchSpace:
    return space.model_copy(update={"architecture": space.architecture.model_copy(update={"dropout": (0.0, 0.01)})})


def run_of(space: SearchSpace | None, budget: int = 8_000, **settings: Any) -> dict[str, str]:
    fingerprint = {"dataset": "mnist", "budget": budget, "epochs": 15, "seed": 0, **settings}
    if space is not None:
        fingerprint["space"] = space.to_stored()
    first, *_ = reproduction(
        "mine", fingerprint, "sqlite:///studies.db", {"sampler": "front"}, 120, target=None, max_params=None
    )
    return first


@pytest.mark.parametrize(
    ("made", "options"),
    [
        (run_of(SearchSpace.default()), ""),
        (run_of(SearchSpace.default().with_class_weights("balanced")), " --class-weights balanced"),
        (run_of(COLOUR, 20_000, dataset="pets"), ""),
        (run_of(None), ""),
    ],
    ids=["default", "class weights", "fitted to images", "of an earlier version"],
)
def test_the_usual_space_needs_no_file(made: dict[str, str], options: str) -> None:
    assert made["what"] == SEARCH_ANEW
    _, _, after = made["command"].partition(" --sampler front")
    assert after == f"{options} --study mine"


@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_another_space_is_named_and_found_on_the_page(weights: str) -> None:
    made = run_of(narrow(SearchSpace.default()).with_class_weights(weights))
    assert made["what"] == f"{SEARCH_ANEW}; space.toml is the space below"
    assert " --space space.toml" in made["command"]
    assert ("--class-weights balanced" in made["command"]) == (weights == "balanced")
