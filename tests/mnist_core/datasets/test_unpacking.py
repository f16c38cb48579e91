"""Images in the cache: found again while nothing changed, read anew where something did, and shared by processes."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_core.datasets import unpacking
from mnist_core.datasets.sources import ImageSource, parse_source
from mnist_core.datasets.unpacking import (
    IMAGES_FILE,
    LABELS_FILE,
    SEALED_FILE,
    TEST_IMAGES_FILE,
    find_unpacked,
    map_array,
    read_about,
    unpack,
)
from space.errors import InputError, SearchFailedError
from tests.own_images import CLASSES, images_of, write_class, write_folder

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pets", CLASSES)


def unpacked(root: Path, **options: object) -> tuple[Path, list[str]]:
    told: list[str] = []
    source = parse_source(str(root), **options)  # type: ignore[arg-type]
    assert isinstance(source, ImageSource)
    return unpack(source, [], told.append), told


def test_images_are_read_once(root: Path, cache: Path) -> None:
    folder, told = unpacked(root)
    assert told == [f"reading {root} once into {cache}"]
    assert unpacked(root) == (folder, [])
    about = read_about(folder)
    assert folder == cache / about.sha256 == find_unpacked(about.sha256)
    assert about.class_names == ("cat", "dog", "eel")
    assert about.num_train + about.num_validation + about.num_test == 90
    images, test = map_array(folder, IMAGES_FILE), map_array(folder, TEST_IMAGES_FILE)
    assert images.shape == (about.num_train + about.num_validation, 8, 8, 1)
    assert (test.shape, map_array(folder, SEALED_FILE).shape) == ((about.num_test, 8, 8, 1), (about.num_test, 16))
    assert isinstance(images, np.memmap)
    whole = np.concatenate([images, test])
    expected = {image.tobytes() for label in CLASSES.values() for image in images_of(label, 30)}
    assert {image.tobytes() for image in whole} == expected
    labels = map_array(folder, LABELS_FILE)
    for image, label in zip(images, labels.tolist(), strict=True):
        assert (image[..., 0] == images_of([3, 5, 7][label], 30)).all(axis=(1, 2)).any()
    pixels = images[: about.num_train] / 255
    assert about.train_statistics == pytest.approx((pixels.mean(), pixels.std()))
    assert about.all_but_test_statistics == pytest.approx(((images / 255).mean(), (images / 255).std()))
    assert sorted(entry.name for entry in cache.iterdir()) == sorted([about.sha256, "sources"])


def test_the_hash_is_that_of_the_images_not_of_their_names(root: Path) -> None:
    folder, _ = unpacked(root)
    os.rename(root / "cat/000.png", root / "cat/zzz.png")
    other, told = unpacked(root)
    assert (other, len(told)) == (folder, 1)
    os.rename(root, root.with_name("animals"))
    assert unpacked(root.with_name("animals"))[0] == folder
    write_class(root.with_name("animals") / "dog", images_of(5, 31)[30:], first=30)
    assert unpacked(root.with_name("animals"))[0] != folder


def test_options_change_the_images_and_the_hash(root: Path) -> None:
    folder, _ = unpacked(root)
    smaller, _ = unpacked(root, image_size="6x5")
    assert smaller != folder
    assert map_array(smaller, IMAGES_FILE).shape[1:] == (6, 5, 1)
    assert unpacked(root, grey=True)[0] == folder  # they are grey already


def test_what_is_refused_leaves_nothing(root: Path, cache: Path) -> None:
    (root / "cat/000.png").write_bytes(b"damaged")
    with pytest.raises(InputError, match="skip-corrupt"):
        unpacked(root)
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_named(root: Path) -> None:
    folder, _ = unpacked(root)
    for content in (b"damaged", b""):
        (folder / IMAGES_FILE).write_bytes(content)
        with pytest.raises(InputError, match=f"{folder.name} is damaged: delete it, and it is made again"):
            map_array(folder, IMAGES_FILE)
    (folder / "about.json").write_text("{}")
    with pytest.raises(InputError, match="is damaged"):
        read_about(folder)
    (folder / "about.json").unlink()
    assert unpacked(root)[0] == folder
    assert len(map_array(folder, IMAGES_FILE)) > 0


def test_of_two_processes_at_once_the_second_keeps_what_the_first_wrote(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Path] = []
    statistics = unpacking.pixel_statistics

    def later(images: Any) -> tuple[float, float]:
        """While the second measures its images, the first does all."""
        monkeypatch.setattr(unpacking, "pixel_statistics", statistics)
        if not first:
            first.append(unpacked(root)[0])
            (first[0] / "mark").touch()
        return statistics(images)

    monkeypatch.setattr(unpacking, "pixel_statistics", later)
    assert unpacked(root)[0] == first[0]
    assert (first[0] / "mark").exists()


def test_what_a_killed_process_left_is_removed_a_day_later(root: Path, cache: Path) -> None:
    left, used = cache / ".unpacking-aaaa", cache / ".unpacking-bbbb"
    for folder in (left, used):
        folder.mkdir(parents=True)
    os.utime(left, (0, 0))
    unpacked(root)
    assert (left.exists(), used.exists()) == (False, True)


def test_a_full_disk_is_a_failure(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpacking.np, "save", full)
    with pytest.raises(SearchFailedError, match="can't be written: No space left on device"):
        unpacked(root)
