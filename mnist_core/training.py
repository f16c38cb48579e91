"""Training as a generator of epoch results."""

import math
import time
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_core.augmentation import normalise, random_affine
from mnist_core.data import Dataset
from mnist_core.evaluation import evaluate
from mnist_core.model import seed_dropout
from mnist_core.schedule import one_cycle
from mnist_core.seeds import Purpose, purpose_seed
from space.candidate import TrainingConfig
from space.results import EpochResult

AUGMENTED_TOGETHER = 512
"""Images."""


class DivergedError(ArithmeticError):
    """The loss stopped being a finite number."""


def train(
    model: nn.Module, data: Dataset, config: TrainingConfig, *, seed: int, device: torch.device | str = "cpu"
) -> Iterator[EpochResult]:
    """Train ``model`` in place and yield after each of ``config.epochs`` epochs.

    On the CPU with one thread, the weights after each epoch are the same bit for bit for the same seed.
    Raises `DivergedError`, naming the epoch, at the end of an epoch whose training or validation loss was
    not finite.
    """
    device = torch.device(device)
    model.to(device).to(memory_format=torch.channels_last)
    images, labels = (torch.tensor(array, device=device) for array in (data.train.images, data.train.labels))
    val_images, val_labels = (
        torch.tensor(array, device=device) for array in (data.validation.images, data.validation.labels)
    )
    order = torch.Generator().manual_seed(purpose_seed(seed, Purpose.ORDER))
    augmentation = torch.Generator(device).manual_seed(purpose_seed(seed, Purpose.AUGMENTATION))
    seed_dropout(model, seed, device)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config.max_lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
    bounds = batch_bounds(len(labels), config.batch_size)
    total_steps = config.epochs * len(bounds)
    step = 0
    for epoch in range(1, config.epochs + 1):
        started = time.perf_counter()
        model.train()
        permutation = torch.randperm(len(labels), generator=order).to(device)
        losses, num_right = [], []
        batches = _augmented_batches(images[permutation], labels[permutation], bounds, data, config, augmentation)
        for inputs, targets in batches:
            learning_rate = one_cycle(
                step,
                total_steps,
                max_lr=config.max_lr,
                pct_start=config.pct_start,
                div_factor=config.div_factor,
                final_div_factor=config.final_div_factor,
                anneal=config.anneal,
            )
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            loss, logits = _step(model, optimizer, inputs, targets, config)
            # Summed up at the end of the epoch: an accelerator need not wait for the host at each step.
            losses.append(loss * len(targets))
            num_right.append((logits.argmax(1) == targets).sum())
            step += 1
        train_loss = float(torch.stack(losses).sum()) / len(labels)
        if not math.isfinite(train_loss):
            raise DivergedError(f"the training loss was {train_loss} in epoch {epoch}")
        validation = evaluate(model, val_images, val_labels, mean=data.mean, std=data.std)
        # The epoch's last update may be the one that went wrong: no training loss has seen it.
        if not math.isfinite(validation.loss):
            raise DivergedError(f"the validation loss was {validation.loss} in epoch {epoch}")
        yield EpochResult(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=int(torch.stack(num_right).sum()) / len(labels),
            val_loss=validation.loss,
            val_accuracy=validation.accuracy,
            learning_rate=learning_rate,
            seconds=time.perf_counter() - started,
        )


def batch_bounds(num_images: int, batch_size: int) -> list[tuple[int, int]]:
    """First and end index of each batch.

    A single image left over joins the last batch: BatchNorm cannot normalise one image of 1x1 maps.
    """
    starts = list(range(0, num_images, batch_size))
    if len(starts) > 1 and num_images - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], num_images], strict=True))


def _augmented_batches(
    images: Tensor,
    labels: Tensor,
    bounds: Sequence[tuple[int, int]],
    data: Dataset,
    config: TrainingConfig,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of one epoch. Several are augmented together: at 32 images the calls cost more than the pixels."""
    together = max(1, AUGMENTED_TOGETHER // config.batch_size)
    for some in (bounds[i : i + together] for i in range(0, len(bounds), together)):
        offset, end = some[0][0], some[-1][1]
        moved = random_affine(
            images[offset:end],
            rotation=config.rotation,
            translation=config.translation,
            scale=config.scale,
            generator=generator,
        )
        inputs = normalise(moved, data.mean, data.std).to(memory_format=torch.channels_last)
        for first, last in some:
            yield inputs[first - offset : last - offset], labels[first:last]


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, config: TrainingConfig
) -> tuple[Tensor, Tensor]:
    """One update. Returns the mean loss and the logits, detached."""
    logits = model(inputs)
    loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if config.clip_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
    optimizer.step()
    return loss.detach(), logits.detach()
