from dataclasses import replace

import numpy as np
import pytest
import torch

from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model
from mnist_core.evaluation import predict_logits
from mnist_core.model import build_model
from search.models.agreement import Predictions, check_accuracy, check_classes, check_finite, classify
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError, SearchFailedError
from tests.runners import few_digits

pytestmark = pytest.mark.usefixtures("one_thread")


def checkpoint_of(notation: str = "2s:br p 3v:br gap fc10+") -> Checkpoint:
    """Of a model as it is built: what it takes the images for is as good as random."""
    candidate = CandidateSpec(ArchitectureSpec.from_text(notation))
    weights, data = cpu_weights(build_model(candidate.architecture, seed=1)), few_digits()
    return Checkpoint(candidate, weights, data.mean, data.std, data.name, data.sha256, None, seed=1)


def test_predictions_are_counted_by_true_class_and_predicted_one() -> None:
    labels, predicted = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 2])
    found = Predictions(labels, predicted, np.ones(6, np.float32), num_classes=4)
    assert found.accuracy == 4 / 6
    # A class without images and predictions has its row and column too.
    assert found.confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]


def test_a_model_is_asked_about_every_validation_image() -> None:
    checkpoint, validation = checkpoint_of(), few_digits().validation
    found = classify(checkpoint, few_digits())
    images = torch.tensor(validation.images)
    logits = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
    assert (found.labels == validation.labels).all()
    assert (found.predicted == logits.argmax(1).numpy()).all()
    assert found.confidences == pytest.approx(logits.softmax(1).max(1).values.numpy(), abs=1e-5)
    assert found.confusion.sum() == 300
    assert found.num_classes == 10


@pytest.mark.parametrize(("trial", "says"), [(None, "its file says"), (3, "trial 3 got")])
def test_a_model_that_is_not_as_accurate_as_was_recorded_is_another(trial: int | None, says: str) -> None:
    checkpoint = replace(checkpoint_of(), trial=trial)
    accuracy = classify(checkpoint, few_digits()).accuracy
    for off in (-1, 0, 1):
        recorded = replace(checkpoint, val_accuracy=accuracy + off / 300)
        assert classify(recorded, few_digits()).accuracy == accuracy
    for off in (-2, 2):
        with pytest.raises(SearchFailedError, match=rf"the model gets {accuracy:.4f} on .*, but {says} "):
            classify(replace(checkpoint, val_accuracy=accuracy + off / 300), few_digits())


def test_one_image_is_the_same_accuracy_however_many_there_are() -> None:
    check_accuracy("file", 0.9943, 0.9942, "PyTorch gets", 10_000)
    with pytest.raises(SearchFailedError, match=r"^the file gets 0\.9944 on .*, but PyTorch gets 0\.9942: nothing was"):
        check_accuracy("file", 0.9944, 0.9942, "PyTorch gets", 10_000)
    check_accuracy("file", 0.5, 0.75, "PyTorch gets", 4)


def test_a_model_of_other_classes_is_refused_before_it_is_asked() -> None:
    message = "the model has 7 outputs, but digits has 10 classes"
    with pytest.raises(InputError, match=message):
        classify(checkpoint_of("2s:br gap fc7+"), few_digits())
    with pytest.raises(InputError, match=message):
        check_classes(checkpoint_of("2s:br gap fc7+"), "digits", 10)
    check_classes(checkpoint_of(), "digits", 10)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_one_weight_that_is_not_finite_is_refused(value: float) -> None:
    checkpoint = checkpoint_of()
    name = next(name for name in checkpoint.weights if name.endswith("bias"))
    damaged = checkpoint.weights[name].clone()
    damaged[0] = value
    with pytest.raises(InputError, match="the model's outputs are not finite"):
        classify(replace(checkpoint, weights=dict(checkpoint.weights) | {name: damaged}), few_digits())
    check_finite(True)
