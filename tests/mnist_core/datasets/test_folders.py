import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from mnist_core.datasets.contents import Contents
from mnist_core.datasets.folders import read_folder
from mnist_core.datasets.pictures import read_header, read_picture
from space.errors import InputError
from tests.own_images import (
    CLASSES,
    FLOAT,
    ORIENTATION,
    SHORT,
    SOFTWARE,
    TEXT,
    WIDTH,
    exif_of,
    images_of,
    in_colour,
    write_class,
    write_folder,
)


def read(
    root: Path, scratch: Path, *, size: tuple[int, int] | None = None, grey: bool = False, skip_corrupt: bool = False
) -> Contents:
    return read_folder(root, scratch, size=size, grey=grey, skip_corrupt=skip_corrupt)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "pets", CLASSES, num=4)


def refusal(root: Path, scratch: Path, **options: object) -> str:
    with pytest.raises(InputError) as error:
        read(root, scratch, **options)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    return str(error.value)


def test_each_folder_is_a_class(root: Path, scratch: Path) -> None:
    contents = read(root, scratch)
    assert contents.class_names == ("cat", "dog", "eel")
    assert contents.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert (contents.validation, contents.test, contents.remarks) == (None, None, ())
    assert contents.train.images.dtype == np.uint8
    expected = np.concatenate([images_of(label, 4) for label in CLASSES.values()])
    np.testing.assert_array_equal(contents.train.images, expected[..., np.newaxis])


@pytest.mark.parametrize("validation", ["val", "valid", "validation", None])
def test_parts_may_be_given(tmp_path: Path, scratch: Path, validation: str | None) -> None:
    for part, num in (("train", 4), ("test", 2), *([(validation, 1)] if validation else [])):
        write_folder(tmp_path / "pets" / part, CLASSES, num=num)
    contents = read(tmp_path / "pets", scratch)
    assert (len(contents.train), len(contents.test or ())) == (12, 6)
    assert (len(contents.validation) if contents.validation else None) == (3 if validation else None)


def test_a_class_may_be_called_train(tmp_path: Path, scratch: Path) -> None:
    write_folder(tmp_path / "vehicles", {"bus": 1, "train": 2}, num=3)
    assert read(tmp_path / "vehicles", scratch).class_names == ("bus", "train")


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path, scratch: Path) -> None:
    write_folder(tmp_path / "numbers", {"10": 1, "9": 2, "2": 3}, num=2)
    assert read(tmp_path / "numbers", scratch).class_names == ("2", "9", "10")


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".WebP", ".png"])
def test_formats_and_colours(tmp_path: Path, scratch: Path, suffix: str) -> None:
    for name, label in CLASSES.items():
        write_class(tmp_path / "pets" / name, in_colour(images_of(label, 3)), suffix=suffix)
    contents = read(tmp_path / "pets", scratch)
    assert contents.train.images.shape == (9, 8, 8, 3)
    grey = read(tmp_path / "pets", scratch, grey=True)
    assert grey.train.images.shape == (9, 8, 8, 1)
    assert read(tmp_path / "pets", scratch, size=(4, 6)).train.images.shape == (9, 4, 6, 3)


def test_sizes_that_differ_are_refused_with_their_number_and_the_option(root: Path, scratch: Path) -> None:
    write_class(root / "cat", np.zeros((2, 9, 7), np.uint8), first=100)
    told = refusal(root, scratch)
    assert told.startswith("images must agree in size: 2 of 14 are not of 8x8 pixels (height x width), such as ")
    assert f"{root / 'cat/100.png'} of 9x7; --image-size 8x8 stretches all to one size" in told
    assert read(root, scratch, size=(8, 8)).train.images.shape == (14, 8, 8, 1)


def test_photos_are_turned_as_they_say(tmp_path: Path, scratch: Path) -> None:
    for name, label in CLASSES.items():
        write_class(tmp_path / "pets" / name, images_of(label, 2)[:, :6])
    turned = Image.fromarray(np.rot90(images_of(3, 3)[2][:6], -1))
    exif = Image.Exif()
    exif[0x0112] = 8  # its right side is the top
    turned.save(tmp_path / "pets/cat/002.png", exif=exif)
    contents = read(tmp_path / "pets", scratch)
    np.testing.assert_array_equal(contents.train.images[2, :, :, 0], images_of(3, 3)[2][:6])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_does(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"photo{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(images_of(3, 1)[0][:6]).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_picture(path)[..., 0], expected)
    header = read_header(path)
    assert (header.height, header.width) == expected.shape


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("tag", [WIDTH, SOFTWARE])
def test_exif_data_of_strange_types_do_not_matter(tmp_path: Path, tag: int, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    exif = exif_of((tag, FLOAT, struct.pack("<f", 1.5)), (ORIENTATION, SHORT, b"\6\0\0\0"))
    Image.fromarray(images_of(3, 1)[0][:6]).save(path, exif=exif)
    assert read_picture(path).shape == (8, 6, 1)


def test_an_orientation_that_is_no_number_turns_nothing(tmp_path: Path) -> None:
    Image.fromarray(images_of(3, 1)[0][:6]).save(tmp_path / "a.png", exif=exif_of((ORIENTATION, TEXT, b"up\0\0")))
    assert read_picture(tmp_path / "a.png").shape == (6, 8, 1)


def test_the_header_of_a_png_is_read_without_its_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_class(tmp_path, images_of(3, 1))

    def load(*_: object) -> None:
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", load)
    assert read_header(tmp_path / "000.png").height == 8


# Conversions, each told


def test_what_is_converted_is_said(root: Path, scratch: Path) -> None:
    wide = images_of(3, 5)[4]
    Image.fromarray(wide.astype(np.uint16) * 257).save(root / "cat/004.png")
    Image.fromarray(wide).convert("P").save(root / "cat/005.png")
    with_alpha = np.stack([wide, np.where(wide > 0, 255, 0).astype(np.uint8)], axis=2)
    Image.fromarray(with_alpha, "LA").save(root / "cat/006.png")
    contents = read(root, scratch)
    assert contents.train.images.shape == (15, 8, 8, 1)
    for position in (4, 5, 6):
        np.testing.assert_array_equal(contents.train.images[position, :, :, 0], wide)
    assert [remark.partition(":")[0] for remark in contents.remarks] == [
        "16-bit values become 8-bit",
        "palettes become the colours that they stand for",
        "transparent pixels become black",
    ]
    assert contents.remarks[0].endswith(f": 1 of 15 images, such as {root / 'cat/004.png'}")


def test_a_grey_image_among_colours_becomes_one_of_them(tmp_path: Path, scratch: Path) -> None:
    for name, label in CLASSES.items():
        write_class(tmp_path / "pets" / name, in_colour(images_of(label, 3)))
    write_class(tmp_path / "pets/cat", images_of(3, 5)[4:], first=3)
    contents = read(tmp_path / "pets", scratch)
    np.testing.assert_array_equal(contents.train.images[3], np.repeat(images_of(3, 5)[4][:, :, np.newaxis], 3, axis=2))
    (remark,) = contents.remarks
    assert remark.startswith(
        "grey images among colour ones become RGB (--grey makes all grey): 1 of 10 images, such as"
    )


def test_other_files_are_left_out_and_counted(root: Path, scratch: Path) -> None:
    (root / "cat/notes.txt").write_text("mine")
    (root / "dog/more").mkdir()
    (root / "dog/.DS_Store").write_text("hidden")
    (root / "readme.txt").write_text("beside the classes")
    contents = read(root, scratch)
    assert len(contents.train) == 12
    (remark,) = contents.remarks
    assert remark.startswith("2 entries of class folders are not read")
    assert str(root / "cat/notes.txt") in remark


# What is refused


@pytest.mark.parametrize("content", [b"", b"not an image", "cut"])
def test_a_damaged_image_is_named_or_left_out(root: Path, scratch: Path, content: bytes | str) -> None:
    path = root / "dog/001.png"
    path.write_bytes(path.read_bytes()[:-30] if isinstance(content, str) else content)
    assert refusal(root, scratch) == (
        f"{path} can't be read as PNG, JPEG, BMP, WEBP: it is damaged, or of another kind; --skip-corrupt leaves such "
        "images out and counts them"
    )
    contents = read(root, scratch, skip_corrupt=True)
    assert contents.train.labels.tolist() == [0] * 4 + [1] * 3 + [2] * 4
    assert contents.remarks == (f"1 damaged image is left out: {path}",)


def test_a_class_of_damaged_images_alone_is_refused(root: Path, scratch: Path) -> None:
    for path in (root / "dog").iterdir():
        path.write_bytes(b"damaged")
    assert refusal(root, scratch, skip_corrupt=True) == f"all images of class 'dog' in {root} are damaged"


def test_a_part_of_damaged_images_alone_is_refused(tmp_path: Path, scratch: Path) -> None:
    """A part of the training images in place of it would be another split than the user's."""
    for part in ("train", "val"):
        write_folder(tmp_path / "pets" / part, CLASSES, num=3)
    for path in (tmp_path / "pets/val").glob("*/*"):
        path.write_bytes(b"damaged")
    told = refusal(tmp_path / "pets", scratch, skip_corrupt=True)
    assert told == f"all validation images in {tmp_path / 'pets'} are damaged"


def test_names_of_one_number_have_an_order(tmp_path: Path, scratch: Path) -> None:
    write_folder(tmp_path / "pets", {"1": 3, "01": 5, "2": 7}, num=3)
    assert read(tmp_path / "pets", scratch).class_names == ("01", "1", "2")


def test_fewer_than_two_classes_are_refused(root: Path, scratch: Path) -> None:
    shutil.rmtree(root / "cat")
    shutil.rmtree(root / "dog")
    assert f"{root} holds one class folder, 'eel': it takes one folder for each class" in refusal(root, scratch)
    shutil.rmtree(root / "eel")
    assert f"{root} holds no class folders" in refusal(root, scratch)
    write_class(root, images_of(1, 2))
    assert f"{root} holds no class folders" in refusal(root, scratch)


def test_an_empty_class_is_refused(root: Path, scratch: Path) -> None:
    (root / "fox").mkdir()
    assert f"the class folder {root / 'fox'} holds no image that ends in .png" in refusal(root, scratch)


def test_a_class_of_one_part_alone_is_refused(tmp_path: Path, scratch: Path) -> None:
    write_folder(tmp_path / "pets/train", CLASSES, num=2)
    write_folder(tmp_path / "pets/test", CLASSES | {"fox": 2}, num=2)
    assert f"{tmp_path / 'pets/test/fox'} is a class of which {tmp_path / 'pets/train'} has no folder" in refusal(
        tmp_path / "pets", scratch
    )


def test_two_folders_of_validation_images_are_refused(tmp_path: Path, scratch: Path) -> None:
    for part in ("train", "val", "valid"):
        write_folder(tmp_path / "pets" / part, CLASSES, num=2)
    assert "holds both val and valid" in refusal(tmp_path / "pets", scratch)


def test_images_beyond_memory_are_refused_with_the_figure(
    root: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_core.datasets.contents.memory_bytes", lambda: 2 * 12 * 64 - 1)
    assert "holds 12 images of 8x8x1 bytes, 0.0 GB, and this machine has room for 0.0 GB" in refusal(root, scratch)
    monkeypatch.setattr("mnist_core.datasets.contents.memory_bytes", lambda: 2 * 12 * 64)
    assert len(read(root, scratch).train) == 12


def test_images_that_are_too_large_are_refused(tmp_path: Path, scratch: Path) -> None:
    for name in CLASSES:
        write_class(tmp_path / "pets" / name, np.zeros((1, 4, 1_025), np.uint8))
    assert "images of 4x1025 pixels (height x width), and at most 1024 are read on a side" in refusal(
        tmp_path / "pets", scratch
    )
    assert read(tmp_path / "pets", scratch, size=(8, 8)).train.images.shape == (3, 8, 8, 1)
