"""Reading the user's own images as the bytes that a model takes, fitting those of another size, mode or polarity."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import check_size
from mnist_core.datasets.pictures import SUFFIXES, fit_pixels, read_header, read_picture
from space.errors import InputError
from space.files import has_file
from space.layers import Shape

BORDER_LEVEL = 0.75
"""Mean of an image's outermost pixels above which its background is light, if its data's is dark, or the reverse."""
MIN_GAIN = 0.25
"""How much nearer to the data's mean an image must come by being inverted."""


@dataclass(frozen=True, eq=False)
class UserImages:
    names: list[str]
    """What each image is called: a path below the folder, or a position in an array."""
    images: NDArray[np.uint8]
    """(N, height, width, channels) bytes of the model's shape, not inverted."""
    folders: list[str | None]
    """Name of the folder that each image lies in, below the one that was named; None if it lies in that itself."""
    fitted: dict[str, list[str]] = field(default_factory=dict)
    """Names of the images that were changed, by what was done to them, such as "stretched to 28x28 pixels"."""
    converted: dict[str, list[str]] = field(default_factory=dict)
    """Names of the images whose files hold other values than bytes of grey or of red, green and blue."""


def read_images(path: Path, shape: Shape, *, strict: bool = False) -> UserImages:
    """Read a .npy file, an image file, or the image files of a folder and of those in it, in the order of their paths.

    Images are stretched and converted to ``shape`` (channels, height, width); transparent pixels become black. Raises
    `InputError` if a file is missing or can't be read and, if ``strict``, for one of another size or mode.
    """
    if not path.is_dir():
        if not has_file(path, f"--images {path}"):
            raise InputError(f"--images {path}: there is no such file or folder")
        if path.suffix == ".npy":
            return _read_array(path, shape, strict=strict)
        return _read_files(path.parent, [path], shape, strict=strict)
    files = _files_below(path)
    if not files:
        raise InputError(f"--images {path} holds no file that ends in {', '.join(SUFFIXES)}")
    return _read_files(path, files, shape, strict=strict)


def _files_below(root: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if Path(name).suffix.lower() in SUFFIXES]
    return sorted(found)


def _read_files(root: Path, files: list[Path], shape: Shape, *, strict: bool) -> UserImages:
    channels, height, width = shape
    names = [os.fspath(file.relative_to(root)) for file in files]
    check_size(height, width, channels, len(files), f"--images {root}")
    read = UserImages(
        names,
        np.empty((len(files), height, width, channels), np.uint8),
        [None if file.parent == root else file.parent.name for file in files],
    )
    for position, (file, name) in enumerate(zip(files, names, strict=True)):
        header = read_header(file)
        _note_fit(read, name, str(file), (header.height, header.width), 3 if header.is_colour else 1, shape, strict)
        if header.conversion is not None:
            read.converted.setdefault(header.conversion, []).append(name)
        read.images[position] = read_picture(file, size=(height, width), channels=channels)
    return read


def _read_array(path: Path, shape: Shape, *, strict: bool) -> UserImages:
    channels, height, width = shape
    try:
        # The file is mapped, since a damaged one must not make us allocate the size that its header claims.
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, TokenError) as error:  # TokenError: numpy can't parse a header as Python
        reason = getattr(error, "strerror", None) or "it is damaged, or of another kind"
        raise InputError(f"{path} can't be read as a .npy file: {reason}") from None
    images = _as_images(array, channels, width)
    if array.dtype != np.uint8 or images is None or not array.size:
        one = f"({height}, {width})" if channels == 1 else f"({height}, {width}, {channels})"
        raise InputError(
            f"{path} holds {array.dtype} of shape {array.shape}: images are uint8 of shape (N, {one[1:]} or {one}"
        )
    check_size(height, width, channels, len(images), str(path))
    is_one = images.ndim > array.ndim and len(images) == 1
    names = [path.name] if is_one else [f"{path.name}[{position}]" for position in range(len(images))]
    read = UserImages(names, np.empty((len(images), *shape[1:], channels), np.uint8), [None] * len(images))
    for position, name in enumerate(names):
        pixels = images[position : position + 1]
        _note_fit(read, name, str(path), pixels.shape[1:3], pixels.shape[3], shape, strict)
        fitted = fit_pixels(pixels, size=(height, width), grey=channels == 1)
        read.images[position] = fitted[0]  # grey pixels are repeated where there are three channels
    return read


def _as_images(array: NDArray[np.uint8], channels: int, width: int) -> NDArray[np.uint8] | None:
    """Return an array as (N, height, width, 1 or 3), for a model of this shape; None if it can't be one."""
    match array.ndim:
        case 2:
            return array[np.newaxis, ..., np.newaxis]
        case 3 if array.shape[2] == 3 and (channels == 3 or width != 3):
            return array[np.newaxis]
        case 3:
            return array[..., np.newaxis]
        case 4 if array.shape[3] in (1, 3):
            return array
        case _:
            return None


def _note_fit(
    read: UserImages, name: str, path: str, size: tuple[int, ...], channels: int, shape: Shape, strict: bool
) -> None:
    """Note how an image of this size and with so many channels is fitted; raises `InputError` instead if ``strict``."""
    wanted = f"{shape[1]}x{shape[2]}"
    if size != shape[1:]:
        if strict:
            raise InputError(f"{path} is of {size[0]}x{size[1]} pixels (height x width): images of {wanted} are needed")
        read.fitted.setdefault(f"stretched to {wanted} pixels", []).append(f"{name} of {size[0]}x{size[1]}")
    if channels != shape[0]:
        kinds = {1: "grey", 3: "colour"}
        if strict:
            raise InputError(f"{path} is a {kinds[channels]} image: {kinds[shape[0]]} images are needed")
        done = "converted from colour to grey" if channels == 3 else "converted from grey to colour"
        read.fitted.setdefault(done, []).append(name)


def is_inverted(images: NDArray[np.uint8], mean: float) -> NDArray[np.bool_]:
    """Return (N,): whether each of (N, height, width, 1) images is dark on light where its data are light on dark.

    ``mean`` is that of the data's pixels, from 0 to 1. The reverse counts as well. An image counts if its border is on
    the other side, and its mean would come nearer to the data's by inverting it.
    """
    thousands = [images[first : first + 1000, :, :, 0] / np.float32(255) for first in range(0, len(images), 1000)]
    return np.concatenate(
        [_is_inverted(1 - values if mean > 0.5 else values, min(mean, 1 - mean)) for values in thousands]
    )


def _is_inverted(values: NDArray[np.floating[Any]], mean: float) -> NDArray[np.bool_]:
    """Return the same for (N, height, width) values of data whose mean is at most 0.5."""
    border = np.concatenate([values[:, 0], values[:, -1], values[:, :, 0], values[:, :, -1]], axis=1).mean(1)
    means = values.mean((1, 2))
    gain = np.abs(means - mean) - np.abs(1 - means - mean)
    is_so: NDArray[np.bool_] = (border > BORDER_LEVEL) & (gain > MIN_GAIN)
    return is_so
