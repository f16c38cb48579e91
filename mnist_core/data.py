"""Datasets of images with numpy: their training, validation and test images, split and checked.

Only `open_test_set` opens the test files.
"""

import gzip
import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data_files import (
    DATASET_NAMES,
    IMAGES_FILE,
    LABELS_FILE,
    SOURCES,
    TEST_IMAGES_FILE,
    TEST_LABELS_FILE,
    find_root,
    holds_all,
    read_pair,
)
from mnist_core.datasets import unpacking
from mnist_core.datasets.contents import Split as Split
from mnist_core.datasets.contents import pixel_statistics
from mnist_core.datasets.dataset import Dataset as Dataset
from mnist_core.datasets.dataset import check_usable, stratified
from mnist_core.datasets.dataset import warnings_of as warnings_of
from mnist_core.datasets.parting import digests_of
from mnist_core.datasets.sources import AnyDataset, ImageSource
from mnist_core.datasets.unpacked import join_parts, load_unpacked
from mnist_core.datasets.unpacking import find_unpacked, map_array, unpack
from space.candidate import TrainingConfig
from space.errors import InputError
from space.image_kinds import ImageKind

SPLIT_SEED = 0
"""Seed of the split into training and validation images, the same for all studies, so that they are comparable."""


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
_DIGITS_SPLIT = (1_197, 300)


def _say_nothing(line: str) -> None:
    pass


def find_data_root(
    dataset: AnyDataset, data_root: Path | None = None, *, tell: Callable[[str], None] = _say_nothing
) -> Path | None:
    """Return the folder that the other functions here read a dataset from; None for digits.

    For images of one's own this is the cache folder that they are unpacked into, now or by an earlier call; ``tell`` is
    given a line before they are read. For the others it is the root whose ``<folder>/raw`` holds the dataset, which is
    downloaded if it is absent: only ``data_root`` is looked into if given, else only ``SEARCH_DATA_ROOT`` if set, else
    ``./data``, else ``../shared/data``. Raises `InputError` for an unknown name, images that can't be used, and files
    that are absent and cannot be downloaded.
    """
    if isinstance(dataset, ImageSource):
        return unpack(dataset, _roots(data_root), tell)
    check_dataset_name(dataset)
    return None if dataset == "digits" else find_root(SOURCES[dataset], _roots(data_root))


def find_present_root(name: str, data_root: Path | None) -> Path | None:
    """Return the root that `find_data_root` finds a named dataset in, or None where it would download it."""
    return next((root for root in _roots(data_root) if name in SOURCES and holds_all(root, SOURCES[name])), None)


def find_kind(
    dataset: AnyDataset, data_root: Path | None = None, *, tell: Callable[[str], None] = _say_nothing
) -> ImageKind:
    """Return the shape and the number of classes of a dataset; images of one's own are unpacked for that."""
    if not isinstance(dataset, ImageSource):
        check_dataset_name(dataset)
        return ImageKind(dataset)
    data = load_dataset(dataset, find_data_root(dataset, data_root, tell=tell))
    return ImageKind(data.name, data.input_shape, data.num_classes)


def find_data_again(
    dataset: AnyDataset, sha256: str, data_root: Path | None, *, tell: Callable[[str], None] = _say_nothing
) -> Path | None:
    """Return what `find_data_root` returned when something was made with a dataset of this hash.

    Images of one's own are taken from the cache, even if their folder has changed or moved since. Raises `InputError`
    if they are neither there nor where they were.
    """
    if not isinstance(dataset, ImageSource):
        return find_data_root(dataset, data_root)
    if folder := find_unpacked(sha256):
        return folder
    try:
        return find_data_root(dataset, data_root, tell=tell)
    except InputError as error:
        raise InputError(
            f"{error}; images were read from there, and the cache holds no copy of them any more"
        ) from None


def _roots(data_root: Path | None) -> list[Path]:
    if data_root is not None:
        return [data_root]
    environment = os.environ.get("SEARCH_DATA_ROOT")
    return [Path(environment)] if environment else [Path("data"), Path("../shared/data")]


def load_dataset(dataset: AnyDataset, data_root: Path | None, *, train_size: int | None = None) -> Dataset:
    """Read the training images and split them, stratified, into training and validation images.

    ``data_root`` comes from `find_data_root`. ``train_size`` keeps only that many training images, stratified; the
    validation images are never reduced. Raises `InputError` for a damaged file, an impossible size, and images from
    which nothing can be learnt.
    """
    if isinstance(dataset, ImageSource):
        assert data_root is not None
        return load_unpacked(dataset, data_root, train_size=train_size)
    name = dataset
    whole, num_train, num_validation = _read_training_images(name, data_root)
    # BatchNorm cannot train on a single image of 1x1 maps.
    if train_size is not None and not 2 <= train_size <= num_train:
        raise InputError(f"--train-size must be from 2 to {num_train} for {name}, not {train_size}")
    generator = np.random.default_rng(SPLIT_SEED)
    validation, rest = stratified(whole, num_validation, generator)
    train, _ = stratified(rest, num_train if train_size is None else train_size, generator)
    return _dataset(name, train, validation, whole)


def load_all_but_test(dataset: AnyDataset, data_root: Path | None) -> Dataset:
    """Load a dataset whose training images are all images outside the test set, including the validation images.

    Accuracy on its validation images is therefore no estimate of accuracy on new images.
    """
    data = load_dataset(dataset, data_root)
    if isinstance(dataset, ImageSource):
        assert data_root is not None
        return join_parts(data, data_root)
    if dataset == "digits":  # the file holds the test set as well
        train, validation = data.train, data.validation
        outside = Split(
            np.concatenate([train.images, validation.images]), np.concatenate([train.labels, validation.labels])
        )
    else:
        outside, _, _ = _read_training_images(dataset, data_root)
    mean, std = pixel_statistics(outside.images)
    return replace(data, train=outside, mean=mean, std=std)


def open_test_set(dataset: AnyDataset, data_root: Path | None) -> Split:
    """Read the sealed test set.

    Callers must record that they opened it and must not choose anything by the result; `confirm` is the only command
    of `python -m search` that calls this. Raises `InputError` for a file that is missing or damaged, and for images
    with which nothing can be measured.
    """
    test = _read_test_set(dataset, data_root)
    check_usable(f"test images of {dataset}", test, "measure")
    return test


def hash_test_set(dataset: AnyDataset, data_root: Path | None) -> NDArray[np.uint8]:
    """Return (N, 16) digests of the sealed test images, by which they are recognised (see `digests_of`).

    This is no opening of the test set, since no prediction is compared with a label. ``data_root`` comes from
    `find_data_root`; raises `InputError` as `open_test_set` does.
    """
    if isinstance(dataset, ImageSource):
        assert data_root is not None
        return np.asarray(map_array(data_root, unpacking.SEALED_FILE))
    return digests_of(_read_test_set(dataset, data_root).images)


def _read_test_set(dataset: AnyDataset, data_root: Path | None) -> Split:
    if isinstance(dataset, ImageSource):
        assert data_root is not None
        return Split(
            map_array(data_root, unpacking.TEST_IMAGES_FILE),
            np.asarray(map_array(data_root, unpacking.TEST_LABELS_FILE)),
        )
    if dataset == "digits":
        whole, num_train, num_validation = _read_training_images(dataset, data_root)
        generator = np.random.default_rng(SPLIT_SEED)
        _, rest = stratified(whole, num_validation, generator)
        _, test = stratified(rest, num_train, generator)
        return test
    assert data_root is not None
    return Split(*read_pair(data_root, SOURCES[dataset], TEST_IMAGES_FILE, TEST_LABELS_FILE))


def check_same_data(data: Dataset, sha256: str, made: str) -> None:
    """Raise `InputError` if ``data`` has another hash; ``made`` says of which, such as "trial 3 was trained on"."""
    if data.sha256 != sha256:
        where, remedy = "found here", "restore it, or name its folder with --data-root"
        if data.source is not None:
            where, remedy = f"in {data.source.location}", "restore the images"
        raise InputError(f"the {data.name} {where} is not the one that {made}: {remedy}")


def validation_size(name: str) -> int | None:
    """Return the number of validation images of a dataset, or None for own images, of which each folder has its own."""
    if name == "digits":
        return _DIGITS_SPLIT[1]
    return SOURCES[name].validation_size if name in SOURCES else None


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


def _dataset(name: str, train: Split, validation: Split, hashed: Split) -> Dataset:
    check_usable(f"training images of {name}", train, "learn")
    check_usable(f"validation images of {name}", validation, "measure")
    mean, std = pixel_statistics(train.images)
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
    table = _digits_table()
    images = _enlarge(table[:, :-1].reshape(-1, 8, 8), 28)
    return Split(np.rint(images * (255 / 16)).astype(np.uint8)[..., np.newaxis], table[:, -1].astype(np.int64))


def _enlarge(images: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return square images, (N, height, height), enlarged bilinearly to (N, size, size).

    scipy.ndimage.zoom does the same, but a process takes 0.4 seconds to import it. The products are taken and added in
    its order: pixels of 127.5 are frequent, and studies know the images by their checksum.
    """
    height = images.shape[1]
    centres = np.clip((np.arange(size) + 0.5) * (height / size) - 0.5, 0, height - 1)
    first = np.minimum(centres.astype(np.int64), height - 2)
    weights = (first + 1 - centres, centres - first)
    enlarged = np.zeros((len(images), size, size))
    for row in (0, 1):
        for column in (0, 1):
            pixels = images[:, first + row][:, :, first + column]
            enlarged += pixels * weights[row][:, np.newaxis] * weights[column]
    return enlarged


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
