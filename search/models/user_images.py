"""What evaluate prints of the user's own images: the class of each, and accuracy where their folders name classes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from mnist_core.checkpoint import Checkpoint
from mnist_core.evaluation import balanced_accuracy
from search.models.agreement import check_classes, predict_classes
from search.models.images import UserImages, is_inverted, read_images
from search.models.sealed import check_not_sealed
from search.terminal.numbers import format_accuracy
from search.terminal.output import print_json, print_table, print_warnings, say
from space.errors import InputError


def print_classes(
    checkpoint: Checkpoint, path: Path, *, storage: str, data_root: Path | None, strict: bool, as_json: bool
) -> None:
    """Print the class of each image, and how many are right if all lie in folders that are named after classes.

    Raises `InputError` if an image can't be used, if ``strict`` and one does not fit, and if one is in the sealed test
    set of a study in ``storage``.
    """
    check_classes(checkpoint, checkpoint.dataset, len(checkpoint.class_names))
    read = read_images(path, checkpoint.candidate.architecture.input_shape, strict=strict)
    check_not_sealed(read.names, read.images, storage=storage, data_root=data_root)
    images = _with_polarity(read, checkpoint.mean, strict=strict)
    flat = images.reshape(len(images), -1)
    blank = flat.min(1) == flat.max(1)
    if blank.all():
        raise InputError(f"--images {path} shows nothing: no image has pixels of different values")
    print_warnings(
        f"every pixel of {name} has the same value"
        for name, is_blank in zip(read.names, blank, strict=True)
        if is_blank
    )
    for changes, refused in ((read.fitted, " (--strict refuses them)"), (read.converted, "")):
        for what, names in changes.items():
            say(f"note: {what}: {len(names):,} of {len(images):,} images, such as {names[0]}{refused}")
    labels, confidences = predict_classes(checkpoint, images)
    _print(checkpoint, read, labels, confidences.tolist(), as_json=as_json)


def _with_polarity(read: UserImages, mean: float, *, strict: bool) -> NDArray[np.uint8]:
    """Return the images with those inverted that are dark on light where the data are light on dark, or the reverse."""
    if read.images.shape[3] != 1:
        return read.images
    inverted = is_inverted(read.images, mean)
    names = [name for name, is_so in zip(read.names, inverted, strict=True) if is_so]
    if not names:
        return read.images
    found, data = ("light on dark", "dark on light") if mean > 0.5 else ("dark on light", "light on dark")
    if strict:
        raise InputError(f"{names[0]} is {found}, and the data are {data}")
    read.fitted[f"inverted, being {found} where the data are {data}"] = names
    return np.where(inverted[:, np.newaxis, np.newaxis, np.newaxis], 255 - read.images, read.images)


def _print(
    checkpoint: Checkpoint, read: UserImages, labels: NDArray[np.int64], confidences: list[float], *, as_json: bool
) -> None:
    classes = checkpoint.class_names
    named = [folder if folder in classes else None for folder in read.folders]
    if as_json:
        print_json(
            [
                {"file": name, "class": classes[label], "confidence": confidence}
                | ({} if true is None else {"true": true})
                for name, label, confidence, true in zip(read.names, labels.tolist(), confidences, named, strict=True)
            ]
        )
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("class", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    for name, label, confidence in zip(read.names, labels.tolist(), confidences, strict=True):
        # Text, since brackets in a name are not markup.
        table.add_row(Text(name), Text(classes[label]), format_accuracy(confidence))
    print_table(table)
    if any(named):
        _print_accuracy(np.array([classes.index(true) if true else -1 for true in named]), labels, len(classes))


def _print_accuracy(true: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> None:
    known = true >= 0
    accuracy = float((true == predicted)[known].mean())
    balanced = balanced_accuracy(true[known], predicted[known], num_classes)
    print(
        f"{format_accuracy(accuracy)} of {int(known.sum()):,} images are of the class that their folder names; mean of "
        f"the classes' accuracies (balanced accuracy) {format_accuracy(balanced)}"
    )
    if num_other := int((~known).sum()):
        are = "image is" if num_other == 1 else "images are"
        say(f"note: {num_other:,} other {are} in no folder with the name of a class")
