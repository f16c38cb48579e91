"""Training with PyTorch, the reference engine, which supports every layer and device."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.augmentation import Augmentation, augment
from mnist_core.data import Dataset
from mnist_core.evaluation import Evaluation, evaluate
from mnist_core.model import Network, seed_dropout
from mnist_core.plan import EpochPlan, plan_class_weights
from space.candidate import TrainingConfig

ADAM_BETA2 = 0.999
AUGMENTED_TOGETHER = 512
"""Number of images that are augmented in one call."""


_SGD_STATE = {"momentum": "momentum_buffer"}
_ADAM_STATE = {"exp_avg": "exp_avg", "exp_avg_sq": "exp_avg_sq"}


class TorchSession:
    def __init__(
        self,
        model: Network,
        data: Dataset,
        config: TrainingConfig,
        *,
        device: torch.device,
        bfloat16: bool = False,
    ) -> None:
        model.to(device).to(memory_format=torch.channels_last)
        self._model = model
        self._data = data
        self._config = config
        self._device = device
        self._bfloat16 = bfloat16
        self._images, self._labels, self._val_images, self._val_labels = (
            # Shared with the dataset, and through it with other processes; PyTorch wants arrays that may be written.
            torch.as_tensor(array if array.flags.writeable else array.copy(), device=device)
            for split in (data.train, data.validation)
            for array in (split.images, split.labels)
        )
        weights = plan_class_weights(config, data.train.labels, data.num_classes)
        self._class_weights = None if weights is None else torch.tensor(weights, dtype=torch.float32, device=device)
        self._optimizer = _make_optimizer(model, config, fused=device.type in ("cpu", "cuda"))

    def train_epoch(self, plan: EpochPlan) -> Evaluation:
        seed_dropout(self._model, plan.dropout_seed, self._device)
        self._model.train()
        losses, num_right = [], []
        batches = self._batches(plan.order, plan.augmentation, len(plan.learning_rates))
        settings = zip(plan.learning_rates.tolist(), plan.momenta.tolist(), strict=True)
        for (inputs, labels), (learning_rate, momentum) in zip(batches, settings, strict=True):
            for group in self._optimizer.param_groups:
                group["lr"] = learning_rate
                if "betas" in group:
                    group["betas"] = (momentum, group["betas"][1])
                else:
                    group["momentum"] = momentum
            loss, logits = self._step(inputs, labels)
            # Summed at the end of the epoch, so that an accelerator need not wait for the host at each step.
            losses.append(loss * len(labels))
            num_right.append((logits.argmax(1) == labels).sum())
        return Evaluation(
            loss=float(torch.stack(losses).sum()) / len(plan.order),
            accuracy=int(torch.stack(num_right).sum()) / len(plan.order),
        )

    @torch.no_grad()
    def measure_statistics(self, order: NDArray[np.int64]) -> None:
        norms = [module for module in self._model.modules() if isinstance(module, nn.BatchNorm2d)]
        if not norms:
            return
        self._model.eval()
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.train()
            norm.reset_running_stats()
            norm.momentum = None  # averages all batches
        num_batches = max(1, len(order) // self._config.batch_size)
        for inputs, _ in self._batches(order, Augmentation(), num_batches):
            self._model(inputs)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        self._model.train()

    def evaluate(self) -> Evaluation:
        return evaluate(self._model, self._val_images, self._val_labels, mean=self._data.mean, std=self._data.std)

    def optimizer_state(self) -> dict[str, NDArray[np.float32]]:
        parameters = list(self._model.parameters())
        return {
            name: np.concatenate([self._stored(parameter, its) for parameter in parameters])
            for name, its in self._state_names().items()
        }

    def load_optimizer_state(self, state: dict[str, NDArray[np.float32]], num_steps: int) -> None:
        parameters = list(self._model.parameters())
        sizes = [parameter.numel() for parameter in parameters]
        for name, its in self._state_names().items():
            flat = torch.from_numpy(state[name]).to(self._device)
            for parameter, values in zip(parameters, torch.split(flat, sizes), strict=True):
                stored = torch.empty_like(parameter).copy_(values.view(parameter.shape))
                self._optimizer.state[parameter][its] = stored
        if self._config.optimizer == "adam":
            for parameter in parameters:
                self._optimizer.state[parameter]["step"] = torch.tensor(float(num_steps), device=self._device)

    def _stored(self, parameter: Tensor, name: str) -> NDArray[np.float32]:
        # SGD without momentum stores nothing.
        stored: Tensor = self._optimizer.state[parameter].get(name, torch.zeros_like(parameter))
        return stored.cpu().numpy().ravel()

    def _state_names(self) -> dict[str, str]:
        """Map the names in `TrainingState` to the optimiser's names."""
        return _ADAM_STATE if self._config.optimizer == "adam" else _SGD_STATE

    def _batches(
        self, order: NDArray[np.int64], augmentation: Augmentation, num_batches: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of one epoch; several are augmented at once: calls for 32 images are mostly overhead."""
        size = self._config.batch_size
        indices = torch.from_numpy(order).to(self._device)
        together = max(1, AUGMENTED_TOGETHER // size)
        for first in range(0, num_batches, together):
            ends = [*range(first, min(first + together, num_batches) + 1)]
            # The last batch takes all remaining images.
            bounds = [len(order) if end == num_batches else end * size for end in ends]
            chunk = slice(bounds[0], bounds[-1])
            pixels = self._images[indices[chunk]]
            inputs = augment(pixels, augmentation.of(chunk), self._data.mean, self._data.std)
            inputs = inputs.to(memory_format=torch.channels_last)
            yield from _split(inputs, self._labels[indices[chunk]], bounds)

    def _step(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Make one update; returns the mean loss and the logits, both detached."""
        config = self._config
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16):
            logits = self._model(inputs).float()
            loss = self._loss(logits, labels)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), config.clip_norm)
        self._optimizer.step()
        return loss.detach(), logits.detach()

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        smoothing = self._config.label_smoothing
        if self._class_weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=smoothing)
        losses = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        # Divided by the number of images, not by the sum of their weights as in torch's weighted mean: a batch that
        # happens to hold rare classes counts for more.
        return (losses * self._class_weights[labels]).mean()


def _split(inputs: Tensor, labels: Tensor, bounds: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    sizes = [end - start for start, end in itertools.pairwise(bounds)]
    return zip(torch.split(inputs, sizes), torch.split(labels, sizes), strict=True)


def _make_optimizer(model: Network, config: TrainingConfig, *, fused: bool) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": config.max_lr, "weight_decay": config.weight_decay, "fused": fused}
    if config.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), betas=(config.momentum, ADAM_BETA2), **shared)
    return torch.optim.SGD(model.parameters(), momentum=config.momentum, nesterov=config.nesterov, **shared)
