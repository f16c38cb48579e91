"""What a source of images holds once it is read, whatever its kind."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from space.errors import InputError, SearchFailedError

MAX_IMAGES = 1_000_000
"""Largest number of images that are read from one source, far above any useful one."""
MAX_CLASSES = 1_000
MAX_SIDE = 1_024
"""Largest height and width in pixels; nets that fit a microcontroller see far smaller images."""
MEMORY_SHARE = 0.5
"""Share of the machine's memory that images may take: training reads them in random order, so all must stay there."""


@dataclass(frozen=True)
class Split:
    images: NDArray[np.uint8]
    """(N, height, width, channels) bytes; one channel is grey, three are red, green and blue."""
    labels: NDArray[np.int64]
    """(N,) class numbers."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Contents:
    """Images with labels as a source gives them. What it does not give, `parting` sets apart."""

    train: Split
    """The images that are not given as validation or test images."""
    class_names: tuple[str, ...]
    """Name of the class of each label."""
    validation: Split | None = None
    test: Split | None = None
    remarks: tuple[str, ...] = ()
    """Sentences about what was converted or left out."""


class GrowingArray:
    """Arrays of equal shape, written one after another to a file, and mapped into memory when it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shape: tuple[int, ...] | None = None
        self._num = 0
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def begin_npy(self, shape: tuple[int, ...]) -> None:
        """Write the header of an .npy file that will hold bytes of this shape."""
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, images: NDArray[np.uint8]) -> None:
        """Append (n, ...) bytes."""
        assert self._shape in (None, images.shape[1:])
        self._shape = images.shape[1:]
        self._num += len(images)
        try:
            self._file.write(np.ascontiguousarray(images).data)
        except OSError as error:
            raise SearchFailedError(f"{self._path.parent} can't be written: {error.strerror}") from None

    def mapped(self) -> NDArray[np.uint8]:
        """Return all images as one read-only array of (N, ...) bytes, whose pages the system keeps only while used."""
        try:
            self._file.close()  # which writes the last bytes
        except OSError as error:
            raise SearchFailedError(f"{self._path.parent} can't be written: {error.strerror}") from None
        assert self._shape is not None
        return np.memmap(self._path, np.uint8, "r", shape=(self._num, *self._shape))


def check_labels(labels: NDArray[np.int64], what: str, num_classes: int | None = None) -> int:
    """Return the number of classes. Raises `InputError` unless labels count from 0 without gaps; ``what`` holds them.

    With a known number of classes, labels must be below it, and some may be missing.
    """
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise InputError(f"{what} holds the label {low}: labels must count from 0")
    if num_classes is not None:
        if high >= num_classes:
            raise InputError(f"{what} holds the label {high}, but there are {num_classes} classes, from 0 on")
        return num_classes
    if high >= MAX_CLASSES:
        raise InputError(f"{what} holds the label {high}: labels must count from 0, and be below {MAX_CLASSES:,}")
    present = np.bincount(labels, minlength=high + 1) > 0
    if not present.all():
        raise InputError(
            f"{what} holds labels from {low} to {high}, but none is {int(np.argmin(present))}: labels must count "
            "from 0 without gaps"
        )
    if high == 0:
        raise InputError(f"{what} holds one class, since every label is 0: at least two are needed")
    return high + 1


def check_size(height: int, width: int, channels: int, num_images: int, what: str) -> None:
    """Raise `InputError` for images that are too large, too many, or more than the machine's memory has room for."""
    if max(height, width) > MAX_SIDE:
        raise InputError(
            f"{what} holds images of {height}x{width} pixels (height x width), and at most {MAX_SIDE} are read on a "
            "side: --image-size 64 reads them at 64x64"
        )
    if num_images > MAX_IMAGES:
        raise InputError(f"{what} holds {num_images:,} images; at most {MAX_IMAGES:,} are read")
    size, room = height * width * channels * num_images, MEMORY_SHARE * memory_bytes()
    if size > room:
        raise InputError(
            f"{what} holds {num_images:,} images of {height}x{width}x{channels} bytes, {size / 1e9:.1f} GB, and this "
            f"machine has room for {room / 1e9:.1f} GB, half of its memory: --image-size with a smaller size, or "
            "--grey, makes them fit"
        )


def memory_bytes() -> int:
    """Return the size of this machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the mean and standard deviation of the pixels, scaled to 0..1, from their histogram.

    Counts a thousand images at a time, since numpy makes a copy of eight bytes per pixel and workers never free memory.
    """
    thousands = (images[first : first + 1000].ravel() for first in range(0, len(images), 1000))
    shares = sum(np.bincount(pixels, minlength=256) for pixels in thousands) / images.size
    values = np.arange(256) / 255
    mean = float(shares @ values)
    return mean, float(np.sqrt(shares @ (values - mean) ** 2))
