"""Reading the user's own images as the bytes that models take."""

import warnings
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnist_core.data_files import MAX_IMAGES
from space.errors import InputError
from space.files import has_file

FORMATS = ("PNG", "JPEG", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
SIDE = 28


def read_images(path: Path) -> tuple[list[str], NDArray[np.uint8]]:
    """Read a .npy file, an image file, or a folder's image files by name; returns names and (N, 28, 28, 1) bytes.

    Colours become grey, and transparent pixels black, which is the background. Raises `InputError` if a file is
    missing, can't be read, or has a size other than 28x28 pixels.
    """
    if path.is_dir():
        images = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        if not images:
            raise InputError(f"--images {path} holds no file that ends in {', '.join(SUFFIXES)}")
        return [image.name for image in images], np.stack([_read_image(image) for image in images])[..., np.newaxis]
    if not has_file(path, f"--images {path}"):
        raise InputError(f"--images {path}: there is no such file or folder")
    if path.suffix == ".npy":
        return _read_array(path)
    return [path.name], _read_image(path)[np.newaxis, ..., np.newaxis]


def _read_array(path: Path) -> tuple[list[str], NDArray[np.uint8]]:
    try:
        # The file is mapped, since a damaged one must not make us allocate the size that its header claims.
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, TokenError) as error:  # TokenError: numpy can't parse a header as Python
        raise _unreadable(path, "a .npy file", error) from None
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.shape[-2:] != (SIDE, SIDE) or not array.size:
        raise InputError(
            f"{path} holds {array.dtype} of shape {array.shape}: images are uint8 of shape (N, {SIDE}, {SIDE}) or "
            f"({SIDE}, {SIDE})"
        )
    if array.size > MAX_IMAGES * SIDE**2:
        raise InputError(f"{path} holds {len(array):,} images; at most {MAX_IMAGES:,} are read")
    names = [path.name] if array.ndim == 2 else [f"{path.name}[{position}]" for position in range(len(array))]
    return names, np.array(array).reshape(-1, SIDE, SIDE, 1)


def _read_image(path: Path) -> NDArray[np.uint8]:
    has_file(path, str(path))  # in a folder of images there may be anything
    try:
        with warnings.catch_warnings():
            # It warns about images that are too large to decode, which the check of the size below rejects anyway.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path, formats=FORMATS)
        with image:
            size = image.size
            pixels = _grey(image) if size == (SIDE, SIDE) else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _unreadable(path, ", ".join(FORMATS), error) from None
    if pixels is None:
        raise InputError(f"{path} is of {size[0]}x{size[1]} pixels: images of {SIDE}x{SIDE} are needed")
    return pixels


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # 16 bits, which convert("L") would clip at 255
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(background, image.convert("RGBA"))
    return np.asarray(image.convert("L"))


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or "it is damaged, or of another kind"
    return InputError(f"{path} can't be read as {kind}: {reason}")
