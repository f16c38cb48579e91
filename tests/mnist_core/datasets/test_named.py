"""Datasets of torchvision, up to the network: its own download is replaced by one that writes such files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_core.datasets import named
from mnist_core.datasets.named import NAMED, find_named, read_named
from space.errors import InputError
from tests.mnist_layout import idx
from tests.own_images import digits

IMAGES, LABELS = digits()


def fetch_emnist(title: str, root: Path) -> None:
    """What torchvision leaves of EMNIST, for the balanced and the letters set."""
    assert title == "EMNIST"
    raw = root / "EMNIST/raw"
    raw.mkdir(parents=True)
    for name, labels in (("balanced", np.arange(1000) % 47), ("letters", np.arange(1000) % 26 + 1)):
        for part in ("train", "test"):
            (raw / f"emnist-{name}-{part}-images-idx3-ubyte").write_bytes(idx(np.ascontiguousarray(IMAGES[:1000])))
            (raw / f"emnist-{name}-{part}-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))


def fetch_in_vain(title: str, root: Path) -> None:
    (root / "half.zip").write_bytes(b"half")
    raise OSError("no network")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def test_emnist_is_downloaded_whole_and_found_again(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named, "_torchvision_download", fetch_emnist)
    root = tmp_path / "data"
    assert find_named("emnist-letters", [root]) == root
    assert [entry.name for entry in root.iterdir()] == ["EMNIST"]
    monkeypatch.setattr(named, "_torchvision_download", fetch_in_vain)
    assert find_named("emnist-balanced", [tmp_path / "other", root]) == root
    contents = read_named("emnist-balanced", root, scratch, size=None, grey=False)
    assert len(contents.class_names) == 47
    np.testing.assert_array_equal(contents.train.images[..., 0], IMAGES[:1000].swapaxes(1, 2))
    assert contents.test is not None
    assert len(contents.test) == 1000


def test_a_download_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "_torchvision_download", fetch_in_vain)
    with pytest.raises(InputError) as error:
        find_named("svhn", [tmp_path / "new/data"])
    assert str(error.value).startswith(f"SVHN is not in {tmp_path / 'new/data'} and could not be downloaded; put ")
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_users_own_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "_torchvision_download", fetch_in_vain)
    own = tmp_path / "train_32x32.mat"
    own.write_bytes(b"own")
    with pytest.raises(InputError, match=f"^{own} is there, but not all of train_32x32.mat, test_32x32.mat, which "):
        find_named("svhn", [tmp_path])
    assert own.read_bytes() == b"own"


def test_torchvision_itself_reads_cifar(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With files in its format whose hashes it does not know, it refuses; given them, it reads what was written."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), np.uint8)
    batch: dict[str, Any] = {"data": pixels.reshape(20, -1), "labels": [label % 10 for label in range(20)]}
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / name).write_bytes(pickle.dumps(batch))
    names = [f"class {label}" for label in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    assert find_named("cifar10", [tmp_path]) == tmp_path
    refused = (
        r"are not those that torchvision downloads: restore them, or name .* \(CIFAR10 is downloaded into an empty"
    )
    with pytest.raises(InputError, match=refused):
        read_named("cifar10", tmp_path, scratch, size=None, grey=False)

    def in_this_process(function: Any, *arguments: Any, seconds: float) -> bool:
        import torchvision

        for kind in ("_check_integrity", "_load_meta"):
            monkeypatch.setattr(torchvision.datasets.CIFAR10, kind, lambda self: True)
        monkeypatch.setattr(torchvision.datasets.CIFAR10, "classes", names, raising=False)
        function(*arguments)
        return True

    monkeypatch.setattr(named, "succeeds_in_process", in_this_process)
    contents = read_named("cifar10", tmp_path, scratch, size=None, grey=False)
    assert contents.train.images.shape == (100, 32, 32, 3)
    np.testing.assert_array_equal(contents.train.images[:20], pixels.transpose(0, 2, 3, 1))
    assert contents.class_names == tuple(names)
    assert contents.test is not None
    np.testing.assert_array_equal(contents.test.labels, np.arange(20) % 10)


def test_every_name_is_known_to_torchvision() -> None:
    import torchvision

    assert all(hasattr(torchvision.datasets, dataset.title) for dataset in NAMED.values())
