import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnist_core.data import load_dataset
from search.models.images import is_inverted, read_images
from space.errors import InputError
from tests.own_images import in_colour

GREY = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
SMOOTH = np.add.outer(np.arange(28), np.arange(28)).astype(np.uint8) * 4  # survives JPEG


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> None:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


MODEL = (1, 28, 28)
TO_GREY = "converted from colour to grey"


def read_one(path: Path, fitted: list[str] | None = None) -> np.ndarray:
    read = read_images(path, MODEL)
    images = read.images
    assert (read.names, read.folders) == ([path.name], [None])
    assert list(read.fitted) == (fitted or [])
    assert (images.shape, images.dtype) == ((1, 28, 28, 1), np.uint8)
    return images[0, :, :, 0]


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.bmp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_an_image_is_read_pixel_by_pixel(name: str, mode: str, tmp_path: Path) -> None:
    save(tmp_path / name, GREY, mode)
    np.testing.assert_array_equal(read_one(tmp_path / name, [TO_GREY] if mode == "RGB" else []), GREY)


def test_jpeg_and_black_and_white_images_are_read(tmp_path: Path) -> None:
    save(tmp_path / "a.jpeg", SMOOTH)
    np.testing.assert_allclose(read_one(tmp_path / "a.jpeg").astype(int), SMOOTH, atol=3)
    save(tmp_path / "a.png", np.where(GREY > 99, 255, 0).astype(np.uint8), "1")
    np.testing.assert_array_equal(read_one(tmp_path / "a.png"), np.where(GREY > 99, 255, 0))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY.astype(np.uint16) * 257)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode.startswith("I")
    np.testing.assert_array_equal(read_one(tmp_path / "a.png"), GREY)


def test_colours_become_grey(tmp_path: Path) -> None:
    colours = np.zeros((28, 28, 3), np.uint8)
    colours[:14, :, 1] = 255  # green looks lighter than blue
    colours[14:, :, 2] = 255
    save(tmp_path / "a.png", colours)
    assert {int(value) for value in read_one(tmp_path / "a.png", [TO_GREY])[[0, 27], 0]} == {150, 29}


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_background(mode: str, tmp_path: Path) -> None:
    pixels = np.full((28, 28, 4), 255, np.uint8)
    pixels[:, :14, 3] = 0
    save(tmp_path / "a.png", pixels, mode)
    read = read_one(tmp_path / "a.png", [TO_GREY] if mode == "RGBA" else [])
    assert (read[:, :14] == 0).all()
    assert (read[:, 14:] == 255).all()


def test_a_folders_images_come_by_path_and_other_files_do_not_matter(tmp_path: Path) -> None:
    for folder in ("cat", "dog", ".hidden"):
        (tmp_path / folder).mkdir()
    for position, name in enumerate(["dog/b.png", "cat/c.JPG", "a.bmp", "cat/d.webp", ".hidden/e.png"]):
        save(tmp_path / name, np.full((28, 28), 40 * position, np.uint8))
    (tmp_path / "notes.txt").write_text("none")
    np.save(tmp_path / "d.npy", GREY)
    read = read_images(tmp_path, MODEL)
    assert read.names == ["a.bmp", "cat/c.JPG", "cat/d.webp", "dog/b.png"]
    assert read.folders == [None, "cat", "cat", "dog"]
    assert read.images[:, 0, 0, 0].tolist() == [80, 40, 120, 0]


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_many_images_and_of_one(order: str, tmp_path: Path) -> None:
    many = np.random.default_rng(1).integers(0, 256, (3, 28, 28), np.uint8)
    np.save(tmp_path / "many.npy", np.array(many, order=order))
    read = read_images(tmp_path / "many.npy", MODEL)
    assert read.names == ["many.npy[0]", "many.npy[1]", "many.npy[2]"]
    np.testing.assert_array_equal(read.images[..., 0], many)
    np.save(tmp_path / "one.npy", np.array(GREY, order=order))
    np.testing.assert_array_equal(read_one(tmp_path / "one.npy"), GREY)
    np.save(tmp_path / "colours.npy", in_colour(many))
    read = read_images(tmp_path / "colours.npy", (3, 28, 28))
    np.testing.assert_array_equal(read.images, in_colour(many))
    np.save(tmp_path / "colour.npy", in_colour(many)[0])
    np.testing.assert_array_equal(read_images(tmp_path / "colour.npy", (3, 28, 28)).images, in_colour(many)[:1])

    grey = read_images(tmp_path / "colour.npy", MODEL)
    assert (grey.names, grey.images.shape) == (["colour.npy"], (1, 28, 28, 1))


# What is fitted


def test_another_size_is_stretched_and_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", np.kron(GREY, np.ones((10, 5), np.uint8)))
    read = read_images(tmp_path, MODEL)
    np.testing.assert_array_equal(read.images[0, ..., 0], GREY)
    assert np.abs(read.images[1, ..., 0].astype(int) - GREY).mean() < 30
    assert read.fitted == {"stretched to 28x28 pixels": ["b.png of 280x140"]}
    np.save(tmp_path / "c.npy", np.zeros((2, 14, 20), np.uint8))
    read = read_images(tmp_path / "c.npy", MODEL)
    assert read.images.shape == (2, 28, 28, 1)
    assert read.fitted == {"stretched to 28x28 pixels": ["c.npy[0] of 14x20", "c.npy[1] of 14x20"]}


def test_grey_images_become_colours_for_a_model_of_colours(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    np.save(tmp_path / "b.npy", GREY)
    for name in ("a.png", "b.npy"):
        read = read_images(tmp_path / name, (3, 28, 28))
        np.testing.assert_array_equal(read.images[0], np.repeat(GREY[..., np.newaxis], 3, axis=2))
        assert list(read.fitted) == ["converted from grey to colour"]


def test_other_values_than_bytes_are_said(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY.astype(np.uint16) * 257)
    assert read_images(tmp_path, MODEL).converted == {"16-bit values become 8-bit": ["a.png"]}


def digits(num: int = 100) -> np.ndarray:
    return load_dataset("digits", None, train_size=num).train.images


def test_dark_on_light_is_told_from_light_on_dark() -> None:
    images, mean = digits(), float(digits().mean()) / 255
    assert not is_inverted(images, mean).any()
    assert is_inverted(255 - images, mean).mean() > 0.97
    assert not is_inverted(255 - images, 1 - mean).any()
    assert is_inverted(images, 1 - mean).mean() > 0.97
    assert not is_inverted(np.random.default_rng(0).integers(0, 256, (50, 9, 9, 1), np.uint8), 0.5).any()
    bright = np.full((1, 28, 28, 1), 255, np.uint8)
    bright[:, [0, -1]] = bright[:, :, [0, -1]] = 0  # a light thing on dark
    assert not is_inverted(bright, mean).any()


# What is refused


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_images(path, MODEL, strict=True)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_strict_refuses_another_size_with_the_file_and_the_size(tmp_path: Path) -> None:
    save(tmp_path / "a.png", GREY)
    save(tmp_path / "b.png", np.zeros((28, 30), np.uint8))
    told = f"{tmp_path / 'b.png'} is of 28x30 pixels (height x width): images of 28x28 are needed"
    assert refusal(tmp_path) == told
    assert refusal(tmp_path / "b.png") == refusal(tmp_path)


def test_strict_refuses_other_colours(tmp_path: Path) -> None:
    save(tmp_path / "a.png", in_colour(GREY[np.newaxis])[0])
    assert refusal(tmp_path) == f"{tmp_path / 'a.png'} is a colour image: grey images are needed"


@pytest.mark.filterwarnings("error")
def test_an_enormous_image_is_refused_without_decoding_it(tmp_path: Path) -> None:
    Image.new("1", (12_000, 12_000)).save(tmp_path / "a.png")
    assert "a.png is of 12000x12000 pixels (height x width): images of 28x28 are needed" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((28, 28), "float32"),
        ((2, 28, 28), "int64"),
        ((1, 1, 28, 28), "uint8"),
        ((0, 28, 28), "uint8"),
        ((784,), "uint8"),
    ],
)
def test_another_kind_of_array_is_refused(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, dtype))
    assert f"a.npy holds {dtype} of shape {shape}: images are uint8" in refusal(tmp_path / "a.npy")


def test_what_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((2, 28, 28), np.uint8))
    whole = path.read_bytes()
    lying = whole.replace(b"(2, 28, 28)", b"(2999999, 28, 28)", 1)
    unclosed = whole.replace(b"28), }", b"28)   ")
    for content in (b"", b"garbage", whole[:-1], whole[:20], lying, unclosed):
        path.write_bytes(content)
        assert refusal(path) == f"{path} can't be read as a .npy file: it is damaged, or of another kind"
    np.save(path, np.array([{}]), allow_pickle=True)
    assert "can't be read as a .npy file" in refusal(path)
    with path.open("wb") as file:
        np.savez(file, GREY)
    assert "can't be read as a .npy file" in refusal(path)


def test_files_that_are_absent_or_no_images_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == f"--images {tmp_path / 'none'}: there is no such file or folder"
    assert "holds no file that ends in .png, .jpg, .jpeg, .bmp, .webp" in refusal(tmp_path)
    (tmp_path / "a.png").write_text("not an image")
    assert refusal(tmp_path).startswith(f"{tmp_path / 'a.png'} can't be read as PNG, JPEG, BMP, WEBP: it is damaged")
    save(tmp_path / "a.gif", GREY)
    assert "a.gif can't be read as PNG, JPEG, BMP, WEBP" in refusal(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_damaged_files_are_read_or_refused_but_never_crash(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    save(path, GREY)
    whole = path.read_bytes()
    draw = random.Random(0)
    refusals = []
    for _ in range(300):
        content = bytearray(whole[: draw.randrange(len(whole))] if draw.random() < 0.3 else whole)
        for _ in range(3 if content else 0):
            content[draw.randrange(min(len(content), 100))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            assert read_images(path, MODEL).images.shape == (1, 28, 28, 1)
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert not any("\n" in refusal for refusal in refusals)
