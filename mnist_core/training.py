"""Training as a generator of epoch results."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from mnist_core.data import Dataset, normalised_for
from mnist_core.engine import TORCH, Engine
from mnist_core.evaluation import Evaluation
from mnist_core.model import Network
from mnist_core.native.session import NativeSession
from mnist_core.plan import EpochPlan, num_steps, plan_epoch, plan_statistics
from mnist_core.torch_session import TorchSession
from space.candidate import CandidateSpec, TrainingConfig
from space.results import EpochResult


class DivergedError(ArithmeticError):
    """The loss is no longer finite."""


@dataclass
class TrainingState:
    """Everything except the model's weights that is needed to resume training after an epoch."""

    results: list[EpochResult] = field(default_factory=list)
    """Results of the epochs so far."""
    optimizer: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    """``momentum`` for SGD, or ``exp_avg`` and ``exp_avg_sq`` for Adam: arrays of shape (num_params,), in the order of
    the model's parameters. The same for every engine."""
    predicted: NDArray[np.int64] | None = None
    """(N,): the class that the model predicted for each validation image after the latest epoch; None before the first
    epoch of a training that goes on from a file, which does not hold it."""


class Session(Protocol):
    """One training with one engine; holds the data, the optimiser's state and the model."""

    def train_epoch(self, plan: EpochPlan) -> Evaluation:
        """Train the model for an epoch.

        Returns the mean of the minimised loss and the accuracy, both with the weights of each step.
        """
        ...

    def measure_statistics(self, order: NDArray[np.int64]) -> None:
        """Replace BatchNorm's running statistics by averages over the batches of the training images ``order``.

        There is no augmentation, dropout or update. As by `torch.optim.swa_utils.update_bn`, batches are normalised by
        themselves, and their means and unbiased variances averaged.
        """
        ...

    def evaluate(self) -> Evaluation:
        """Return loss and accuracy on the validation images."""
        ...

    def optimizer_state(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of the optimiser's state in the form of `TrainingState.optimizer`."""
        ...

    def load_optimizer_state(self, state: dict[str, NDArray[np.float32]], num_steps: int) -> None:
        """Restore the state that `optimizer_state` returned after ``num_steps`` steps."""
        ...


def train(
    model: Network,
    data: Dataset,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    engine: Engine = TORCH,
    state: TrainingState | None = None,
) -> Iterator[EpochResult]:
    """Train ``model`` in place and yield after each of ``config.epochs`` epochs, or until it stops early.

    On the CPU with one thread, the weights after each epoch are bit-identical for the same seed and engine. Given a
    ``state``, training resumes after its epochs from the model's weights, as if it had never been interrupted; the
    state is updated before each result is yielded. Raises `DivergedError`, naming the epoch, at the end of an epoch
    whose training or validation loss was not finite.
    """
    state = state or TrainingState()
    data = normalised_for(data, config)
    session = _open_session(model, data, config, device=torch.device(device), engine=engine)
    num_images = len(data.train)
    steps = num_steps(num_images, config.batch_size)
    if state.results:
        session.load_optimizer_state(state.optimizer, len(state.results) * steps)
    while not is_over(config, state.results):
        epoch = len(state.results) + 1
        started = time.perf_counter()
        plan = plan_epoch(config, epoch, num_images, state.results, seed, input_shape=data.input_shape)
        training = session.train_epoch(plan)
        if not math.isfinite(training.loss):
            raise DivergedError(f"the training loss was {training.loss} in epoch {epoch}")
        validation = _validate(session, epoch)
        result = EpochResult(
            epoch=epoch,
            train_loss=training.loss,
            train_accuracy=training.accuracy,
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            learning_rate=float(plan.learning_rates[-1]),
            seconds=time.perf_counter() - started,
            val_balanced_accuracy=validation.balanced_accuracy,
        )
        if config.precise_batch_norm and is_over(config, [*state.results, result]):
            session.measure_statistics(plan_statistics(config, num_images, seed))
            validation = _validate(session, epoch)
            # If the new accuracy is no reason to stop, training goes on: the stored results alone tell when it is over.
            result = replace(
                result,
                val_loss=validation.loss,
                val_accuracy=validation.accuracy,
                seconds=time.perf_counter() - started,
                val_balanced_accuracy=validation.balanced_accuracy,
            )
        state.optimizer = session.optimizer_state()
        state.predicted = validation.predicted
        state.results.append(result)
        yield result


def is_over(config: TrainingConfig, results: Sequence[EpochResult]) -> bool:
    """Return whether a training with these results has finished its epochs or should stop early."""
    if len(results) >= config.epochs:
        return True
    accuracies = [result.val_accuracy for result in results]
    if config.stop_accuracy is not None and accuracies and max(accuracies) >= config.stop_accuracy:
        return True
    if config.patience is None or not accuracies:
        return False
    return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= config.patience


def _validate(session: Session, epoch: int) -> Evaluation:
    validation = session.evaluate()
    # The epoch's last update may have diverged, which no training loss shows.
    if not math.isfinite(validation.loss):
        raise DivergedError(f"the validation loss was {validation.loss} in epoch {epoch}")
    return validation


def _open_session(
    model: Network, data: Dataset, config: TrainingConfig, *, device: torch.device, engine: Engine
) -> Session:
    engine = engine.for_candidate(CandidateSpec(model.architecture, config))
    if engine.library is not None:
        return NativeSession(engine.library, model, data, config)
    return TorchSession(model, data, config, device=device, bfloat16=engine.bfloat16)
