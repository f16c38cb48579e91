"""Datasets of images with numpy: their training, validation and test images, split and checked.

Only `open_test_set` opens the test files.
"""

import gzip
import hashlib
import importlib.util
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data_files import (
    IMAGES_FILE,
    LABELS_FILE,
    SOURCES,
    TEST_IMAGES_FILE,
    TEST_LABELS_FILE,
    find_root,
    read_pair,
)
from space.candidate import TrainingConfig
from space.errors import InputError
from space.layers import Shape

SPLIT_SEED = 0
"""Seed of the split into training and validation images, the same for all studies, so that they are comparable."""


@dataclass(frozen=True)
class Split:
    images: NDArray[np.uint8]
    """(N, height, width, channels) bytes; grey images have one channel, and 0 is their background."""
    labels: NDArray[np.int64]
    """(N,) class numbers."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    name: str
    train: Split
    validation: Split
    mean: float
    """Mean of the training split's pixels, of all channels together, scaled to 0..1."""
    std: float
    sha256: str
    """SHA-256 of the images and labels before the split."""
    class_names: tuple[str, ...]
    """Name of the class of each label."""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def input_shape(self) -> Shape:
        """(channels, height, width) of the images."""
        _, height, width, channels = self.train.images.shape
        return channels, height, width

    @property
    def warnings(self) -> list[str]:
        """A sentence for the training and the validation images each, if a class is missing from them."""
        parts = (
            (f"training images of {self.name}", self.train),
            (f"validation images of {self.name}", self.validation),
        )
        return [warning for what, split in parts for warning in warnings_of(split, what, self.num_classes)]


_CLASS_NAMES = {
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
}
"""Names of classes in the order of the labels, where they are not the labels themselves."""
DATASET_NAMES = (*SOURCES, "digits")
_DIGITS_SPLIT = (1_197, 300)


def find_data_root(name: str, data_root: Path | None = None) -> Path | None:
    """Return the root whose ``<folder>/raw`` holds the dataset, downloading it if it is absent; None for digits.

    Looks only in ``data_root`` if given, else only in ``SEARCH_DATA_ROOT`` if set, else in ``./data``, else in
    ``../shared/data``. Raises `InputError` for an unknown name, or if the files are absent and cannot be downloaded.
    """
    check_dataset_name(name)
    if name == "digits":
        return None
    source = SOURCES[name]
    roots = [Path("data"), Path("../shared/data")]
    if environment := os.environ.get("SEARCH_DATA_ROOT"):
        roots = [Path(environment)]
    if data_root is not None:
        roots = [data_root]
    return find_root(source, roots)


def load_dataset(name: str, data_root: Path | None, *, train_size: int | None = None) -> Dataset:
    """Read the training files and split them, stratified, into training and validation images.

    ``data_root`` comes from `find_data_root`. ``train_size`` keeps only that many training images, stratified; the
    validation images are never reduced. Raises `InputError` for a damaged file, an impossible size, and images from
    which nothing can be learnt.
    """
    whole, num_train, num_validation = _read_training_images(name, data_root)
    # BatchNorm cannot train on a single image of 1x1 maps.
    if train_size is not None and not 2 <= train_size <= num_train:
        raise InputError(f"--train-size must be from 2 to {num_train} for {name}, not {train_size}")
    generator = np.random.default_rng(SPLIT_SEED)
    validation, rest = _stratified(whole, num_validation, generator)
    train, _ = _stratified(rest, num_train if train_size is None else train_size, generator)
    return _dataset(name, train, validation, whole)


def load_all_but_test(name: str, data_root: Path | None) -> Dataset:
    """Load a dataset whose training images are all images outside the test set, including the validation images.

    Accuracy on its validation images is therefore no estimate of accuracy on new images.
    """
    data = load_dataset(name, data_root)
    if name == "digits":  # the file holds the test set as well
        train, validation = data.train, data.validation
        outside = Split(
            np.concatenate([train.images, validation.images]), np.concatenate([train.labels, validation.labels])
        )
    else:
        outside, _, _ = _read_training_images(name, data_root)
    mean, std = _pixel_statistics(outside.images)
    return replace(data, train=outside, mean=mean, std=std)


def open_test_set(name: str, data_root: Path | None) -> Split:
    """Read the sealed test set.

    Callers must record that they opened it and must not choose anything by the result; `confirm` is the only command
    of `python -m search` that calls this. Raises `InputError` for a file that is missing or damaged, and for images
    with which nothing can be measured.
    """
    if name == "digits":
        whole, num_train, num_validation = _read_training_images(name, data_root)
        generator = np.random.default_rng(SPLIT_SEED)
        _, rest = _stratified(whole, num_validation, generator)
        _, test = _stratified(rest, num_train, generator)
        return test
    assert data_root is not None
    test = Split(*read_pair(data_root, SOURCES[name], TEST_IMAGES_FILE, TEST_LABELS_FILE))
    _check_usable(f"test images of {name}", test, "measure")
    return test


def warnings_of(split: Split, what: str, num_classes: int) -> list[str]:
    """Return a sentence if a class is missing from ``split``; ``what`` names it, such as "test images of mnist"."""
    missing = [str(label) for label in sorted(set(range(num_classes)) - set(split.labels.tolist()))]
    noun = "class" if len(missing) == 1 else "classes"
    return [f"the {what} hold none of {noun} {', '.join(missing)}"] if missing else []


def check_same_data(data: Dataset, sha256: str, made: str) -> None:
    """Raise `InputError` if ``data`` has another hash; ``made`` ends the message, such as "trial 3 was trained on"."""
    if data.sha256 != sha256:
        raise InputError(f"the {data.name} found here is not the one that {made}")


def _read_training_images(name: str, data_root: Path | None) -> tuple[Split, int, int]:
    """Return the unsealed images (for digits, all images), and how many are for training and for validation."""
    check_dataset_name(name)
    if name == "digits":
        return _read_digits(), *_DIGITS_SPLIT
    assert data_root is not None
    source = SOURCES[name]
    whole = Split(*read_pair(data_root, source, IMAGES_FILE, LABELS_FILE))
    if len(whole) < source.validation_size + 2:
        raise InputError(
            f"{data_root / source.folder} holds {len(whole):,} training image{'' if len(whole) == 1 else 's'}; "
            f"{source.validation_size:,} of them are taken for validation, and at least 2 must be left to train on"
        )
    return whole, len(whole) - source.validation_size, source.validation_size


def _check_usable(what: str, split: Split, purpose: str) -> None:
    """Raise `InputError` for images from which nothing can be learnt, or with which nothing can be measured."""
    if len(split) < 2:
        raise InputError(f"there is 1 image among the {what}: it takes 2 to {purpose} anything")
    if split.images.min() == split.images.max():
        raise InputError(f"every pixel of the {what} has the same value: there is nothing to {purpose}")
    labels = np.unique(split.labels)
    if len(labels) < 2:
        raise InputError(f"all {what} are of class {labels[0]}: it takes two classes to {purpose} anything")


def _dataset(name: str, train: Split, validation: Split, hashed: Split) -> Dataset:
    _check_usable(f"training images of {name}", train, "learn")
    _check_usable(f"validation images of {name}", validation, "measure")
    mean, std = _pixel_statistics(train.images)
    digest = hashlib.sha256(hashed.images.data)
    digest.update(hashed.labels.astype(np.uint8).data)
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        mean=mean,
        std=std,
        sha256=digest.hexdigest(),
        class_names=known_class_names(name, 10),
    )


def known_class_names(name: str, num_classes: int) -> tuple[str, ...]:
    """Return the names of the classes of the dataset ``name``; numbers if nothing is known of it."""
    return _CLASS_NAMES.get(name, tuple(map(str, range(num_classes))))


def normalised_for(data: Dataset, config: TrainingConfig) -> Dataset:
    """Return the dataset with the mean and standard deviation of ``config``, if it sets them."""
    mean = data.mean if config.pixel_mean is None else config.pixel_mean
    std = data.std if config.pixel_std is None else config.pixel_std
    return replace(data, mean=mean, std=std)


def check_dataset_name(name: str) -> None:
    if name not in DATASET_NAMES:
        raise InputError(f"--dataset must be one of {', '.join(DATASET_NAMES)}, not {name!r}")


def _read_digits() -> Split:
    """Return scikit-learn's 1,797 digits, enlarged bilinearly from 8x8 pixels of 0..16 to 28x28 pixels of 0..255."""
    from scipy.ndimage import zoom

    table = _digits_table()
    images = zoom(table[:, :-1].reshape(-1, 8, 8), (1, 3.5, 3.5), order=1, grid_mode=True, mode="nearest")
    return Split(np.rint(images * (255 / 16)).astype(np.uint8)[..., np.newaxis], table[:, -1].astype(np.int64))


def _digits_table() -> NDArray[np.float64]:
    """Return (1797, 65): the pixels of each digit, then its label.

    They are read from scikit-learn's file if it is found, since importing scikit-learn takes two seconds.
    """
    package = importlib.util.find_spec("sklearn")
    for folder in package.submodule_search_locations or () if package else ():
        path = Path(folder) / "datasets/data/digits.csv.gz"
        if path.is_file():
            with gzip.open(path, "rt") as file:
                return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    digits = load_digits()
    return np.column_stack([digits.data, digits.target])


def _pixel_statistics(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the mean and standard deviation of the pixels, scaled to 0..1, from their histogram.

    Counts a thousand images at a time, since numpy makes a copy of eight bytes per pixel and workers never free memory.
    """
    thousands = (images[first : first + 1000].ravel() for first in range(0, len(images), 1000))
    shares = sum(np.bincount(pixels, minlength=256) for pixels in thousands) / images.size
    values = np.arange(256) / 255
    mean = float(shares @ values)
    return mean, float(np.sqrt(shares @ (values - mean) ** 2))


def _stratified(split: Split, size: int, generator: np.random.Generator) -> tuple[Split, Split]:
    """Draw ``size`` images, keeping class proportions to within one image; returns the drawn and the rest, in order."""
    labels = np.unique(split.labels)
    classes = [generator.permutation(np.flatnonzero(split.labels == label)) for label in labels]
    shares = np.array([len(members) for members in classes]) * (size / len(split))
    counts = np.floor(shares).astype(int)
    # The classes with the largest remainders get the images that rounding down left over.
    counts[np.argsort(counts - shares, kind="stable")[: size - counts.sum()]] += 1
    drawn = np.zeros(len(split), dtype=bool)
    for members, count in zip(classes, counts, strict=True):
        drawn[members[:count]] = True
    return Split(split.images[drawn], split.labels[drawn]), Split(split.images[~drawn], split.labels[~drawn])
