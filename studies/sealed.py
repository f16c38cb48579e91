"""Hashes of the images in a dataset's sealed test set, in a file beside the store whose studies are made with it."""

import os

import numpy as np
from numpy.typing import NDArray

from space.errors import InputError
from studies.storage import Artifacts


def write_sealed(artifacts: Artifacts, dataset_sha256: str, digests: NDArray[np.uint8]) -> None:
    """Keep (N, bytes) hashes of test images; does nothing if they are there."""
    if artifacts.find(sealed_file(dataset_sha256)).is_file():
        return
    path = artifacts.new_file(sealed_file(dataset_sha256))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.save(file, digests)
    os.replace(temporary, path)  # so that a file that is only half written is never read
    artifacts.keep(path)


def read_sealed(artifacts: Artifacts, dataset_sha256: str) -> NDArray[np.uint8] | None:
    """Return what `write_sealed` kept; None if nothing was. Raises `InputError` if the file is damaged."""
    path = artifacts.find(sealed_file(dataset_sha256))
    try:
        digests: NDArray[np.uint8] = np.load(path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError):
        digests = np.zeros(0, np.uint8)
    if digests.ndim != 2 or digests.dtype != np.uint8:
        raise InputError(f"{path} is damaged, which lists what is in a sealed test set: restore it from a copy")
    return digests


def sealed_file(dataset_sha256: str) -> str:
    """Return the name of the file of a dataset's test images."""
    return f"sealed-{dataset_sha256[:32]}.npy"
