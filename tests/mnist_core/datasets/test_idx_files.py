import gzip
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_core.datasets.idx_files import read_idx
from mnist_core.datasets.sources import ImageSource, Kind, kind_of
from space.errors import InputError
from tests.mnist_layout import idx
from tests.own_images import digits, in_colour

IMAGES, LABELS = digits()
TRAIN, TEST = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


def write(
    folder: Path,
    names: tuple[str, str],
    images: NDArray[np.uint8] = IMAGES,
    labels: NDArray[np.int64] = LABELS,
    *,
    gz: bool = False,
) -> None:
    folder.mkdir(exist_ok=True)
    for name, array in zip(names, (images, labels.astype(np.uint8)), strict=True):
        content = idx(np.ascontiguousarray(array))
        (folder / f"{name}{'.gz' if gz else ''}").write_bytes(gzip.compress(content) if gz else content)


@pytest.mark.parametrize("gz", [False, True])
def test_images_of_any_size(tmp_path: Path, gz: bool) -> None:
    write(tmp_path / "own", TRAIN, IMAGES[:900, 1:], LABELS[:900], gz=gz)
    contents = read_idx(tmp_path / "own", tmp_path, size=None, grey=False)
    np.testing.assert_array_equal(contents.train.images[..., 0], IMAGES[:900, 1:])
    np.testing.assert_array_equal(contents.train.labels, LABELS[:900])
    assert (contents.test, contents.class_names) == (None, tuple("0123456789"))
    write(tmp_path / "own", TEST, IMAGES[900:, 1:], LABELS[900:], gz=gz)
    contents = read_idx(tmp_path / "own", tmp_path, size=(5, 5), grey=False)
    assert contents.test is not None
    assert (contents.train.images.shape, contents.test.images.shape) == ((900, 5, 5, 1), (897, 5, 5, 1))


def test_folders_of_nearly_their_names_do_not_matter(tmp_path: Path) -> None:
    """As in archives that hold each file twice."""
    write(tmp_path / "own", ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"))
    for name in TRAIN:
        (tmp_path / "own" / name).mkdir()
    assert len(read_idx(tmp_path / "own", tmp_path, size=None, grey=False).train) == len(IMAGES)
    (tmp_path / "classes" / TRAIN[0]).mkdir(parents=True)
    assert kind_of(ImageSource(str(tmp_path / "classes"))) == Kind.FOLDERS


def test_colours_have_a_fourth_dimension(tmp_path: Path) -> None:
    write(tmp_path / "own", ("train-images-idx4-ubyte", TRAIN[1]), in_colour(IMAGES))
    contents = read_idx(tmp_path / "own", tmp_path, size=None, grey=False)
    np.testing.assert_array_equal(contents.train.images, in_colour(IMAGES))


def test_emnist_is_turned_and_has_its_letters(tmp_path: Path) -> None:
    labels = np.arange(len(IMAGES)) % 26 + 1
    for part in ("train", "test"):
        names = (f"emnist-letters-{part}-images-idx3-ubyte", f"emnist-letters-{part}-labels-idx1-ubyte")
        write(tmp_path / "gzip", names, IMAGES.swapaxes(1, 2), labels, gz=True)
    write(
        tmp_path / "gzip", ("emnist-digits-train-images-idx3-ubyte", "emnist-digits-train-labels-idx1-ubyte"), gz=True
    )
    path = tmp_path / "gzip/emnist-letters-train-images-idx3-ubyte.gz"
    contents = read_idx(path, tmp_path, size=None, grey=False)
    np.testing.assert_array_equal(contents.train.images[..., 0], IMAGES)
    assert contents.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    np.testing.assert_array_equal(contents.train.labels, labels - 1)
    assert contents.test is not None
    assert "turned back" in contents.remarks[0]
    with pytest.raises(InputError, match="several sets of IDX files, 'emnist-digits-', 'emnist-letters-': name one of"):
        read_idx(tmp_path / "gzip", tmp_path, size=None, grey=False)


def damaged(tmp_path: Path, name: str, content: bytes) -> str:
    write(tmp_path / "own", TRAIN, IMAGES[:20], LABELS[:20])
    (tmp_path / "own" / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_idx(tmp_path / "own", tmp_path, size=None, grey=False)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_refused(tmp_path: Path) -> None:
    images, labels = idx(IMAGES[:20]), idx(LABELS[:20].astype(np.uint8))
    assert "train-images-idx3-ubyte is shorter than its header says" in damaged(tmp_path, TRAIN[0], images[:-1])
    assert "train-images-idx3-ubyte is longer than its header says" in damaged(tmp_path, TRAIN[0], images + b"\0")
    assert "train-labels-idx1-ubyte is shorter than its header says" in damaged(tmp_path, TRAIN[1], labels[:-1])
    assert "is no IDX file of bytes with 3 or 4 dimensions" in damaged(tmp_path, TRAIN[0], b"<html>")
    assert "is no IDX file of bytes with 1 dimension" in damaged(tmp_path, TRAIN[1], images)
    assert "holds 20 images, but" in damaged(tmp_path, TRAIN[1], idx(LABELS[:19].astype(np.uint8)))
    assert "claims to hold 4294967295x28x28 bytes" in damaged(
        tmp_path, TRAIN[0], bytes([0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28])
    )
    (tmp_path / "own" / TRAIN[1]).unlink()
    with pytest.raises(InputError, match="holds IDX files, but none with training labels"):
        read_idx(tmp_path / "own", tmp_path, size=None, grey=False)
    write(tmp_path / "own", TRAIN)
    write(tmp_path / "own", TEST, IMAGES[:, 1:])
    with pytest.raises(InputError, match="they must be of one size"):
        read_idx(tmp_path / "own", tmp_path, size=None, grey=False)
