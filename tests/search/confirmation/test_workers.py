"""The trainings of a confirmation, in this process, and what becomes of workers that are lost.

test_confirm.py has the whole command with its workers, and one that is replaced.
"""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_core.checkpoint import checkpoint_logits, load_checkpoint
from mnist_core.data import load_all_but_test, open_test_set
from mnist_core.engine import TORCH
from search.confirmation.workers import SeedTraining, SeedWorkers, measure_models, train_seed
from search.workers.machine import Resources
from search.workers.training import CandidateTraining
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError, SearchFailedError
from studies.artifacts import sha256_of
from studies.confirmations import SeedResult, Stage
from tests.runners import TRAIN_SIZE, few_digits

RESOURCES = Resources("digits", None, TRAIN_SIZE, "cpu", TORCH)
NET = "2s:br p 3v:br gap fc10+"

pytestmark = pytest.mark.usefixtures("one_thread")


def training(stage: Stage, folder: Path, *, seed: int = 5, trial: int = 3, **settings: float) -> SeedTraining:
    config = replace(TrainingConfig(epochs=1, batch_size=16), **settings)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), config)
    return SeedTraining(stage, trial, candidate, seed, folder / f"{trial}-{seed}.safetensors")


def measured(folder: Path, **changes: int) -> tuple[SeedTraining, SeedResult]:
    """A training of the second stage that was done."""
    given = training(Stage.MEASURE, folder, **changes)
    result = train_seed(given, RESOURCES)
    return replace(given, weights_sha256=result.weights_sha256), result


def test_to_decide_a_candidate_is_trained_as_in_the_search_and_judged_by_validation_images(tmp_path: Path) -> None:
    given = training(Stage.DECIDE, tmp_path)
    result = train_seed(given, RESOURCES)
    assert (result.stage, result.trial, result.seed) == (Stage.DECIDE, 3, 5)
    run = CandidateTraining(given.candidate, few_digits(), seed=5, device="cpu", engine=TORCH)
    for _ in run:
        pass
    validation = few_digits().validation
    predicted = checkpoint_logits(run.checkpoint(), validation.images).argmax(1).numpy()
    assert result.correct is not None
    assert (result.correct == (predicted == validation.labels)).all()
    assert (result.weights_sha256, result.confusion) == (None, None)
    assert list(tmp_path.iterdir()) == [], "its model is not kept"


def test_to_measure_a_member_is_trained_on_all_other_images_and_its_model_is_kept_unjudged(tmp_path: Path) -> None:
    given, result = measured(tmp_path)
    assert (result.stage, result.correct, result.confusion) == (Stage.MEASURE, None, None)
    assert result.seconds > 0
    assert result.weights_sha256 == sha256_of(given.weights)
    checkpoint, others = load_checkpoint(given.weights), load_all_but_test("digits", None)
    assert (checkpoint.candidate, checkpoint.trial, checkpoint.seed) == (given.candidate, 3, 5)
    assert checkpoint.val_accuracy is None
    assert (checkpoint.mean, checkpoint.std) == (others.mean, others.std)


def test_a_model_that_diverges_is_judged_as_any_other(tmp_path: Path) -> None:
    result = train_seed(training(Stage.DECIDE, tmp_path, max_lr=1e30), RESOURCES)
    assert result.correct is not None
    assert result.correct.shape == (300,)
    assert result.correct.mean() < 0.3


def test_kept_models_are_judged_by_the_test_set_each_as_itself(tmp_path: Path) -> None:
    given = [measured(tmp_path, seed=seed, trial=trial)[0] for trial, seed in ((3, 5), (4, 6))]
    results = measure_models(given, RESOURCES)
    test = open_test_set("digits", None)
    for one, result in zip(given, results, strict=True):
        assert (result.stage, result.trial, result.seed) == (Stage.MEASURE, one.trial, one.seed)
        assert result.weights_sha256 == one.weights_sha256
        predicted = checkpoint_logits(load_checkpoint(one.weights), test.images).argmax(1).numpy()
        assert result.correct is not None
        assert (result.correct == (predicted == test.labels)).all()
        expected = np.zeros((10, 10), int)
        np.add.at(expected, (test.labels, predicted), 1)
        assert result.confusion == expected.tolist()
    first, second = (result.correct for result in results)
    assert first is not None
    assert second is not None
    assert (first != second).any()


def test_the_test_set_stays_closed_where_one_file_is_another_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stay_closed(*_: object) -> None:
        raise AssertionError("the test set was opened")

    monkeypatch.setattr("search.confirmation.workers.open_test_set", stay_closed)
    mine, other = (measured(tmp_path, seed=seed)[0] for seed in (5, 6))
    with pytest.raises(AssertionError, match="opened"):
        measure_models([mine, other], RESOURCES)
    other.weights.write_bytes(mine.weights.read_bytes())
    for hashed in (other, replace(other, weights_sha256=None)):
        with pytest.raises(InputError, match="is not the model that trial 3 left"):
            measure_models([mine, hashed], RESOURCES)
    other.weights.unlink()
    with pytest.raises(InputError, match="is not there"):
        measure_models([mine, other], RESOURCES)


def be_lost(_trainings: object, _resources: Resources) -> list[SeedResult]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_worker_lost_while_it_judges_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.confirmation.workers.measure_models", be_lost)
    resources = Resources("digits", None, 100, "cpu", TORCH)
    with (
        SeedWorkers(1, resources) as workers,
        pytest.raises(SearchFailedError, match="No training needs to be repeated"),
    ):
        workers.measure([])


def test_workers_that_are_lost_in_a_row_end_a_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("search.confirmation.workers.train_seed", be_lost)
    monkeypatch.setattr("search.confirmation.workers.MAX_LOSSES", 1)
    with (
        SeedWorkers(1, RESOURCES) as workers,
        pytest.raises(SearchFailedError, match="before one finished a training: is there too little memory"),
    ):
        list(workers.train([training(Stage.DECIDE, tmp_path)]))
    assert capsys.readouterr().err == ""
