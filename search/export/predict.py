"""Classify images with the ONNX model beside this file, using numpy and onnxruntime.

usage: python predict.py [IMAGES ...]

IMAGES are .npy files of bytes (uint8) of shape (N, height, width), or (N, height, width, 3) for colours, also without N
for one image; or, if Pillow is installed, image files such as PNG and JPEG. Image files of another size are stretched.
If they are omitted, the examples beside this file are used. Prints the label and the confidence for each image.
"""

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

FOLDER = Path(__file__).resolve().parent
BATCH_SIZE = 500


def main(arguments: list[str]) -> None:
    if arguments in (["-h"], ["--help"]):
        print((__doc__ or "").strip())
        return
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    shape = tuple(session.get_inputs()[0].shape[1:])  # channels, height, width
    classes = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
    files = [Path(argument) for argument in arguments]
    read = [(file, read_images(file, shape)) for file in files or [FOLDER / "examples.npy"]]
    width = max(map(len, classes))
    is_named = len(files) > 1 or any(file.suffix != ".npy" for file in files)
    for file, images in read:
        for position, row in enumerate(predict(session, images)):
            name = file.name if len(images) == 1 else f"{file.name}[{position}]"
            shown = f"{classes[row.argmax()]:<{width}}  {100 * row.max():5.1f} %"
            print(f"{shown}  {name}" if is_named else shown)


def predict(session: Any, images: Any) -> Iterator[Any]:
    """Yield the (classes,) probabilities of each of (N, height, width, channels) bytes."""
    for first in range(0, len(images), BATCH_SIZE):
        pixels = np.moveaxis(images[first : first + BATCH_SIZE], 3, 1).astype(np.float32) / 255
        (logits,) = session.run(["logits"], {"pixels": pixels})
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        yield from probabilities / probabilities.sum(axis=1, keepdims=True)


def read_images(path: Path, shape: tuple[int, ...]) -> Any:
    """Read a file as (N, height, width, channels) bytes of the model's shape, or exit with an error message."""
    if path.suffix != ".npy" and path.suffix:
        return _read_picture(path, shape)
    try:
        images = np.load(path)
    except OSError as error:
        sys.exit(f"error: {path} can't be read: {error.strerror or error}")
    except (ValueError, EOFError):
        sys.exit(f"error: {path} is not a .npy file of numbers")
    if not isinstance(images, np.ndarray):
        sys.exit(f"error: {path} holds several arrays: save one with numpy.save")
    if images.dtype != np.uint8:
        sys.exit(f"error: {path} holds {images.dtype}, not bytes of 0 to 255 (numpy's uint8)")
    channels, height, width = shape
    one = (height, width) if channels == 1 else (height, width, channels)
    with_channels = (height, width, channels)
    if images.shape in (one, with_channels):
        images = images[np.newaxis]
    if images.shape[1:] not in (one, with_channels) or not images.size:
        inside = ", ".join(map(str, one))
        sys.exit(f"error: {path} has the shape {images.shape}, not (N, {inside}) or ({inside})")
    return images.reshape(-1, height, width, channels)


def _read_picture(path: Path, shape: tuple[int, ...]) -> Any:
    """Read an image file as the images that the model was trained on were read: see docs/own-images.md."""
    try:
        from PIL import Image
    except ImportError:
        sys.exit(f"error: reading {path.name} needs Pillow: pip install pillow, or give a .npy file")
    channels, height, width = shape
    try:
        with Image.open(path) as image:
            image.draft(None, (max(height, width), max(height, width)))
            turned = _upright(image)
            if turned.mode.startswith("I"):  # 16 bits
                turned = Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8))
            if turned.has_transparency_data:  # what is transparent becomes black
                turned = Image.alpha_composite(Image.new("RGBA", turned.size, "black"), turned.convert("RGBA"))
            turned = turned.convert("L" if channels == 1 else "RGB")
            pixels = np.asarray(turned.resize((width, height), Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        sys.exit(f"error: {path} can't be read: {getattr(error, 'strerror', None) or 'it is no image, or damaged'}")
    return pixels.reshape(1, height, width, channels)


def _upright(image: Any) -> Any:
    """Turn an image as its EXIF data say. Pillow's function for it rewrites these data, and fails for strange ones."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    try:
        orientation = image.getexif().get(0x0112)
    except (OSError, ValueError, SyntaxError, TypeError, struct.error):
        return image
    return image.transpose(turns[orientation]) if orientation in turns else image


if __name__ == "__main__":
    main(sys.argv[1:])
