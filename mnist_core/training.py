"""Training as a generator of epoch results."""

import math
import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_core.augmentation import draw_transforms
from mnist_core.data import Dataset
from mnist_core.engine import TORCH, Engine
from mnist_core.evaluation import Evaluation
from mnist_core.model import Network
from mnist_core.native.session import NativeSession
from mnist_core.schedule import one_cycle
from mnist_core.seeds import Purpose, purpose_seed
from mnist_core.torch_session import TorchSession
from space.candidate import TrainingConfig
from space.results import EpochResult


class DivergedError(ArithmeticError):
    """The loss stopped being a finite number."""


class Session(Protocol):
    """What an engine does for one training: it holds the data, the optimiser's state and the model."""

    def train_epoch(
        self,
        order: NDArray[np.int64],
        transforms: NDArray[np.float32] | None,
        learning_rates: NDArray[np.float64],
    ) -> Evaluation:
        """Train the model on the images in ``order``, each under its transform; the i-th step has the i-th rate.

        Returns the mean of the loss that was minimised and the accuracy, as the weights were at each step.
        """
        ...

    def evaluate(self) -> Evaluation:
        """Loss and accuracy on the validation images."""
        ...


def train(
    model: Network,
    data: Dataset,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    engine: Engine = TORCH,
) -> Iterator[EpochResult]:
    """Train ``model`` in place and yield after each of ``config.epochs`` epochs.

    On the CPU with one thread, the weights after each epoch are the same bit for bit for the same seed and engine.
    Raises `DivergedError`, naming the epoch, at the end of an epoch whose training or validation loss was not finite.
    """
    library = engine.for_network(model.architecture).library
    session: Session
    if library is not None:
        session = NativeSession(library, model, data, config, seed=seed)
    else:
        session = TorchSession(model, data, config, seed=seed, device=torch.device(device))
    order, augmentation = (
        np.random.default_rng(purpose_seed(seed, purpose)) for purpose in (Purpose.ORDER, Purpose.AUGMENTATION)
    )
    num_images = len(data.train)
    steps = num_steps(num_images, config.batch_size)
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        learning_rates = np.array([_learning_rate(config, (epoch - 1) * steps + step, steps) for step in range(steps)])
        transforms = draw_transforms(
            num_images,
            rotation=config.rotation,
            translation=config.translation,
            scale=config.scale,
            generator=augmentation,
        )
        training = session.train_epoch(order.permutation(num_images), transforms, learning_rates)
        if not math.isfinite(training.loss):
            raise DivergedError(f"the training loss was {training.loss} in epoch {epoch}")
        validation = session.evaluate()
        # The epoch's last update may be the one that went wrong: no training loss has seen it.
        if not math.isfinite(validation.loss):
            raise DivergedError(f"the validation loss was {validation.loss} in epoch {epoch}")
        yield EpochResult(
            epoch=epoch,
            train_loss=training.loss,
            train_accuracy=training.accuracy,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            learning_rate=float(learning_rates[-1]),
            seconds=time.perf_counter() - started,
        )


def num_steps(num_images: int, batch_size: int) -> int:
    """Batches of an epoch.

    A single image left over joins the last batch: BatchNorm cannot normalise one image of 1x1 maps.
    """
    return max(1, math.ceil((num_images - 1) / batch_size))


def _learning_rate(config: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    return one_cycle(
        step,
        config.epochs * steps_per_epoch,
        max_lr=config.max_lr,
        pct_start=config.pct_start,
        div_factor=config.div_factor,
        final_div_factor=config.final_div_factor,
        anneal=config.anneal,
    )
