"""An .npz file with the arrays images and labels, and optionally test_images, test_labels and class_names."""

import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import Contents, Split, check_labels
from mnist_core.datasets.raw_pixels import read_pixels
from space.errors import InputError

NEEDED, OPTIONAL = ("images", "labels"), ("test_images", "test_labels", "class_names")


def read_archive(path: Path, scratch: Path, *, size: tuple[int, int] | None, grey: bool) -> Contents:
    """Read an .npz file; ``scratch`` is a folder for arrays that are mapped into memory.

    Raises `InputError` for a file that can't be read, that holds other arrays, pickled objects, or arrays that don't
    fit each other.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive, scratch, size=size, grey=grey)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise InputError(f"{path} can't be read as .npz: it is damaged, or of another kind") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None


def _read(path: Path, archive: zipfile.ZipFile, scratch: Path, *, size: tuple[int, int] | None, grey: bool) -> Contents:
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    rule = f"it takes {' and '.join(NEEDED)}, and optionally {', '.join(OPTIONAL)}"
    if missing := [name for name in NEEDED if name not in names]:
        raise InputError(
            f"{path} holds no array {missing[0]!r}, but {', '.join(map(repr, names)) or 'nothing'}: {rule}"
        )
    if others := [name for name in names if name not in (*NEEDED, *OPTIONAL)]:
        raise InputError(f"{path} holds an array {others[0]!r}: {rule}")
    if ("test_images" in names) != ("test_labels" in names):
        raise InputError(f"{path} holds only one of test_images and test_labels: it takes both or neither")
    class_names = _class_names(path, archive) if "class_names" in names else None
    labels = _labels(path, archive, "labels")
    num_classes = check_labels(labels, f"{path}, labels", None if class_names is None else len(class_names))
    train = Split(_images(path, archive, "images", scratch, len(labels), size=size, grey=grey), labels)
    test = None
    if "test_images" in names:
        labels = _labels(path, archive, "test_labels")
        check_labels(labels, f"{path}, test_labels", num_classes)
        test = Split(_images(path, archive, "test_images", scratch, len(labels), size=size, grey=grey), labels)
        if test.images.shape[1:] != train.images.shape[1:]:
            raise InputError(
                f"{path} holds images of shape {train.images.shape} and test_images of shape {test.images.shape}: they "
                "must be of one size (--image-size HEIGHTxWIDTH stretches them)"
            )
    return Contents(train, class_names or tuple(map(str, range(num_classes))), test=test)


def _class_names(path: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
    names = _small_array(path, archive, "class_names")
    if names.dtype.kind != "U" or names.ndim != 1 or len(names) < 2 or len({*names.tolist()}) != len(names):
        raise InputError(f"{path}, class_names must be at least two different strings, not {names.dtype} {names.shape}")
    return tuple(map(str, names.tolist()))


def _labels(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[np.int64]:
    labels = _small_array(path, archive, name)
    if labels.dtype.kind not in "iu":
        raise InputError(f"{path}, {name} must be whole numbers, not {labels.dtype}")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        raise InputError(f"{path}, {name} must be of shape (N,), not {labels.shape}")
    return labels.astype(np.int64)


def _small_array(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        try:
            return np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, TokenError):
            raise _not_an_array(path, name) from None


def _not_an_array(path: Path, name: str) -> InputError:
    return InputError(f"{path}, {name} is damaged, or holds pickled objects, which are not read: save plain arrays")


def _images(
    path: Path,
    archive: zipfile.ZipFile,
    name: str,
    scratch: Path,
    num_labels: int,
    *,
    size: tuple[int, int] | None,
    grey: bool,
) -> NDArray[np.uint8]:
    """Return (N, height, width, channels) bytes, mapped from a file in ``scratch``."""
    with archive.open(f"{name}.npy") as file:
        shape, fortran, dtype = _read_array_header(path, name, file)
        if dtype != np.uint8 or len(shape) not in (3, 4) or 0 in shape or (len(shape) == 4 and shape[3] not in (1, 3)):
            raise InputError(
                f"{path}, {name} holds {dtype} of shape {shape}: images are uint8 of shape (N, height, width), "
                "(N, height, width, 1) or (N, height, width, 3)"
            )
        if fortran:
            raise InputError(f"{path}, {name} is in Fortran order: save numpy.ascontiguousarray of it")
        if shape[0] != num_labels:
            labels = name.replace("images", "labels")
            raise InputError(f"{path} holds {shape[0]:,} {name}, but {num_labels:,} {labels}: each image has a label")
        return read_pixels(file, shape, f"{path}, {name}", scratch / f"{name}.raw", size=size, grey=grey)


def _read_array_header(path: Path, name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(file)
    except (ValueError, TokenError):
        raise _not_an_array(path, name) from None
