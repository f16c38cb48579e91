"""The files of datasets in MNIST's layout: finding, downloading, reading and checking them.

Files that may be the user's own are never overwritten, and their removal is never suggested.
"""

import gzip
import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import MAX_IMAGES
from mnist_core.downloads import download
from mnist_core.files import write_whole
from space.errors import InputError
from space.files import has_file, has_folder

DOWNLOAD_SECONDS = 600
SIDE = 28
"""Height and width of every image in pixels."""


@dataclass(frozen=True)
class Source:
    """A dataset in MNIST's file layout, below a data root."""

    folder: str
    """Folder of the dataset, which is also torchvision's name for it."""
    validation_size: int
    sha256: dict[str, str]
    """Known hashes of the uncompressed files; empty if none are known."""


IMAGES_FILE, LABELS_FILE = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES_FILE, TEST_LABELS_FILE = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = (IMAGES_FILE, LABELS_FILE, TEST_IMAGES_FILE, TEST_LABELS_FILE)
DOWNLOADED_FILE = "downloaded.json"
"""File beside those that this program downloaded: the name of each, and its time of change in nanoseconds."""
_MNIST_SHA256 = {
    IMAGES_FILE: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    LABELS_FILE: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES_FILE: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS_FILE: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SOURCES = {
    "mnist": Source("MNIST", 10_000, _MNIST_SHA256),
    "fashion-mnist": Source("FashionMNIST", 10_000, {}),
    "kmnist": Source("KMNIST", 10_000, {}),
}
DATASET_NAMES = (*SOURCES, "digits")
"""Datasets that are read as they are, in `mnist_core.data`: those in MNIST's layout, and scikit-learn's digits."""


def find_root(source: Source, roots: Sequence[Path]) -> Path:
    """Return the first root that holds the training files, downloading into the first one if none holds anything.

    Raises `InputError` if something else than a file is where one should be, if only a part of the files is there, or
    if they can't be downloaded.
    """
    for root in roots:
        if holds_all(root, source):
            return root
    _download(source.folder, roots[0])
    return roots[0]


def _has_folders(root: Path, source: Source) -> bool:
    raw = root / source.folder / "raw"
    folders = ((root, f"the data root {root}"), (raw.parent, str(raw.parent)), (raw, str(raw)))
    return all(has_folder(folder, named) for folder, named in folders)


def holds_all(root: Path, source: Source) -> bool:
    """Return whether both training files are there. Raises `InputError` if only others are that may be the user's."""
    if not _has_folders(root, source):
        return False
    present = {file: path for file in FILES if (path := _find_file(root, source, file))}
    if {IMAGES_FILE, LABELS_FILE} <= present.keys():
        return True
    if not all(map(_is_as_downloaded, present.values())):
        first = next(iter(present.values()))
        raise InputError(
            f"{first.parent} holds {first.name}, but not both {IMAGES_FILE} and {LABELS_FILE}: add what is missing, or "
            f"name another folder with --data-root ({source.folder} is downloaded into an empty one)"
        )
    return False


def read_pair(
    root: Path, source: Source, images_file: str, labels_file: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read images as (N, 28, 28, 1) bytes and their (N,) labels. Raises `InputError` for files that can't be used."""
    images = _read_idx(root, source, images_file, num_dimensions=3)
    labels = _read_idx(root, source, labels_file, num_dimensions=1)
    if images.shape[1:] != (SIDE, SIDE) or len(images) != len(labels) or not len(images):
        raise InputError(
            f"{root / source.folder} holds {len(labels)} labels for images of shape {images.shape} in {images_file}; "
            "it must hold one label for each image of 28x28"
        )
    if labels.max() > 9:
        raise InputError(f"{root / source.folder} holds the label {labels.max()}; labels must be from 0 to 9")
    return images[..., np.newaxis], labels.astype(np.int64)


def _find_file(root: Path, source: Source, file: str) -> Path | None:
    raw = root / source.folder / "raw"
    return next((path for path in (raw / file, raw / f"{file}.gz") if has_file(path, str(path))), None)


def _read_idx(root: Path, source: Source, file: str, *, num_dimensions: int) -> NDArray[np.uint8]:
    """Read a file in IDX format: two zeros, 8 for bytes, the number of dimensions, the sizes, then the bytes."""
    path = _find_file(root, source, file)
    if path is None:
        raise InputError(
            f"{root / source.folder / 'raw' / file} is absent: restore it, or name another folder with --data-root"
        )
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as content:
            header = content.read(4 + 4 * num_dimensions)
            if header[:4] != bytes([0, 0, 8, num_dimensions]) or len(header) < 4 + 4 * num_dimensions:
                raise _unusable(path, source, "is damaged or not in IDX format")
            shape = tuple(np.frombuffer(header[4:], ">u4").tolist())
            if shape[0] > MAX_IMAGES or math.prod(shape) > MAX_IMAGES * SIDE**2:
                sizes = "x".join(map(str, shape))
                raise _unusable(path, source, f"claims to hold {sizes} bytes, more than {MAX_IMAGES:,} images of 28x28")
            body = content.read(math.prod(shape) + 1)
    except PermissionError:
        raise InputError(f"{path} can't be read: permission denied") from None
    except (OSError, EOFError, zlib.error) as error:
        raise _unusable(path, source, f"is damaged ({error})") from None
    if len(body) != math.prod(shape):
        longer = len(body) > math.prod(shape)
        raise _unusable(path, source, f"is {'longer' if longer else 'shorter'} than its header says")
    expected, found = source.sha256.get(file), hashlib.sha256(header + body).hexdigest()
    if expected is not None and found != expected:
        folder = path.parent
        own = f"; images of your own in this layout are taken with --dataset {folder}, and compared with no hash"
        problem = f"does not have the SHA-256 of {source.folder}'s file, {expected[:12]}..., but {found[:12]}..."
        raise _unusable(path, source, problem, own="" if _is_as_downloaded(path) else own)
    return np.frombuffer(body, np.uint8).reshape(shape)


def _unusable(path: Path, source: Source, problem: str, *, own: str = "") -> InputError:
    if _is_as_downloaded(path):
        return InputError(f"{path} {problem}: this program downloaded it, so delete it and run again")
    return InputError(
        f"{path} {problem}: restore it, or name another folder with --data-root ({source.folder} is downloaded into "
        f"an empty one){own}"
    )


def _is_as_downloaded(path: Path) -> bool:
    """Return whether this program downloaded a file and nobody has written it since."""
    record = path.with_name(DOWNLOADED_FILE)
    try:
        return record.is_file() and json.loads(record.read_text())[path.name] == path.stat().st_mtime_ns
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _download(folder: str, root: Path) -> None:
    """Download a dataset into a root, whole or not at all."""
    advice = (
        f"put its files into {root / folder / 'raw'}, name their place with --data-root or SEARCH_DATA_ROOT, "
        "or use --dataset digits, which needs none"
    )
    download(folder, root, _download_whole, _torchvision_download, folder, seconds=DOWNLOAD_SECONDS, advice=advice)


def _download_whole(fetch: Callable[[str, Path], None], folder: str, root: Path, temporary: Path) -> None:
    """Fetch the files into a temporary folder, and move those that are absent once all are complete."""
    fetch(folder, temporary)
    raw, fetched = root / folder / "raw", temporary / folder / "raw"
    times = {file: (fetched / file).stat().st_mtime_ns for file in FILES}
    raw.mkdir(parents=True, exist_ok=True)
    kept = {file: (raw / file).stat().st_mtime_ns for file in FILES if (raw / file).exists()}
    # Recorded first: where this is killed in between, the next call recognises what is there, and completes it.
    write_whole(raw / DOWNLOADED_FILE, (json.dumps(times | kept, indent=2) + "\n").encode())
    for file in times.keys() - kept.keys():
        os.replace(fetched / file, raw / file)


def _torchvision_download(folder: str, root: Path) -> None:
    import torchvision

    getattr(torchvision.datasets, folder)(root, download=True)
