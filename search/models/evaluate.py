"""The command evaluate: a trained model's accuracy on validation images, or its classes for the user's images."""

import math
import sys
from pathlib import Path

import torch
from rich.table import Table
from rich.text import Text

from mnist_core.checkpoint import Checkpoint, checkpoint_logits, restore_model
from mnist_core.data import check_dataset_name, find_data_root, load_dataset
from mnist_core.evaluation import evaluate
from search.models.agreement import check_classes, check_finite
from search.models.images import read_images
from search.models.names import load_model
from search.terminal.numbers import format_accuracy
from search.terminal.output import print_json, print_table, print_warnings
from space.errors import InputError


def print_evaluation(
    model: str,
    *,
    study: str | None,
    storage: str,
    dataset: str | None,
    data_root: Path | None,
    images: Path | None,
    as_json: bool,
) -> None:
    """Print accuracy and loss on validation images or, if ``images`` is given, the class of each image.

    Raises `InputError` if the model or the images can't be used, or if the dataset has other classes than the model.
    """
    if dataset is not None and images is not None:
        raise InputError("give --dataset or --images, not both")
    if dataset is not None:
        check_dataset_name(dataset)
    checkpoint = load_model(model, storage=storage, study=study)
    if images is not None:
        _print_classes(checkpoint, images, as_json=as_json)
    else:
        _print_accuracy(checkpoint, checkpoint.dataset if dataset is None else dataset, data_root, as_json=as_json)


def _print_accuracy(checkpoint: Checkpoint, dataset: str, data_root: Path | None, *, as_json: bool) -> None:
    data = load_dataset(dataset, find_data_root(dataset, data_root))
    print_warnings(data.warnings)
    check_classes(checkpoint, dataset, data.num_classes)
    same_images = data.sha256 == checkpoint.dataset_sha256
    if dataset == checkpoint.dataset and not same_images:
        hashes = f"{data.sha256[:12]}..., not {checkpoint.dataset_sha256[:12]}..."
        print_warnings([f"the {dataset} found here is not the one that the model was trained on (SHA-256 {hashes})"])
    images, labels = torch.tensor(data.validation.images), torch.tensor(data.validation.labels)
    measured = evaluate(restore_model(checkpoint), images, labels, mean=checkpoint.mean, std=checkpoint.std)
    check_finite(math.isfinite(measured.loss))
    candidate = checkpoint.candidate
    if same_images and checkpoint.val_accuracy is None:
        print("note: the model was trained on these images as well, so this is no estimate", file=sys.stderr)
    if as_json:
        print_json(
            {
                "notation": str(candidate.architecture),
                "num_params": candidate.num_params,
                "dataset": dataset,
                "num_images": len(labels),
                "val_accuracy": measured.accuracy,
                "val_loss": measured.loss,
                "val_accuracy_when_trained": checkpoint.val_accuracy if same_images else None,
            }
        )
        return
    when_trained = ""
    if same_images and checkpoint.val_accuracy is not None:
        when_trained = f" ({format_accuracy(checkpoint.val_accuracy)} when it was trained)"
    print(f"{candidate.num_params:,} parameters: {candidate.architecture}")
    print(
        f"{format_accuracy(measured.accuracy)} of {len(labels):,} validation images of {dataset}{when_trained}, "
        f"loss {measured.loss:.4f}"
    )


def _print_classes(checkpoint: Checkpoint, path: Path, *, as_json: bool) -> None:
    check_classes(checkpoint, checkpoint.dataset, len(checkpoint.class_names))
    names, images = read_images(path)
    blank = images.min((1, 2, 3)) == images.max((1, 2, 3))
    if blank.all():
        raise InputError(f"--images {path} shows nothing: no image has pixels of different values")
    print_warnings(
        f"every pixel of {name} has the same value" for name, is_blank in zip(names, blank, strict=True) if is_blank
    )
    logits = checkpoint_logits(checkpoint, images)
    check_finite(bool(logits.isfinite().all()))
    if images.mean() > 127:
        print(
            f"note: the mean pixel is {images.mean():.0f} of 255, as of dark on light; light on dark is expected",
            file=sys.stderr,
        )
    best = logits.softmax(1).max(1)
    classes = [checkpoint.class_names[label] for label in best.indices.tolist()]
    rows = list(zip(names, classes, best.values.tolist(), strict=True))
    if as_json:
        print_json([{"file": name, "class": label, "confidence": confidence} for name, label, confidence in rows])
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("class", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    for name, label, confidence in rows:
        table.add_row(Text(name), label, format_accuracy(confidence))  # Text, since brackets in a name are not markup
    print_table(table)
