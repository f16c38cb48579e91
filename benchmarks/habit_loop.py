"""The training loop that hand-tuned small nets are trained with: torchvision's transforms on PIL images and a
DataLoader, for comparison. The clock counts what repeats in every epoch.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from space.architecture import ArchitectureSpec
from space.layers import INPUT_SHAPE, Conv, Flatten, GlobalAveragePool, Linear, MaxPool

ROTATION, TRANSLATION = 7.0, 0.1
"""Degrees and a fraction of the side, either way."""


class PilImages(TorchDataset[tuple[Tensor, int]]):
    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64], *, mean: float, std: float) -> None:
        # Here, since only this loop needs torchvision.
        from torchvision import transforms

        self._images = images
        self._labels = labels
        self._transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomRotation(ROTATION, fill=0),
                transforms.RandomAffine(0, translate=(TRANSLATION, TRANSLATION)),
                transforms.ToTensor(),
                transforms.Normalize((mean,), (std,)),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._images[index]), int(self._labels[index])


def plain_model(architecture: ArchitectureSpec) -> nn.Sequential:
    """The network of PyTorch's own layers, dropout included."""
    modules: list[nn.Module] = []
    shape = INPUT_SHAPE
    for layer in architecture.layers:
        match layer:
            case Conv():
                modules.append(nn.Conv2d(shape[0], layer.width, layer.kernel, padding=layer.padding, bias=layer.bias))
                modules += [nn.BatchNorm2d(layer.width) if op == "b" else nn.ReLU() for op in layer.ops]
                if layer.dropout:
                    modules.append(nn.Dropout(layer.dropout))
            case MaxPool():
                modules.append(nn.MaxPool2d(layer.size))
            case GlobalAveragePool():
                modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            case Flatten():
                modules.append(nn.Flatten())
            case Linear():
                modules.append(nn.Linear(shape[0], layer.width, bias=layer.bias))
        shape = layer.output_shape(shape)
    return nn.Sequential(*modules)


def train_by_habit(
    architecture: ArchitectureSpec, dataset: PilImages, *, batch_size: int, num_loader_workers: int, max_lr: float
) -> float:
    """Seconds of one pass over the images. Loader workers are started before the clock, as for many epochs."""
    model = plain_model(architecture)
    optimizer = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-4)
    loader = DataLoader(
        dataset,
        batch_size,
        shuffle=True,
        num_workers=num_loader_workers,
        persistent_workers=num_loader_workers > 0,
        # A spawned process would spawn its loader workers too, which then spend seconds on importing torch.
        multiprocessing_context="fork" if num_loader_workers else None,
        drop_last=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps=2 * len(loader) + 1)
    model.train()
    if num_loader_workers:
        next(iter(loader))
    started = time.perf_counter()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return time.perf_counter() - started
