"""Unpacked images as a dataset: its arrays are mapped into memory, and not copied unless a part of them is wanted."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mnist_core.datasets.contents import Split, pixel_statistics
from mnist_core.datasets.dataset import Dataset, check_usable, stratified
from mnist_core.datasets.sources import ImageSource
from mnist_core.datasets.unpacking import IMAGES_FILE, LABELS_FILE, map_array, read_about
from space.errors import InputError

SUBSET_SEED = 0
"""Seed of the choice of fewer training images, the same for all studies, so that they are comparable."""


def load_unpacked(source: ImageSource, folder: Path, *, train_size: int | None) -> Dataset:
    """Return the dataset in a cache folder that `unpack` returned.

    ``train_size`` keeps only that many training images, stratified. Raises `InputError` for an impossible size, images
    from which nothing can be learnt, and a damaged folder.
    """
    about = read_about(folder)
    images, labels = map_array(folder, IMAGES_FILE), np.asarray(map_array(folder, LABELS_FILE))
    train = Split(images[: about.num_train], labels[: about.num_train])
    validation = Split(images[about.num_train :], labels[about.num_train :])
    mean, std = about.train_statistics
    if train_size is not None:
        if not 2 <= train_size <= about.num_train:
            raise InputError(f"--train-size must be from 2 to {about.num_train} for {source.name}, not {train_size}")
        train, _ = stratified(train, train_size, np.random.default_rng(SUBSET_SEED))
        mean, std = pixel_statistics(train.images)
    check_usable(f"training images of {source.name}", train, "learn")
    check_usable(f"validation images of {source.name}", validation, "measure")
    return Dataset(
        name=source.name,
        train=train,
        validation=validation,
        mean=mean,
        std=std,
        sha256=about.sha256,
        class_names=about.class_names,
        source=source,
        num_test=about.num_test,
        notes=about.notes,
        cautions=about.warnings,
    )


def join_parts(data: Dataset, folder: Path) -> Dataset:
    """Return a dataset whose training images are all those outside the test set, including the validation images."""
    images, labels = map_array(folder, IMAGES_FILE), np.asarray(map_array(folder, LABELS_FILE))
    mean, std = read_about(folder).all_but_test_statistics
    return replace(data, train=Split(images, labels), mean=mean, std=std)
