from dataclasses import replace

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import checkpoint_logits, cpu_weights
from mnist_core.data import Dataset, Split
from mnist_core.engine import TORCH, Engine
from mnist_core.model import build_model
from mnist_core.training import DivergedError
from search.workers.training import BALANCED_ACCURACY, CandidateTraining
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from tests.runners import few_digits

NET = "2s:br p 3v:br gap fc10+"

pytestmark = pytest.mark.usefixtures("one_thread")


def training(
    *,
    seed: int = 3,
    engine: Engine = TORCH,
    trial: int | None = None,
    max_lr: float = 0.05,
    metric: str = "accuracy",
    data: Dataset | None = None,
) -> CandidateTraining:
    config = TrainingConfig(epochs=2, batch_size=16, max_lr=max_lr)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), config)
    return CandidateTraining(
        candidate, data or few_digits(), seed=seed, device="cpu", engine=engine, trial=trial, metric=metric
    )


def test_epochs_come_as_they_end_and_stay(engine: Engine) -> None:
    run = training(engine=engine)
    assert run.results == []
    for number, result in enumerate(run, start=1):
        assert result.epoch == number
        assert run.results[-1] is result
    assert [result.epoch for result in run.results] == [1, 2]
    assert run.engine == engine


def test_balanced_accuracy_may_be_what_is_maximised() -> None:
    validation = few_digits().validation
    kept = np.flatnonzero((validation.labels < 5) | (np.arange(len(validation)) % 4 == 0))
    validation = Split(validation.images[kept], validation.labels[kept])
    data = replace(few_digits(), validation=validation)
    plain, balanced = training(data=data), training(data=data, metric=BALANCED_ACCURACY)
    for result, other in zip(plain, balanced, strict=True):
        assert other.val_accuracy == result.val_balanced_accuracy == other.val_balanced_accuracy != result.val_accuracy
    predicted = checkpoint_logits(balanced.checkpoint(), validation.images).argmax(1).numpy()
    right = predicted == validation.labels
    of_classes = [right[validation.labels == label].mean() for label in range(10)]
    assert balanced.results[-1].val_accuracy == pytest.approx(sum(of_classes) / 10)
    assert balanced.checkpoint().val_accuracy == plain.checkpoint().val_accuracy == pytest.approx(right.mean())


def test_the_model_is_what_the_last_epoch_left() -> None:
    run = training(trial=7)
    epochs = iter(run)
    next(epochs)
    first = run.checkpoint()
    assert first.val_accuracy == run.results[0].val_accuracy
    next(epochs)
    last = run.checkpoint()
    assert (last.candidate, last.seed, last.trial, last.dataset) == (run.candidate, 3, 7, "digits")
    assert (last.mean, last.std) == (few_digits().mean, few_digits().std)
    validation = few_digits().validation
    predicted = checkpoint_logits(last, validation.images).argmax(1).numpy()
    right = int((predicted == validation.labels).sum())
    assert last.val_accuracy == run.results[-1].val_accuracy == pytest.approx(right / 300, abs=1.01 / 300)
    # The earlier one is a copy of its own.
    assert any(not torch.equal(tensor, last.weights[name]) for name, tensor in first.weights.items())


def test_a_model_that_saw_the_validation_images_is_not_judged_by_them() -> None:
    run = training()
    next(iter(run))
    checkpoint = run.checkpoint(is_judged=False)
    assert (checkpoint.val_accuracy, checkpoint.trial) == (None, None)


def test_a_model_is_its_seeds_before_it_is_trained() -> None:
    run = training()
    weights = run.checkpoint(is_judged=False).weights
    expected = cpu_weights(build_model(run.candidate.architecture, seed=3))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_training_is_its_seeds() -> None:
    def trained(seed: int) -> dict[str, torch.Tensor]:
        run = training(seed=seed)
        assert len(list(run)) == 2
        return dict(run.checkpoint().weights)

    first, again, other = trained(3), trained(3), trained(4)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_what_the_native_trainer_lacks_torch_trains(native_engine: Engine) -> None:
    assert training(engine=native_engine).engine == native_engine
    adam = TrainingConfig(epochs=1, optimizer="adam")
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), adam)
    run = CandidateTraining(candidate, few_digits(), seed=0, device="cpu", engine=native_engine)
    assert run.engine.library is None


def test_a_training_that_diverges_keeps_its_epochs_and_its_model() -> None:
    run = training(max_lr=1e30)
    with pytest.raises(DivergedError):
        list(run)
    assert len(run.results) <= 1
    assert run.checkpoint(is_judged=False).seed == 3
