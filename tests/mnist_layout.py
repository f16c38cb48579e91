"""Made-up datasets in MNIST's layout."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_core.data import Split
from mnist_core.data_files import IMAGES_FILE, LABELS_FILE, TEST_IMAGES_FILE, TEST_LABELS_FILE

TEST_FILES = (TEST_IMAGES_FILE, TEST_LABELS_FILE)
NUM_IMAGES, VALIDATION_SIZE, TEST_SIZE = 60, 20, 30


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_root(root: Path, *, folder: str = "MNIST", gz: bool = False) -> Path:
    """A data root with a small dataset in MNIST's layout; returns its raw folder."""
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    write_files(raw, (IMAGES_FILE, LABELS_FILE), NUM_IMAGES, gz=gz)
    return raw


def write_files(raw: Path, files: tuple[str, str], num_images: int, *, gz: bool = False) -> Split:
    """Made-up images and labels; ``files`` are their names."""
    generator = np.random.default_rng(num_images)
    images = generator.integers(0, 256, (num_images, 28, 28), dtype=np.uint8)
    labels = np.arange(num_images, dtype=np.uint8) % 10
    for file, array in zip(files, (images, labels), strict=True):
        if gz:
            (raw / f"{file}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (raw / file).write_bytes(idx(array))
    return Split(images[..., np.newaxis], labels.astype(np.int64))
