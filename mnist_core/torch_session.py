"""Training with PyTorch: the reference, for every layer and device."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mnist_core.augmentation import normalise, transform_images
from mnist_core.data import Dataset
from mnist_core.evaluation import Evaluation, evaluate
from mnist_core.model import Network, seed_dropout
from space.candidate import TrainingConfig

AUGMENTED_TOGETHER = 512
"""Images."""


class TorchSession:
    def __init__(
        self, model: Network, data: Dataset, config: TrainingConfig, *, seed: int, device: torch.device
    ) -> None:
        model.to(device).to(memory_format=torch.channels_last)
        seed_dropout(model, seed, device)
        self._model = model
        self._data = data
        self._config = config
        self._device = device
        self._images, self._labels, self._val_images, self._val_labels = (
            torch.tensor(array, device=device)
            for split in (data.train, data.validation)
            for array in (split.images, split.labels)
        )
        self._optimizer = torch.optim.SGD(
            model.parameters(),
            lr=config.max_lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            weight_decay=config.weight_decay,
            fused=device.type in ("cpu", "cuda"),
        )

    def train_epoch(
        self,
        order: NDArray[np.int64],
        transforms: NDArray[np.float32] | None,
        learning_rates: NDArray[np.float64],
    ) -> Evaluation:
        self._model.train()
        losses, num_right = [], []
        batches = self._batches(order, transforms, len(learning_rates))
        for (inputs, labels), learning_rate in zip(batches, learning_rates.tolist(), strict=True):
            for group in self._optimizer.param_groups:
                group["lr"] = learning_rate
            loss, logits = self._step(inputs, labels)
            # Summed up at the end of the epoch: an accelerator need not wait for the host at each step.
            losses.append(loss * len(labels))
            num_right.append((logits.argmax(1) == labels).sum())
        return Evaluation(
            loss=float(torch.stack(losses).sum()) / len(order),
            accuracy=int(torch.stack(num_right).sum()) / len(order),
        )

    def evaluate(self) -> Evaluation:
        return evaluate(self._model, self._val_images, self._val_labels, mean=self._data.mean, std=self._data.std)

    def _batches(
        self, order: NDArray[np.int64], transforms: NDArray[np.float32] | None, num_batches: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, several augmented together: at 32 images the calls cost more than the pixels."""
        size = self._config.batch_size
        indices = torch.from_numpy(order).to(self._device)
        maps = None if transforms is None else torch.from_numpy(transforms).to(self._device)
        together = max(1, AUGMENTED_TOGETHER // size)
        for first in range(0, num_batches, together):
            ends = [*range(first, min(first + together, num_batches) + 1)]
            # The last batch takes all that is left.
            bounds = [len(order) if end == num_batches else end * size for end in ends]
            chunk = slice(bounds[0], bounds[-1])
            pixels = self._images[indices[chunk]]
            moved = pixels if maps is None else transform_images(pixels, maps[chunk])
            inputs = normalise(moved, self._data.mean, self._data.std).to(memory_format=torch.channels_last)
            yield from _split(inputs, self._labels[indices[chunk]], bounds)

    def _step(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One update. Returns the mean loss and the logits, detached."""
        config = self._config
        logits = self._model(inputs)
        loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if config.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._model.parameters(), config.clip_norm)
        self._optimizer.step()
        return loss.detach(), logits.detach()


def _split(inputs: Tensor, labels: Tensor, bounds: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    sizes = [end - start for start, end in itertools.pairwise(bounds)]
    return zip(torch.split(inputs, sizes), torch.split(labels, sizes), strict=True)
