"""Setting test and validation images apart by a hash of their pixels, and finding images that are there twice.

An image's part depends on its own pixels alone. So it stays where it is when images are added to a class, and equal
images are on one side, whatever their names and classes are.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_core.datasets.contents import Contents, Split
from space.errors import InputError

TEST_SHARE = 1 / 6
"""Share of the images that are set apart for testing, that of scikit-learn's digits here."""
VALIDATION_SHARE = 1 / 6
"""Share of the remaining images that are set apart for validation, as of MNIST."""
MIN_DIFFERENT = 10
"""Fewest different images of a class from which parts are set apart."""
DIGEST_BYTES = 16
_SEED = b"split 0"
"""Seed of the hash, the same for all studies, so that they are comparable."""


def digests_of(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (N, 16) bytes: a hash of the shape and the pixels of each of (N, height, width, channels) images."""
    shape = np.array(images.shape[1:], "<u4").tobytes()
    whole = bytearray()
    for pixels in images:
        digest = hashlib.blake2b(shape, digest_size=DIGEST_BYTES, person=_SEED)
        digest.update(np.ascontiguousarray(pixels).data)
        whole += digest.digest()
    return np.frombuffer(bytes(whole), np.uint8).reshape(-1, DIGEST_BYTES)


@dataclass(frozen=True, eq=False)
class Part:
    """The images of one part, in the order of their digests, which is a random one but always the same."""

    split: Split
    """Where its images are."""
    positions: NDArray[np.int64]
    """(N,) positions of its images there."""
    digests: NDArray[np.uint8]
    """(N, 16) digests of its images."""
    labels: NDArray[np.int64]
    """(N,) labels of its images."""


def part_images(contents: Contents, what: str) -> dict[str, Part]:
    """Return the training, validation and test part, setting apart those that a source does not give.

    Raises `InputError` for a class of which there are too few images for that; ``what`` names the source.
    """
    digests = digests_of(contents.train.images)
    named = _parts_of(digests, contents, what)
    parts = {}
    for name, given in (("train", None), ("validation", contents.validation), ("test", contents.test)):
        if given is None:
            positions = np.flatnonzero(named == name)
            parts[name] = _part(contents.train, positions, digests[positions])
        else:
            parts[name] = _part(given, np.arange(len(given)), digests_of(given.images))
    return parts


def warnings_of_parts(parts: dict[str, Part]) -> list[str]:
    """Return sentences about images that are in several parts, or in several classes."""
    return [*_repeated(parts), *_contradictory(parts)]


def _part(split: Split, positions: NDArray[np.int64], digests: NDArray[np.uint8]) -> Part:
    labels = split.labels[positions]
    halves = _halves(digests)
    order = np.lexsort((labels, halves[:, 1], halves[:, 0]))
    return Part(split, positions[order], digests[order], labels[order])


def _halves(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return (N, 2) numbers of 64 bits."""
    return np.ascontiguousarray(digests).view(">u8")


def _parts_of(digests: NDArray[np.uint8], contents: Contents, what: str) -> NDArray[np.str_]:
    """Return (N,) names of parts for the images that a source gives for training.

    The halves of a digest decide independently whether an image is a test image and, if not, a validation image. A
    class that would have none in a part gets that of its images which comes nearest to it.
    """
    wanted = {
        name: share
        for name, given, share in (
            ("test", contents.test, TEST_SHARE),
            ("validation", contents.validation, VALIDATION_SHARE),
        )
        if given is None
    }
    labels = contents.train.labels
    part = np.full(len(labels), "train", "<U10")
    if not wanted:
        return part
    halves = _halves(digests).astype(np.float64) / 2.0**64
    values = {"test": halves[:, 0], "validation": halves[:, 1]}
    for name, share in wanted.items():
        part[(values[name] < share) & (part == "train")] = name
    keys = _keys(digests)
    for label, class_name in enumerate(contents.class_names):
        members = np.flatnonzero(labels == label)
        num_different = len(np.unique(keys[members]))
        if num_different < MIN_DIFFERENT:
            plural = "" if num_different == 1 else "s"
            parts = " and ".join(name for name in ("validation", "test") if name in wanted)
            raise InputError(
                f"class {class_name!r} of {what} has {num_different} different image{plural}: at least {MIN_DIFFERENT} "
                f"are needed, since some are set apart for {parts}"
            )
        for name in wanted:
            if not (part[members] == name).any():
                left = members[part[members] == "train"]
                nearest = left[np.argmin(values[name][left])]
                part[keys == keys[nearest]] = name
    return part


def _keys(digests: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return digests as (N,) values that numpy can compare and sort."""
    return np.ascontiguousarray(digests).view(f"S{DIGEST_BYTES}").ravel()


def _repeated(parts: dict[str, Part]) -> list[str]:
    """Return a sentence about each two parts that share images."""
    found = []
    for name, other in (("test", "train"), ("test", "validation"), ("validation", "train")):
        there = np.isin(_keys(parts[name].digests), _keys(parts[other].digests))
        if num := int(there.sum()):
            are = "image is" if num == 1 else "images are"
            among = {"train": "training"}.get(other, other)
            found.append(f"{num:,} of {len(there):,} {name} {are} among the {among} images as well, pixel by pixel")
    return found


def _contradictory(parts: dict[str, Part]) -> list[str]:
    """Return a sentence if equal images have different classes."""
    keys = _keys(np.concatenate([part.digests for part in parts.values()]))
    pairs = np.unique(np.rec.fromarrays([keys, np.concatenate([part.labels for part in parts.values()])]))
    num = len(pairs) - len(np.unique(keys))
    are = "image is" if num == 1 else "images are"
    return [f"{num:,} {are} in more than one class, pixel by pixel"] if num else []
