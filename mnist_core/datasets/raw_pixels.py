"""Uncompressed images one after another in an open file, as .npy and IDX files hold them, read in pieces."""

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import GrowingArray, check_size
from mnist_core.datasets.pictures import fit_pixels
from space.errors import InputError

CHUNK_BYTES = 16_000_000
"""Images are read in pieces of about this size, so that a large file never lies in memory as a whole."""


def read_pixels(
    file: IO[bytes],
    shape: tuple[int, ...],
    what: str,
    scratch: Path,
    *,
    size: tuple[int, int] | None,
    grey: bool,
    is_turned: bool = False,
) -> NDArray[np.uint8]:
    """Read bytes of shape (N, height, width) or (N, height, width, channels) from where ``file`` stands.

    Returns (N, height, width, channels) bytes, mapped from the file ``scratch``, stretched to ``size`` and made grey as
    `fit_pixels` does. With ``is_turned``, rows and columns are exchanged before that. Raises `InputError`, beginning
    with ``what``, for images that are too large or too many, and for a file that ends before the last of them.
    """
    num_images, height, width, channels = (*shape, 1)[:4]
    check_size(*(size or (height, width)), 1 if grey else channels, num_images, what)
    image_bytes = height * width * channels
    at_once = max(1, CHUNK_BYTES // image_bytes)
    with GrowingArray(scratch) as array:
        for first in range(0, num_images, at_once):
            num = min(at_once, num_images - first)
            content = file.read(num * image_bytes)
            if len(content) != num * image_bytes:
                raise InputError(f"{what} is shorter than its header says")
            pixels = np.frombuffer(content, np.uint8).reshape(num, height, width, channels)
            array.append(fit_pixels(pixels.swapaxes(1, 2) if is_turned else pixels, size=size, grey=grey))
        return array.mapped()
