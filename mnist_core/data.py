"""Finding, checking, reading and splitting MNIST-shaped datasets with numpy; torch is imported only to download.

Only `open_test_set` opens the test files.
"""

import contextlib
import gzip
import hashlib
import importlib.util
import math
import multiprocessing
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from space.candidate import TrainingConfig
from space.errors import InputError

SPLIT_SEED = 0
"""Seed of the split into training and validation images, the same for all studies, so that they are comparable."""

DOWNLOAD_SECONDS = 600


@dataclass(frozen=True)
class Split:
    images: NDArray[np.uint8]
    """(N, 28, 28) bytes; 0 is background."""
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
    """Mean of the training split's pixels, scaled to 0..1."""
    std: float
    sha256: str
    """SHA-256 of the images and labels before the split."""
    num_classes: int = 10


@dataclass(frozen=True)
class _Source:
    """A dataset in MNIST's file layout, below a data root."""

    folder: str
    """Folder of the dataset, which is also torchvision's name for it."""
    validation_size: int
    sha256: dict[str, str]
    """Known hashes of the uncompressed files; empty if none are known."""


IMAGES_FILE, LABELS_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES_FILE, TEST_LABELS_FILE = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
_MNIST_SHA256 = {
    IMAGES_FILE: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    LABELS_FILE: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES_FILE: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS_FILE: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_SOURCES = {
    "mnist": _Source("MNIST", 10_000, _MNIST_SHA256),
    "fashion-mnist": _Source("FashionMNIST", 10_000, {}),
    "kmnist": _Source("KMNIST", 10_000, {}),
}
DATASET_NAMES = (*_SOURCES, "digits")
_DIGITS_SPLIT = (1_197, 300)


def find_data_root(name: str, data_root: Path | None = None) -> Path | None:
    """Return the root whose ``<folder>/raw`` holds the dataset, downloading it if it is absent; None for digits.

    Looks only in ``data_root`` if given, else only in ``SEARCH_DATA_ROOT`` if set, else in ``./data``, else in
    ``../shared/data``. Raises `InputError` for an unknown name, or if the files are absent and cannot be downloaded.
    """
    check_dataset_name(name)
    if name == "digits":
        return None
    source = _SOURCES[name]
    roots = [Path("data"), Path("../shared/data")]
    if environment := os.environ.get("SEARCH_DATA_ROOT"):
        roots = [Path(environment)]
    if data_root is not None:
        roots = [data_root]
    for root in roots:
        if all(_find_file(root, source, file) for file in (IMAGES_FILE, LABELS_FILE)):
            return root
    _download(source.folder, roots[0])
    return roots[0]


def load_dataset(name: str, data_root: Path | None, *, train_size: int | None = None) -> Dataset:
    """Read the training files and split them, stratified, into training and validation images.

    ``data_root`` comes from `find_data_root`. ``train_size`` keeps only that many training images, stratified; the
    validation images are never reduced. Raises `InputError` for a corrupt file or an impossible size.
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
    of `python -m search` that calls this. Raises `InputError` for a file that is missing or corrupt.
    """
    if name == "digits":
        whole, num_train, num_validation = _read_training_images(name, data_root)
        generator = np.random.default_rng(SPLIT_SEED)
        _, rest = _stratified(whole, num_validation, generator)
        _, test = _stratified(rest, num_train, generator)
        return test
    assert data_root is not None
    return _read_mnist_layout(data_root, _SOURCES[name], TEST_IMAGES_FILE, TEST_LABELS_FILE)


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
    source = _SOURCES[name]
    whole = _read_mnist_layout(data_root, source, IMAGES_FILE, LABELS_FILE)
    if len(whole) <= source.validation_size:
        raise InputError(
            f"{data_root / source.folder} holds {len(whole)} training image{'' if len(whole) == 1 else 's'}; it must "
            f"hold more than the {source.validation_size} validation images"
        )
    return whole, len(whole) - source.validation_size, source.validation_size


def _check_usable(name: str, train: Split, std: float) -> None:
    """Raise `InputError` for training images from which nothing can be learnt."""
    if std == 0:
        raise InputError(f"every pixel of the training images of {name} has the same value: there is nothing to learn")
    labels = np.unique(train.labels)
    if len(labels) < 2:
        raise InputError(f"all training images of {name} are of class {labels[0]}: it takes two classes to learn")


def _dataset(name: str, train: Split, validation: Split, hashed: Split) -> Dataset:
    mean, std = _pixel_statistics(train.images)
    _check_usable(name, train, std)
    digest = hashlib.sha256(hashed.images.data)
    digest.update(hashed.labels.astype(np.uint8).data)
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        mean=mean,
        std=std,
        sha256=digest.hexdigest(),
    )


def normalised_for(data: Dataset, config: TrainingConfig) -> Dataset:
    """Return the dataset with the mean and standard deviation of ``config``, if it sets them."""
    mean = data.mean if config.pixel_mean is None else config.pixel_mean
    std = data.std if config.pixel_std is None else config.pixel_std
    return replace(data, mean=mean, std=std)


def check_dataset_name(name: str) -> None:
    if name not in DATASET_NAMES:
        raise InputError(f"--dataset must be one of {', '.join(DATASET_NAMES)}, not {name!r}")


def _find_file(root: Path, source: _Source, file: str) -> Path | None:
    raw = root / source.folder / "raw"
    return next((path for path in (raw / file, raw / f"{file}.gz") if path.is_file()), None)


def _read_mnist_layout(root: Path, source: _Source, images_file: str, labels_file: str) -> Split:
    images = _read_idx(root, source, images_file, num_dimensions=3)
    labels = _read_idx(root, source, labels_file, num_dimensions=1)
    if images.shape[1:] != (28, 28) or len(images) != len(labels) or not len(images):
        raise InputError(
            f"{root / source.folder} holds {len(labels)} labels for images of shape {images.shape} in {images_file}; "
            "it must hold one label for each image of 28x28"
        )
    if labels.max() > 9:
        raise InputError(f"{root / source.folder} holds the label {labels.max()}; labels must be from 0 to 9")
    return Split(images, labels.astype(np.int64))


def _read_idx(root: Path, source: _Source, file: str, *, num_dimensions: int) -> NDArray[np.uint8]:
    """Read a file in IDX format: two zeros, 8 for bytes, the number of dimensions, the sizes, then the bytes."""
    path = _find_file(root, source, file)
    if path is None:
        raise InputError(f"{root / source.folder / 'raw' / file} is gone; give --data-root or restore it")
    repair = "delete it and run again to download it again, or give another --data-root"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except PermissionError:
        raise InputError(f"{path} can't be read: permission denied") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is corrupt ({error}): {repair}") from None
    damaged = f"{path} is corrupt or truncated ({len(content):,} bytes): {repair}"
    header = 4 + 4 * num_dimensions
    if len(content) < header or content[:4] != bytes([0, 0, 8, num_dimensions]):
        raise InputError(damaged)
    shape = tuple(np.frombuffer(content[4:header], ">u4").tolist())
    if len(content) != header + math.prod(shape):
        raise InputError(damaged)
    expected = source.sha256.get(file)
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"{path} is corrupt (its SHA-256 is not {expected[:12]}...): {repair}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_digits() -> Split:
    """Return scikit-learn's 1,797 digits, enlarged bilinearly from 8x8 pixels of 0..16 to 28x28 pixels of 0..255."""
    from scipy.ndimage import zoom

    table = _digits_table()
    images = zoom(table[:, :-1].reshape(-1, 8, 8), (1, 3.5, 3.5), order=1, grid_mode=True, mode="nearest")
    return Split(np.rint(images * (255 / 16)).astype(np.uint8), table[:, -1].astype(np.int64))


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


def _download(folder: str, root: Path) -> None:
    # Runs in a separate process: torchvision imports torch, and its download has no time limit.
    process = multiprocessing.get_context("spawn").Process(target=_torchvision_download, args=(folder, root))
    process.start()
    process.join(DOWNLOAD_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
    if process.exitcode != 0:
        for empty in (root / folder / "raw", root / folder, root):  # folders that torchvision created before it failed
            with contextlib.suppress(OSError):
                empty.rmdir()
        raise InputError(
            f"{folder} is not in {root} and could not be downloaded; put its files into "
            f"{root / folder / 'raw'}, name their place with --data-root or SEARCH_DATA_ROOT, "
            "or use --dataset digits, which needs none"
        )


def _torchvision_download(folder: str, root: Path) -> None:
    import sys

    # Hide torchvision's progress bars and tracebacks: the parent reports the error in one line.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.redirect_stdout(sys.stderr):
        import torchvision

        getattr(torchvision.datasets, folder)(root, download=True)
