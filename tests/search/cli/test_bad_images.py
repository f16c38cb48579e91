"""Images of one's own that can't be used: one line that names the rule and the place, exit code 2, nothing written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.workers.machine import COMPILING_LINE
from tests.own_images import digits, images_of, in_colour, write_class, write_folder
from tests.search.conftest import cache_with_trainer

CLASSES = {"cat": 3, "dog": 5}
IMAGES, LABELS = digits()


def folder(path: Path) -> None:
    write_folder(path, CLASSES, num=12)


def with_one_class(path: Path) -> None:
    write_folder(path, {"cat": 3}, num=12)


def with_empty_class(path: Path) -> None:
    folder(path)
    (path / "eel").mkdir()


def with_damaged_image(path: Path) -> None:
    folder(path)
    (path / "dog/000.png").write_bytes(b"damaged")


def with_two_sizes(path: Path) -> None:
    folder(path)
    write_class(path / "dog", images_of(5, 2)[:, :5], first=50)


def with_a_small_class(path: Path) -> None:
    folder(path)
    write_class(path / "eel", images_of(7, 4))


def archive(**arrays: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, **arrays)

    return write


def table(*lines: str) -> Callable[[Path], None]:
    return lambda path: path.write_text("".join(f"{line}\n" for line in lines)) and None


CASES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "absent": ("none", lambda path: None, "or a folder or file that exists, not 'none'"),
    "no class": ("pets", Path.mkdir, "pets holds no class folders: it takes one folder for each class"),
    "one class": ("pets", with_one_class, "pets holds one class folder, 'cat': it takes one folder for each class"),
    "an empty class": ("pets", with_empty_class, "pets/eel holds no image that ends in .png, .jpg, .jpeg, .bmp, .webp"),
    "a damaged image": ("pets", with_damaged_image, "dog/000.png can't be read as PNG, JPEG, BMP, WEBP: it is damaged"),
    "two sizes": ("pets", with_two_sizes, "2 of 26 are not of 8x8 pixels (height x width), such as"),
    "a small class": ("pets", with_a_small_class, "class 'eel' of"),
    "other keys": ("a.npz", archive(x=IMAGES, y=LABELS), "a.npz holds no array 'images', but 'x', 'y'"),
    "pickled": ("a.npz", archive(images=IMAGES, labels=LABELS.astype(object)), "labels is damaged, or holds pickled"),
    "labels that skip": ("a.npz", archive(images=IMAGES, labels=LABELS * 2), "labels from 0 to 18, but none is 1"),
    "labels of floats": (
        "a.npz",
        archive(images=IMAGES, labels=LABELS / 2),
        "labels must be whole numbers, not float64",
    ),
    "ragged rows": (
        "a.csv",
        table("label,a,b,c,d", "0,1,2,3,4", "1,2,3"),
        "a.csv, line 3 has 3 columns, and the first",
    ),
    "words": ("a.csv", table("label,a,b,c,d", "cat,1,2,3,4"), "a.csv, line 2 holds 'cat': labels and pixels must be"),
    "another file": ("a.zip", Path.touch, "a.zip is of no kind that can be read: name a folder of class folders"),
}


@pytest.mark.parametrize("command", ["run", "train", "count"])
@pytest.mark.parametrize("case", CASES)
def test_images_that_cannot_be_used(search_here, case: str, command: str) -> None:
    name, make, message = CASES[case]
    make(search_here.folder / name)
    before = sorted(search_here.folder.rglob("*"))
    rest = {"run": ["--budget", 3000], "train": ["8s:br gap fc2+", "--out", "out"], "count": ["8s:br gap fc2+"]}
    cache = search_here.folder.parent / f"{search_here.folder.name}-cache"
    result = search_here(command, *rest[command], "--dataset", name, SEARCH_CACHE_DIR=str(cache))
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    errors = [line for line in result.stderr.splitlines() if not line.startswith("reading ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert message in errors[0]
    assert sorted(search_here.folder.rglob("*")) == before
    assert not cache.exists() or [*cache.rglob("*")] == [cache / "datasets"]


def test_what_is_converted_or_left_out_is_said(search_here) -> None:
    root = search_here.folder / "pets"
    for name, label in CLASSES.items():
        write_class(root / name, in_colour(images_of(label, 40)))
    (root / "dog/999.png").write_bytes(b"damaged")
    Image.fromarray(images_of(3, 41)[40]).save(root / "cat/500.png")
    arguments = ("train", "2s:br gap fc2+", "--out", "out", "--epochs", 1, "--dataset", "pets", "--skip-corrupt")
    result = search_here(*arguments, SEARCH_CACHE_DIR=str(cache_with_trainer(search_here.folder / "cache")))
    assert result.returncode == 0, result.stderr
    assert COMPILING_LINE not in result.stderr
    assert "grey images among colour ones become RGB (--grey makes all grey): 1 of 81 images" in result.stderr
    assert f"1 damaged image is left out: {root / 'dog/999.png'}" in result.stderr
    assert " sealed test images of 8x8 pixels (height x width), colour, 2 classes\n" in result.stderr
    assert "training images of each class: cat " in result.stderr
