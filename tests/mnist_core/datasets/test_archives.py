import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core.datasets import raw_pixels
from mnist_core.datasets.archives import read_archive
from mnist_core.datasets.contents import Contents
from space.errors import InputError
from tests.own_images import digits, in_colour

IMAGES, LABELS = digits()


def read(path: Path, size: tuple[int, int] | None = None, *, grey: bool = False) -> Contents:
    return read_archive(path, path.parent, size=size, grey=grey)


def write(tmp_path: Path, compressed: bool = False, **arrays: Any) -> Path:
    path = tmp_path / "own.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("images", [IMAGES, IMAGES[..., np.newaxis], in_colour(IMAGES)])
def test_images_and_labels(
    tmp_path: Path, compressed: bool, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_pixels, "CHUNK_BYTES", 10_000)
    contents = read(write(tmp_path, compressed, images=images, labels=LABELS.astype(np.uint8)))
    expected = images if images.ndim == 4 else images[..., np.newaxis]
    np.testing.assert_array_equal(contents.train.images, expected)
    np.testing.assert_array_equal(contents.train.labels, LABELS)
    assert contents.train.labels.dtype == np.int64
    assert contents.class_names == tuple("0123456789")
    assert contents.test is None
    grey = read(tmp_path / "own.npz", (6, 5), grey=True)
    assert grey.train.images.shape == (len(IMAGES), 6, 5, 1)


def test_test_images_and_class_names(tmp_path: Path) -> None:
    names = [f"digit {label}" for label in range(10)]
    path = write(
        tmp_path,
        images=IMAGES[:900],
        labels=LABELS[:900, np.newaxis],
        test_images=IMAGES[900:],
        test_labels=LABELS[900:],
        class_names=np.array(names),
    )
    contents = read(path)
    assert contents.class_names == tuple(names)
    assert contents.test is not None
    np.testing.assert_array_equal(contents.test.images[..., 0], IMAGES[900:])
    np.testing.assert_array_equal(contents.test.labels, LABELS[900:])


GOOD = {"images": IMAGES, "labels": LABELS}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "other keys": ({"x_train": IMAGES, "y_train": LABELS}, "own.npz holds no array 'images', but 'x_train', 'y_train'"),
    "one key more": (
        GOOD | {"more": LABELS},
        "own.npz holds an array 'more': it takes images and labels, and optionall",
    ),
    "no arrays": ({}, "own.npz holds no array 'images', but nothing"),
    "half a test set": (GOOD | {"test_images": IMAGES}, "holds only one of test_images and test_labels"),
    "pickled labels": (GOOD | {"labels": LABELS.astype(object)}, "labels is damaged, or holds pickled objects"),
    "pickled images": (GOOD | {"images": IMAGES.astype(object)}, "images holds object of shape"),
    "pickled names": (GOOD | {"class_names": np.array(list("abcdefghij"), object)}, "class_names is damaged, or holds"),
    "floats": (GOOD | {"images": IMAGES / 16}, "images holds float64 of shape (1797, 8, 8): images are uint8"),
    "two channels": (GOOD | {"images": np.zeros((1797, 8, 8, 2), np.uint8)}, "images holds uint8 of shape (1797, 8, 8"),
    "Fortran order": (GOOD | {"images": np.asfortranarray(IMAGES)}, "images is in Fortran order"),
    "fewer labels": (GOOD | {"labels": LABELS[1:]}, "holds 1,797 images, but 1,796 labels"),
    "labels that are no integers": (GOOD | {"labels": LABELS / 1}, "labels must be whole numbers, not float64"),
    "labels of two dimensions": (GOOD | {"labels": np.eye(10, dtype=int)[LABELS]}, "labels must be of shape (N,), not"),
    "labels that skip numbers": (GOOD | {"labels": LABELS * 2}, "labels holds labels from 0 to 18, but none is 1"),
    "labels that count from 1": (GOOD | {"labels": LABELS + 1}, "labels holds labels from 1 to 10, but none is 0"),
    "negative labels": (GOOD | {"labels": LABELS - 1}, "labels holds the label -1: labels must count from 0"),
    "enormous labels": (GOOD | {"labels": LABELS * 10**9}, "labels must count from 0, and be below 1,000"),
    "one class": (GOOD | {"labels": LABELS * 0}, "holds one class, since every label is 0"),
    "a label without a name": (
        GOOD | {"class_names": np.array(list("abcdefghi"))},
        "the label 9, but there are 9 classe",
    ),
    "a name that is there twice": (
        GOOD | {"class_names": np.array(list("abcdefghia"))},
        "class_names must be at least",
    ),
    "test images of another size": (
        GOOD | {"test_images": IMAGES[:, 1:], "test_labels": LABELS},
        "holds images of shape (1797, 8, 8, 1) and test_images of shape (1797, 7, 8, 1)",
    ),
    "a test label of no class": (
        GOOD | {"test_images": IMAGES, "test_labels": LABELS + 1},
        "test_labels holds the label",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, tmp_path: Path) -> None:
    arrays, message = REFUSED[case]
    with pytest.raises(InputError) as error:
        read(write(tmp_path, **arrays))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_damaged_files_are_refused_or_read_but_never_crash(tmp_path: Path) -> None:
    whole = write(tmp_path, compressed=True, images=IMAGES[:50], labels=LABELS[:50]).read_bytes()
    path, draw = tmp_path / "damaged.npz", random.Random(0)
    refusals = set()
    for _ in range(150):
        content = bytearray(whole[: draw.randrange(len(whole))] if draw.random() < 0.3 else whole)
        for _ in range(4 if content else 0):
            content[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            refusals.add(str(error))
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)
