"""IDX files, plain or gzip, of images of any size and any number of classes, EMNIST's included."""

import gzip
import math
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import MAX_IMAGES, Contents, Split, check_labels
from mnist_core.datasets.raw_pixels import read_pixels
from space.errors import InputError
from space.files import has_file

_NAME = re.compile(r"(?P<set>.*?)(?P<part>train|t10k|test)-(?P<kind>images|labels)-?[.-]?idx[134]-ubyte(\.gz)?")
"""The name of a file, such as train-images-idx3-ubyte or emnist-letters-test-labels-idx1-ubyte.gz."""
EMNIST_CLASSES = {
    "balanced": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt",
    "bymerge": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt",
    "byclass": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digits": "0123456789",
    "mnist": "0123456789",
}
"""The classes of each set of EMNIST, in the order of its labels; those of the letters count from 1."""


@dataclass(frozen=True)
class _Pair:
    images: Path
    labels: Path


def is_idx_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def read_idx(path: Path, scratch: Path, *, size: tuple[int, int] | None, grey: bool) -> Contents:
    """Read the IDX files of a folder, or of the set that one of them belongs to.

    EMNIST's images, which its files hold with rows and columns exchanged, are turned back. Raises `InputError` for
    files that are missing or can't be read, and for a folder with several sets of files.
    """
    files = files_of(path)
    name = next(iter(files.values())).images.name
    emnist = next((EMNIST_CLASSES[key] for key in EMNIST_CLASSES if name.startswith(f"emnist-{key}-")), None)
    train = _read_pair(files["train"], scratch / "train.raw", size=size, grey=grey, is_turned=emnist is not None)
    first_label = 1 if name.startswith("emnist-letters-") else 0
    train = Split(train.images, train.labels - first_label)
    num_classes = check_labels(train.labels, str(files["train"].labels), None if emnist is None else len(emnist))
    test = None
    if "test" in files:
        test = _read_pair(files["test"], scratch / "test.raw", size=size, grey=grey, is_turned=emnist is not None)
        test = Split(test.images, test.labels - first_label)
        check_labels(test.labels, str(files["test"].labels), num_classes)
        if test.images.shape[1:] != train.images.shape[1:]:
            raise InputError(
                f"{files['test'].images} holds images of shape {test.images.shape[1:]} and {files['train'].images} of "
                f"shape {train.images.shape[1:]}: they must be of one size (--image-size HEIGHTxWIDTH stretches them)"
            )
    remarks = () if emnist is None else ("rows and columns are exchanged, as in all files of EMNIST: turned back",)
    return Contents(train, tuple(emnist or map(str, range(num_classes))), test=test, remarks=remarks)


def files_of(path: Path) -> dict[str, _Pair]:
    """Return the files with training and, if there are any, test images. Raises `InputError` if one is missing."""
    folder = path if path.is_dir() else path.parent
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for file in sorted(folder.iterdir()):
        # Archives exist in which each file lies in a folder of nearly its name, beside a copy of it.
        if (match := _NAME.fullmatch(file.name)) and not file.is_dir():
            part = "train" if match["part"] == "train" else "test"
            found.setdefault(match["set"], {}).setdefault((part, match["kind"]), file)
    if path.is_dir() and len(found) > 1:
        raise InputError(
            f"{path} holds several sets of IDX files, {', '.join(repr(name) for name in found)}: name one of its files "
            "instead, such as that with its training images"
        )
    match = _NAME.fullmatch(path.name)
    files = found[match["set"]] if match and not path.is_dir() else next(iter(found.values()))
    for kind, dimensions in (("images", 3), ("labels", 1)):
        if ("train", kind) not in files:
            raise InputError(
                f"{folder} holds IDX files, but none with training {kind}, such as train-{kind}-idx{dimensions}-ubyte"
            )
    pairs = {"train": _Pair(files["train", "images"], files["train", "labels"])}
    if ("test", "images") in files and ("test", "labels") in files:
        pairs["test"] = _Pair(files["test", "images"], files["test", "labels"])
    return pairs


def _read_pair(pair: _Pair, scratch: Path, *, size: tuple[int, int] | None, grey: bool, is_turned: bool) -> Split:
    labels = _read_labels(pair.labels)
    with _opened(pair.images) as file:
        sizes = _read_header(pair.images, file, (3, 4))
        if (len(sizes) == 4 and sizes[3] not in (1, 3)) or 0 in sizes:
            raise InputError(f"{pair.images} holds {'x'.join(map(str, sizes))} bytes: no images of 1 or 3 channels")
        if sizes[0] != len(labels):
            raise InputError(f"{pair.images} holds {sizes[0]:,} images, but {pair.labels} {len(labels):,} labels")
        images = read_pixels(file, sizes, str(pair.images), scratch, size=size, grey=grey, is_turned=is_turned)
        _check_end(pair.images, file)
        return Split(images, labels)


def _read_labels(path: Path) -> NDArray[np.int64]:
    with _opened(path) as file:
        (num,) = _read_header(path, file, (1,))
        content = file.read(num)
        if len(content) != num:
            raise InputError(f"{path} is shorter than its header says")
        _check_end(path, file)
    if not content:
        raise InputError(f"{path} holds no label")
    return np.frombuffer(content, np.uint8).astype(np.int64)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    has_file(path, str(path))
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast("IO[bytes]", file)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None


def _read_header(path: Path, file: IO[bytes], dimensions: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes of an IDX file's array: two zeros, 8 for bytes, the number of dimensions, then the sizes."""
    start = file.read(4)
    if len(start) < 4 or start[:3] != bytes([0, 0, 8]) or start[3] not in dimensions:
        wanted = " or ".join(map(str, dimensions))
        raise InputError(f"{path} is no IDX file of bytes with {wanted} dimension{'s' if wanted != '1' else ''}")
    header = file.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise InputError(f"{path} is shorter than its header says")
    sizes = tuple(np.frombuffer(header, ">u4").tolist())
    if sizes[0] > MAX_IMAGES or math.prod(sizes[1:]) > 3 * 2**26:
        raise InputError(
            f"{path} claims to hold {'x'.join(map(str, sizes))} bytes; at most {MAX_IMAGES:,} images are read"
        )
    return sizes


def _check_end(path: Path, file: IO[bytes]) -> None:
    if file.read(1):
        raise InputError(f"{path} is longer than its header says")
