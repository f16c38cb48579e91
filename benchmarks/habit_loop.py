"""The usual PyTorch loop (the baseline): torchvision's transforms on PIL images and a DataLoader.

Hand-tuned small nets are usually trained this way. Only the work of each epoch is timed: one pass of training and one
of evaluation.
"""

import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from mnist_core.data import Dataset, Split
from mnist_core.model import build_convolutions
from space.architecture import ArchitectureSpec
from space.layers import AveragePool, Conv, Flatten, GlobalAveragePool, Linear, MaxPool

ROTATION, TRANSLATION = 7.0, 0.1
"""Largest rotation in degrees and largest shift as a fraction of the side, in either direction."""


class PilImages(TorchDataset[tuple[Tensor, int]]):
    def __init__(self, split: Split, *, augmented: bool, mean: float, std: float) -> None:
        # Imported here, since only this loop needs torchvision.
        from torchvision import transforms

        self._images = split.images
        self._labels = split.labels
        augmentation = [
            transforms.RandomRotation(ROTATION, fill=0),
            transforms.RandomAffine(0, translate=(TRANSLATION, TRANSLATION)),
        ]
        self._transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                *(augmentation if augmented else []),
                transforms.ToTensor(),
                transforms.Normalize((mean,), (std,)),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._images[index]), int(self._labels[index])


def plain_model(architecture: ArchitectureSpec) -> nn.Sequential:
    """Build the network from PyTorch's own layers, including dropout."""
    modules: list[nn.Module] = []
    shape = architecture.input_shape
    for layer in architecture.layers:
        match layer:
            case Conv():
                modules += build_convolutions(layer, shape[0])
                modules += [nn.BatchNorm2d(layer.width) if op == "b" else nn.ReLU() for op in layer.ops]
                if layer.dropout:
                    modules.append(nn.Dropout(layer.dropout))
            case MaxPool():
                modules.append(nn.MaxPool2d(layer.size))
            case AveragePool():
                modules.append(nn.AvgPool2d(layer.size))
            case GlobalAveragePool():
                modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            case Flatten():
                modules.append(nn.Flatten())
            case Linear():
                modules.append(nn.Linear(shape[0], layer.width, bias=layer.bias))
        shape = layer.output_shape(shape)
    return nn.Sequential(*modules)


def epoch_by_habit(
    architecture: ArchitectureSpec,
    data: Dataset,
    num_images: int,
    *,
    batch_size: int,
    num_loader_workers: int,
    max_lr: float,
) -> float:
    """Return the seconds of one epoch: training on all of ``data.train``, evaluation on all of ``data.validation``.

    Only ``num_images`` of each are used, and the time is scaled up. Loader workers are started before timing begins,
    since they would last for many epochs.
    """
    model = plain_model(architecture)
    optimizer = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-4)
    train, validation = (
        DataLoader(
            PilImages(
                Split(split.images[:num_images], split.labels[:num_images]),
                augmented=augmented,
                mean=data.mean,
                std=data.std,
            ),
            batch_size,
            shuffle=augmented,
            num_workers=num_loader_workers,
            persistent_workers=num_loader_workers > 0,
            # A spawned process would spawn its loader workers too, which then spend seconds on importing torch.
            multiprocessing_context="fork" if num_loader_workers else None,
        )
        for split, augmented in ((data.train, True), (data.validation, False))
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps=2 * len(train) + 1)
    if num_loader_workers:
        next(iter(train))
        next(iter(validation))
    started = time.perf_counter()
    model.train()
    for images, labels in train:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    trained = time.perf_counter()
    model.eval()
    num_right = 0
    with torch.no_grad():
        for images, labels in validation:
            num_right += int((model(images).argmax(1) == labels).sum())
    evaluated = time.perf_counter()
    return ((trained - started) * len(data.train) + (evaluated - trained) * len(data.validation)) / num_images
