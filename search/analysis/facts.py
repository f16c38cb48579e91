"""Facts about a trained model, counted from its layers and measured on the validation images."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from mnist_core.augmentation import augment, draw_augmentation
from mnist_core.checkpoint import Checkpoint
from mnist_core.data import Dataset
from mnist_core.seeds import Purpose, purpose_seed
from search.models.agreement import classify
from search.models.rules import REQUIREMENTS, Rule, check_rules
from space.architecture import ArchitectureSpec
from space.results import EpochResult
from space.summary import LayerSummary, peak_activation_bytes, summarise
from studies.confirmations import ConfirmedPoint

NUM_LAST_EPOCHS = 5
"""Number of last epochs over which the range of the accuracy is reported."""
NUM_MISTAKES_SHOWN = 48
NUM_INPUTS_SHOWN = 40


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained model and where it comes from."""

    checkpoint: Checkpoint
    title: str
    origin: str
    """Where the model comes from, in one or two sentences."""
    epochs: tuple[EpochResult, ...]
    """Epochs of the model's training; empty if they are not known."""
    max_params: int
    limit: str
    """Where the limit `max_params` comes from."""
    confirmed: ConfirmedPoint | None = None
    """What a confirmation measured of the model's candidate; None unless it is a member of a confirmed front."""
    openings: tuple[tuple[datetime, int], ...] = ()
    """When that confirmation opened the test set, in UTC, and for how many models, earliest first."""
    is_balanced: bool = False
    """Whether the validation accuracies of the epochs are balanced ones, the metric of a search."""

    @property
    def architecture(self) -> ArchitectureSpec:
        return self.checkpoint.candidate.architecture

    @property
    def epoch(self) -> int | None:
        """The epoch of the model's weights, if known; for weights kept as the best it may not be the last."""
        if self.is_balanced and self.epochs:  # of a trial, whose weights are the last
            return self.epochs[-1].epoch
        accuracy = self.checkpoint.val_accuracy
        if self.epochs and self.epochs[-1].val_accuracy == accuracy:
            return self.epochs[-1].epoch
        return next((result.epoch for result in self.epochs if result.val_accuracy == accuracy), None)


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class. A ratio without images or predictions in its denominator is 0."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    """Number of validation images of the class."""


@dataclass(frozen=True)
class Mistake:
    index: int
    """Index of the image among the validation images, counted from 0."""
    label: int
    predicted: int
    confidence: float
    """Softmax probability of the predicted class."""


@dataclass(frozen=True, eq=False)
class Analysis:
    subject: Subject
    data: Dataset
    confusion: NDArray[np.int64]
    """(classes, classes): the true class by row, the predicted one by column."""
    mistakes: tuple[Mistake, ...]
    """All mistakes, the most confident first."""
    scores: tuple[ClassScore, ...]
    rules: tuple[Rule, ...]

    @property
    def num_images(self) -> int:
        return len(self.data.validation)

    @property
    def measured_accuracy(self) -> float:
        """Accuracy of these weights as measured by this analysis."""
        return int(np.trace(self.confusion)) / self.num_images

    @property
    def val_accuracy(self) -> float:
        """Plain validation accuracy after the last epoch if the epochs tell it, else that of these weights."""
        epochs = self.subject.epochs
        return epochs[-1].val_accuracy if epochs and not self.subject.is_balanced else self.measured_accuracy

    @property
    def standard_error(self) -> float:
        """Binomial standard error of `val_accuracy` for the number of validation images."""
        return math.sqrt(self.val_accuracy * (1 - self.val_accuracy) / self.num_images)

    @property
    def shown_mistakes(self) -> tuple[Mistake, ...]:
        return self.mistakes[:NUM_MISTAKES_SHOWN]

    @property
    def last_epochs(self) -> tuple[EpochResult, ...]:
        return self.subject.epochs[-NUM_LAST_EPOCHS:]

    @property
    def steadiness(self) -> dict[str, float] | None:
        """Lowest and highest validation accuracy of the last epochs and their difference; None if not known."""
        if not self.last_epochs:
            return None
        accuracies = [result.val_accuracy for result in self.last_epochs]
        lowest, highest = min(accuracies), max(accuracies)
        return {"num_epochs": len(accuracies), "lowest": lowest, "highest": highest, "spread": highest - lowest}

    @cached_property
    def layers(self) -> list[LayerSummary]:
        return summarise(self.subject.architecture)

    @property
    def peak_activation_bytes(self) -> int:
        return peak_activation_bytes(self.subject.architecture)

    def to_json(self) -> dict[str, Any]:
        checkpoint = self.subject.checkpoint
        return {
            "title": self.subject.title,
            "origin": self.subject.origin,
            **checkpoint.candidate.to_json(),
            "num_params": checkpoint.candidate.num_params,
            "num_macs": sum(row.num_macs for row in self.layers),
            "weights_bytes": sum(row.param_bytes for row in self.layers),
            "peak_activation_bytes": self.peak_activation_bytes,
            "dataset": checkpoint.dataset,
            "dataset_sha256": checkpoint.dataset_sha256,
            "seed": checkpoint.seed,
            "trial": checkpoint.trial,
            "num_images": self.num_images,
            "val_accuracy": self.val_accuracy,
            "standard_error": self.standard_error,
            "measured_accuracy": self.measured_accuracy,
            "epoch": self.subject.epoch,
            "confirmed": self.subject.confirmed and asdict(self.subject.confirmed),
            "test_openings": [
                {"opened": opened.isoformat(), "num_models": num_models} for opened, num_models in self.subject.openings
            ],
            "rules": [asdict(rule) for rule in self.rules],
            "layers": [row.to_json() for row in self.layers],
            "epochs": [asdict(result) for result in self.subject.epochs] or None,
            "last_epochs": self.steadiness,
            "class_names": list(checkpoint.class_names),
            "confusion": self.confusion.tolist(),
            "classes": [asdict(score) for score in self.scores],
            "num_mistakes": len(self.mistakes),
            "mistakes": [asdict(mistake) for mistake in self.mistakes],
        }


def analyse_model(subject: Subject, data: Dataset) -> Analysis:
    """Classify the validation images with the model. Raises the errors of `search.models.agreement.classify`."""
    found = classify(subject.checkpoint, data)
    wrong = np.flatnonzero(found.predicted != found.labels)
    return Analysis(
        subject=subject,
        data=data,
        confusion=found.confusion,
        mistakes=tuple(
            Mistake(int(index), int(found.labels[index]), int(found.predicted[index]), float(found.confidences[index]))
            for index in wrong[np.argsort(-found.confidences[wrong], kind="stable")]
        ),
        scores=_class_scores(found.labels, found.predicted, subject.checkpoint.class_names),
        rules=tuple(check_rules(subject.architecture, max_params=subject.max_params, required=list(REQUIREMENTS))),
    )


def sample_inputs(analysis: Analysis) -> tuple[NDArray[np.uint8], list[str]]:
    """Return some training images as (N, height, width, channels) bytes, as in training, and their classes."""
    checkpoint, split = analysis.subject.checkpoint, analysis.data.train
    config = checkpoint.candidate.training
    generator = np.random.default_rng(purpose_seed(checkpoint.seed, Purpose.AUGMENTATION, 1))
    chosen = generator.choice(len(split), min(NUM_INPUTS_SHOWN, len(split)), replace=False)
    images = torch.tensor(split.images[chosen])
    if config.augments:
        sides = analysis.data.input_shape[1:]
        augmentation = draw_augmentation(config, len(chosen), sides, generator)
        # As the model sees them, and then as bytes again.
        inputs = augment(images, augmentation, checkpoint.mean, checkpoint.std)
        pixels = (inputs * checkpoint.std + checkpoint.mean) * 255
        images = pixels.permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8)
    return images.numpy(), [checkpoint.class_names[label] for label in split.labels[chosen]]


def _class_scores(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], names: Sequence[str]
) -> tuple[ClassScore, ...]:
    columns = precision_recall_fscore_support(labels, predicted, labels=range(len(names)), zero_division=0.0)
    return tuple(
        ClassScore(name, float(precision), float(recall), float(f1), int(support))
        for name, precision, recall, f1, support in zip(names, *columns, strict=True)
    )
