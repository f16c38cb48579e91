"""The command evaluate: a trained model's accuracy on validation images, or its classes for the user's images."""

import math
from pathlib import Path

import torch

from mnist_core.checkpoint import Checkpoint, restore_model
from mnist_core.data import Dataset, find_data_again, find_data_root, load_dataset
from mnist_core.datasets.sources import AnyDataset
from mnist_core.evaluation import evaluate
from search.models.agreement import check_data, check_finite
from search.models.names import load_model
from search.models.user_images import print_classes
from search.terminal.numbers import format_accuracy
from search.terminal.output import print_json, print_warnings, say
from space.errors import InputError


def print_evaluation(
    model: str,
    *,
    study: str | None,
    storage: str,
    dataset: AnyDataset | None,
    data_root: Path | None,
    images: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Print accuracy and loss on validation images or, if ``images`` is given, the class of each image.

    If ``strict``, those ``images`` are not fitted to the model's.

    Raises `InputError` if the model or the images can't be used, or if the dataset has other classes than the model.
    """
    if dataset is not None and images is not None:
        raise InputError("give --dataset or --images, not both")
    checkpoint = load_model(model, storage=storage, study=study)
    if images is not None:
        print_classes(checkpoint, images, storage=storage, data_root=data_root, strict=strict, as_json=as_json)
    elif dataset is None:
        its_own = checkpoint.source or checkpoint.dataset
        root = find_data_again(its_own, checkpoint.dataset_sha256, data_root, tell=say)
        _print_accuracy(checkpoint, load_dataset(its_own, root), as_json=as_json)
    else:
        data = load_dataset(dataset, find_data_root(dataset, data_root, tell=say))
        _print_accuracy(checkpoint, data, as_json=as_json)


def _print_accuracy(checkpoint: Checkpoint, data: Dataset, *, as_json: bool) -> None:
    print_warnings(data.warnings)
    check_data(checkpoint, data)
    dataset = data.name
    same_images = data.sha256 == checkpoint.dataset_sha256
    if dataset == checkpoint.dataset and not same_images:
        hashes = f"{data.sha256[:12]}..., not {checkpoint.dataset_sha256[:12]}..."
        print_warnings([f"the {dataset} found here is not the one that the model was trained on (SHA-256 {hashes})"])
    images, labels = torch.tensor(data.validation.images), torch.tensor(data.validation.labels)
    measured = evaluate(restore_model(checkpoint), images, labels, mean=checkpoint.mean, std=checkpoint.std)
    check_finite(math.isfinite(measured.loss))
    candidate = checkpoint.candidate
    if same_images and checkpoint.val_accuracy is None:
        say("note: the model was trained on these images as well, so this is no estimate")
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
