"""Training with the native trainer; the PyTorch model's weights are updated after every epoch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_core.data import Dataset
from mnist_core.evaluation import Evaluation, evaluation_of
from mnist_core.model import Network
from mnist_core.native.trainer import NativeTrainer, Totals
from mnist_core.plan import EpochPlan, plan_class_weights
from space.candidate import TrainingConfig


class NativeSession:
    def __init__(self, library: Path, model: Network, data: Dataset, config: TrainingConfig) -> None:
        self._data = data
        self._config = config
        self._parameters = list(model.parameters())
        # Each BatchNorm has a running mean, a running variance and a count of steps.
        buffers = list(model.buffers())
        self._statistics = [buffer for buffer in buffers if buffer.is_floating_point()]
        self._step_counts = [buffer for buffer in buffers if not buffer.is_floating_point()]
        self._params = _flatten(self._parameters)
        self._flat_statistics = _flatten(self._statistics)
        self._velocity = np.zeros_like(self._params)
        self.seconds: dict[str, float] = {}
        """Time of the latest epoch, by part of the training steps."""
        self._class_weights = plan_class_weights(config, data.train.labels, data.num_classes)
        self._trainer = NativeTrainer(library, model.architecture, batch_size=config.batch_size)

    def train_epoch(self, plan: EpochPlan) -> Evaluation:
        data = self._data
        self._trainer.seed_dropout(plan.dropout_seed)
        totals = self._trainer.train(
            data.train.images,
            data.train.labels,
            plan.order,
            plan.augmentation.transforms,
            plan.learning_rates,
            plan.momenta,
            params=self._params,
            velocity=self._velocity,
            statistics=self._flat_statistics,
            mean=data.mean,
            std=data.std,
            config=self._config,
            tones=plan.augmentation.tones,
            class_weights=self._class_weights,
        )
        self.seconds = totals.seconds
        _unflatten(self._params, self._parameters)
        _unflatten(self._flat_statistics, self._statistics)
        for count in self._step_counts:
            count += len(plan.learning_rates)
        return _mean(totals, len(plan.order))

    def measure_statistics(self, order: NDArray[np.int64]) -> None:
        if not self._statistics:
            return
        data = self._data
        num_batches = self._trainer.measure_statistics(
            data.train.images,
            data.train.labels,
            order,
            params=self._params,
            statistics=self._flat_statistics,
            mean=data.mean,
            std=data.std,
            config=self._config,
        )
        _unflatten(self._flat_statistics, self._statistics)
        for count in self._step_counts:
            count.fill_(num_batches)

    def evaluate(self) -> Evaluation:
        data = self._data
        totals, predicted = self._trainer.evaluate(
            data.validation.images,
            data.validation.labels,
            params=self._params,
            statistics=self._flat_statistics,
            mean=data.mean,
            std=data.std,
        )
        labels = data.validation.labels
        return evaluation_of(labels, predicted, loss=totals.loss / len(labels), num_classes=data.num_classes)

    def optimizer_state(self) -> dict[str, NDArray[np.float32]]:
        return {"momentum": self._velocity.copy()}

    def load_optimizer_state(self, state: dict[str, NDArray[np.float32]], num_steps: int) -> None:
        self._velocity[:] = state["momentum"]


def _mean(totals: Totals, num_images: int) -> Evaluation:
    return Evaluation(loss=totals.loss / num_images, accuracy=totals.num_right / num_images)


def _flatten(tensors: Sequence[Tensor]) -> NDArray[np.float32]:
    return np.concatenate([np.zeros(0, np.float32), *(tensor.detach().numpy().ravel() for tensor in tensors)])


@torch.no_grad()
def _unflatten(flat: NDArray[np.float32], tensors: Sequence[Tensor]) -> None:
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, values in zip(tensors, torch.split(torch.from_numpy(flat), sizes), strict=True):
        tensor.copy_(values.view(tensor.shape))
