"""The plan of an epoch (order, augmentation, learning rates), made in advance by code that all engines share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.augmentation import Augmentation, draw_augmentation
from mnist_core.schedule import learning_rates, momenta
from mnist_core.seeds import Purpose, purpose_seed
from space.candidate import TrainingConfig
from space.layers import INPUT_SHAPE, Shape
from space.results import EpochResult

STATISTICS_IMAGES = 10_240
"""Largest number of images over which BatchNorm's statistics are measured: about a fifth of MNIST's."""


@dataclass(frozen=True)
class EpochPlan:
    """Everything about an epoch that is decided before it begins."""

    order: NDArray[np.int64]
    """Indices of the images, in the order in which batches take them."""
    augmentation: Augmentation
    """How each image in that order is changed."""
    learning_rates: NDArray[np.float64]
    """Learning rate of each step."""
    momenta: NDArray[np.float64]
    """Momentum of each step."""
    dropout_seed: int


def plan_epoch(
    config: TrainingConfig,
    epoch: int,
    num_images: int,
    results: Sequence[EpochResult],
    seed: int,
    *,
    input_shape: Shape = INPUT_SHAPE,
) -> EpochPlan:
    """Plan an epoch, counted from 1; ``results`` are those of the epochs before it."""
    order, drawn = (
        np.random.default_rng(purpose_seed(seed, purpose, epoch)) for purpose in (Purpose.ORDER, Purpose.AUGMENTATION)
    )
    steps = num_steps(num_images, config.batch_size)
    is_augmented = epoch <= config.epochs - config.plain_epochs
    return EpochPlan(
        order=order.permutation(num_images),
        augmentation=(
            draw_augmentation(config, num_images, input_shape[1:], drawn) if is_augmented else Augmentation()
        ),
        learning_rates=learning_rates(config, epoch, steps, results),
        momenta=momenta(config, epoch, steps),
        dropout_seed=purpose_seed(seed, Purpose.DROPOUT, epoch),
    )


def plan_statistics(config: TrainingConfig, num_images: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of the training images over which BatchNorm's statistics are measured, batch by batch.

    Batches are whole, since all count alike in the averages, unless there are fewer images than one batch takes.
    """
    num_batches = max(1, min(STATISTICS_IMAGES, num_images) // config.batch_size)
    order = np.random.default_rng(purpose_seed(seed, Purpose.STATISTICS)).permutation(num_images)
    return order[: num_batches * config.batch_size]


def num_steps(num_images: int, batch_size: int) -> int:
    """Return the number of batches in an epoch.

    A single image left over joins the last batch: BatchNorm cannot normalise one image of 1x1 maps.
    """
    return max(1, math.ceil((num_images - 1) / batch_size))


def plan_class_weights(
    config: TrainingConfig, labels: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64] | None:
    """Return the (num_classes,) factors of the loss for training on images with these labels; None if all are 1.

    A class without images has no factor that anything would use, and gets 0.
    """
    if config.class_weights == "none":
        return None
    counts = np.bincount(labels, minlength=num_classes)
    present = counts > 0
    weights: NDArray[np.float64] = np.zeros(num_classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights
