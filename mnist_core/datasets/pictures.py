"""One image file, decoded by Pillow into the bytes that datasets and models hold, and what was converted for that."""

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from space.errors import InputError
from space.files import has_file

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What shows an image upright, by EXIF orientation. Pillow's own function for it also rewrites all EXIF data, and fails
for tags that it does not expect."""
_TURNED = range(5, 9)
"""EXIF orientations that exchange height and width."""
_PNG_EXIF = ("exif", "Raw profile type exif", "XML:com.adobe.xmp")
"""Names of what may hold an orientation before the pixels of a PNG file."""


@dataclass(frozen=True)
class Header:
    """What is known of an image before its pixels are decoded."""

    height: int
    width: int
    is_colour: bool
    conversion: str | None
    """What is done to its pixels to make them bytes of grey or of red, green and blue, such as "16-bit values become
    8-bit"; None if they are that."""


class DamagedImageError(InputError):
    """An image file that can't be decoded."""


def read_header(path: Path) -> Header:
    """Return what the header of an image file says. Raises `InputError`, `DamagedImageError` if it can't be decoded."""
    with _open(path) as image:
        try:
            return _header(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # a palette that is cut off
            raise _damaged(path, error) from None


def read_picture(path: Path, *, size: tuple[int, int] | None = None, channels: int | None = None) -> NDArray[np.uint8]:
    """Return (height, width, channels) bytes: of ``size``, height and width, and of 1 or 3 channels if given.

    The image is turned as its EXIF data say, and stretched to ``size``. Transparent pixels become black.
    Raises `InputError`, `DamagedImageError` if the file can't be decoded.
    """
    with _open(path) as image:
        try:
            if size is not None:
                image.draft(None, (max(size), max(size)))  # a large JPEG is decoded at a fraction of its size
            header = _header(image)
            orientation = _orientation(image)
            turned = image.transpose(_TURNS[orientation]) if orientation in _TURNS else image
            return _pixels(turned, size, channels or (3 if header.is_colour else 1))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise _damaged(path, error) from None


def fit_pixels(images: NDArray[np.uint8], *, size: tuple[int, int] | None, grey: bool) -> NDArray[np.uint8]:
    """Return (N, height, width, channels) bytes, stretched to ``size`` and made grey as `read_picture` does."""
    if (size is None or size == images.shape[1:3]) and not (grey and images.shape[3] == 3):
        return images
    channels = 1 if grey else images.shape[3]
    return np.stack([_pixels(_image_of(pixels), size, channels) for pixels in images])


def _image_of(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _open(path: Path) -> Image.Image:
    has_file(path, str(path))  # in a folder of images there may be anything
    try:
        with warnings.catch_warnings():
            # It warns about images so large that they can't be meant; a size that is too large is refused elsewhere.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    if isinstance(error, PermissionError):
        return InputError(f"{path} can't be read: permission denied")
    if isinstance(error, Image.DecompressionBombError):
        return InputError(f"{path} can't be read: it has too many pixels ({error})")
    reason = getattr(error, "strerror", None) or "it is damaged, or of another kind"
    return DamagedImageError(f"{path} can't be read as {', '.join(FORMATS)}: {reason}")


def _header(image: Image.Image) -> Header:
    width, height = image.size
    if _orientation(image) in _TURNED:
        width, height = height, width
    conversion = None
    if image.mode.startswith(("I", "F")):
        conversion = "16-bit values become 8-bit"
    elif image.has_transparency_data:
        conversion = "transparent pixels become black"
    elif image.mode == "P":
        conversion = "palettes become the colours that they stand for"
    elif image.mode not in ("1", "L", "RGB"):
        conversion = f"{image.mode} colours become RGB"
    return Header(height, width, _is_colour(image), conversion)


def _orientation(image: Image.Image) -> object:
    """Return what the EXIF data say of how the image must be turned; None if they don't, or are damaged."""
    if image.format == "PNG" and not any(name in image.info for name in _PNG_EXIF):
        return None  # Pillow would decode the whole image to look for them behind the pixels
    try:
        return image.getexif().get(_ORIENTATION)
    except (OSError, ValueError, SyntaxError, TypeError, struct.error):
        return None


def _is_colour(image: Image.Image) -> bool:
    if image.mode == "P":
        palette = image.getpalette() or []  # red, green and blue of each entry
        return not palette[::3] == palette[1::3] == palette[2::3]
    return image.mode not in ("1", "L", "LA", "La", "F") and not image.mode.startswith("I")


def _pixels(image: Image.Image, size: tuple[int, int] | None, channels: int) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):  # 16 bits, which convert("L") would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(background, image.convert("RGBA"))
    image = image.convert("L" if channels == 1 else "RGB")
    if size is not None and image.size != (size[1], size[0]):
        # This filter averages over all pixels that one is made of, so that shrinking skips none.
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, channels)
