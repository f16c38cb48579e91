"""Images as people have them: folders of files, archives and tables, made of scikit-learn's digits."""

import struct
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

CLASSES = {"cat": 3, "dog": 5, "eel": 7}
"""Names of classes, and the digit that stands for each."""


@cache
def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(1797, 8, 8) bytes and their labels, in the order of scikit-learn."""
    loaded = load_digits()
    return (loaded.images * 15.9).astype(np.uint8), loaded.target.astype(np.int64)


def images_of(label: int, num: int) -> NDArray[np.uint8]:
    """The first different images of a digit."""
    images, labels = digits()
    mine = images[labels == label]
    assert len(mine) >= num
    return mine[:num]


def in_colour(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, 8, 8, 3): the digits in a colour of their own."""
    return np.stack([images, images // 2, 255 - images], axis=3)


def write_class(folder: Path, images: NDArray[np.uint8], *, suffix: str = ".png", first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(images, start=first):
        Image.fromarray(pixels).save(folder / f"{number:03d}{suffix}", **({"quality": 95} if suffix == ".jpg" else {}))


def write_folder(root: Path, classes: dict[str, int], *, num: int = 30) -> Path:
    """A folder with a class folder for each name, of the digit that it stands for."""
    for name, label in classes.items():
        write_class(root / name, images_of(label, num))
    return root


ORIENTATION, WIDTH, SOFTWARE = 0x0112, 0x0100, 0x0131
TEXT, SHORT, FLOAT = 2, 3, 11
"""Tags of EXIF data, and their types."""


def exif_of(*tags: tuple[int, int, bytes]) -> bytes:
    """EXIF data of tags with their types and four bytes each."""
    entries = b"".join(struct.pack("<HHI", tag, kind, 1) + value for tag, kind, value in tags)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
