"""What a front's accuracies are worth: estimates against errors that are known, and of studies in a store."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from search.sampling import estimates as module
from search.sampling.draws import draw_growing
from search.sampling.estimate import Estimates
from search.sampling.estimates import MIN_COMPLETE, estimate_accuracies, read_estimates
from search.sampling.improvement import non_dominated
from search.sampling.observation import Observation
from space.candidate import CandidateSpec
from space.search_space import SearchSpace
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import make_search, train_one

SPACE = SearchSpace.default()
NUM_VALIDATION = 10_000
NUM_TRIALS = 80


def true_error(candidate: CandidateSpec) -> float:
    """A net's error falls with its size; a high learning rate costs accuracy."""
    log_size, log_lr = math.log(candidate.num_params), math.log(candidate.training.max_lr)
    return math.exp(-1.2 - 0.45 * log_size + 0.1 * log_lr)


def test_the_points_of_a_front_are_nearer_to_the_truth_and_less_optimistic() -> None:
    generator = random.Random(0)
    drawn = [draw_growing(SPACE, 8_000, generator, size_range=16.0, epochs=15) for _ in range(NUM_TRIALS)]
    candidates = [found.candidate for found in drawn if found is not None]
    sizes = np.log([candidate.num_params for candidate in candidates])
    true = np.array([true_error(candidate) for candidate in candidates])
    measured_by, estimated_by, stated = [], [], []
    for seed in range(10):
        measured = np.random.default_rng(seed).binomial(NUM_VALIDATION, true) / NUM_VALIDATION
        observations = [
            Observation({}, candidate, math.log(error), 1 / (NUM_VALIDATION * error))
            for candidate, error in zip(candidates, measured, strict=True)
        ]
        front = non_dominated(sizes, measured)
        estimates = estimate_accuracies(observations, [candidates[i] for i in front], num_validation=NUM_VALIDATION)
        measured_by.append(true[front] - measured[front])
        estimated_by.append(true[front] - 1 + [estimate.accuracy for estimate in estimates])
        stated.append([estimate.std for estimate in estimates])
    raw, estimated, stds = map(np.concatenate, (measured_by, estimated_by, stated))
    assert raw.mean() > 0.0003, "a front is optimistic"
    assert abs(estimated.mean()) < 0.4 * raw.mean()
    assert np.square(estimated).mean() < 0.4 * np.square(raw).mean()
    assert 0.55 < np.mean(np.abs(estimated) < stds) < 0.9
    assert np.mean(np.abs(estimated) < 2 * stds) > 0.85


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    """As many complete trials as it takes, errors falling with size but for a lucky one, trial 1, and a pruned one."""
    study = make_search(tmp_path_factory.mktemp("estimates"))
    for width in range(2, 2 + MIN_COMPLETE):
        train_one(study, width, [0.3, 0.94 if width == 3 else 0.7 + 0.02 * width])
    train_one(study, 20, [0.3], Outcome.PRUNED)
    return study


def test_a_lucky_trial_is_estimated_to_be_worse_than_it_was_measured(study: SearchStudy) -> None:
    estimates = read_estimates(study.store, study.name, [1, 7])
    assert estimates.missing is None
    assert set(estimates.by_trial) == {1, 7}
    lucky, usual = (estimates.by_trial[number] for number in (1, 7))
    assert lucky.accuracy < 0.9
    assert usual.accuracy == pytest.approx(0.88, abs=0.05)
    assert 0 < usual.std < 0.05


def test_too_few_complete_trials_give_no_estimates(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    for width in range(2, 1 + MIN_COMPLETE):
        train_one(study, width, [0.9])
    train_one(study, 20, [0.3], Outcome.PRUNED)
    missing = f"they need {MIN_COMPLETE} complete trials, and the study has {MIN_COMPLETE - 1}"
    assert read_estimates(study.store, study.name, [0]) == Estimates(missing=missing)


def test_a_long_study_is_learnt_from_in_part(study: SearchStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[int]] = []
    read_trained = module.read_trained
    monkeypatch.setattr(module, "MAX_LEARNT_FROM", 4)
    monkeypatch.setattr(
        module,
        "read_trained",
        lambda database, name, numbers: read.append(numbers) or read_trained(database, name, numbers),
    )
    assert set(read_estimates(study.store, study.name, [7]).by_trial) == {7}
    assert read == [[0, 3, 6, 7]]


def test_what_cannot_be_read_is_a_reason(tmp_path: Path, study: SearchStudy) -> None:
    damaged = make_search(tmp_path)
    for width in range(2, 2 + MIN_COMPLETE):
        train_one(damaged, width, [0.9])
    with damaged.store.database.begin() as connection:
        connection.execute(text("UPDATE trial_user_attributes SET value_json = '{}' WHERE key = 'candidate'"))
    missing = read_estimates(damaged.store, damaged.name, [0]).missing
    assert missing is not None
    assert "trial 0 of study 'digits-1000': its candidate" in missing
