"""How optimistic a search and its estimates were, by members whose fresh accuracies are given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from search.confirmation.optimism import describe_optimism
from search.sampling.estimates import MIN_COMPLETE, read_estimates
from studies.confirmations import Confirmation, SeedResult, Stage
from studies.pareto import FrontPoint
from studies.study import SearchStudy
from tests.stores import make_search, train_one

SEEDS = {Stage.DECIDE: (1, 2), Stage.MEASURE: (3, 4)}


def confirmed(folder: Path, num_trials: int, fresh: Sequence[float]) -> SearchStudy:
    """A study whose first trials are members with these validation accuracies of fresh seeds."""
    study = make_search(folder)
    for width in range(2, 2 + num_trials):
        train_one(study, width, [0.8 + 0.01 * width])
    points = [FrontPoint(trial, 21 * (trial + 2) + 10, 0.82 + 0.01 * trial, "net") for trial in range(len(fresh))]
    confirmation = Confirmation.begin(
        study.store.database, study.name, seeds=SEEDS, top=None, num_complete=num_trials, contenders=points
    )
    confirmation.freeze(range(len(fresh)))
    for trial, share in enumerate(fresh):
        for stage in Stage:
            correct = np.arange(1_000) < (share if stage == Stage.DECIDE else 0.5) * 1_000
            confirmation.write(SeedResult(stage, trial, seed, 1.0, correct) for seed in SEEDS[stage])
    return study


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        ((0.80, 0.80), "2 members is on average 2.50 points lower"),
        ((0.85,), "1 member is on average 3.00 points higher"),
    ],
)
def test_the_search_is_compared_with_fresh_seeds(tmp_path: Path, fresh: Sequence[float], words: str) -> None:
    study = confirmed(tmp_path, 2, fresh)
    line = f"With fresh seeds, the validation accuracy of {words} than the search measured."
    assert describe_optimism(study.store, study.name) == line


def test_estimates_are_compared_where_there_are_some(tmp_path: Path) -> None:
    study = confirmed(tmp_path, MIN_COMPLETE, (0.80, 0.80))
    estimates = read_estimates(study.store, study.name, [0, 1]).by_trial
    mean = np.mean([estimate.accuracy for estimate in estimates.values()]) - 0.80
    line = describe_optimism(study.store, study.name)
    assert line is not None
    assert line.endswith(
        f"2.50 points lower than the search measured, and {100 * mean:.2f} points lower than estimated."
    )


def test_without_a_confirmed_front_there_is_nothing_to_say(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    train_one(study, 2, [0.9])
    assert describe_optimism(study.store, study.name) is None
