"""Classify images with the ONNX model beside this file, using numpy and onnxruntime.

usage: python predict.py [IMAGES.npy]

IMAGES.npy holds bytes (uint8) of shape (N, 28, 28), or (28, 28) for one image: 0 is the background, light on dark.
If it is omitted, the examples beside this file are used. Prints the label and the confidence for each image.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

FOLDER = Path(__file__).resolve().parent


def main(arguments: list[str]) -> None:
    if arguments in (["-h"], ["--help"]):
        print((__doc__ or "").strip())
        return
    if len(arguments) > 1:
        sys.exit("error: give one file of images: python predict.py [IMAGES.npy]")
    images = read_images(Path(arguments[0]) if arguments else FOLDER / "examples.npy")
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", providers=["CPUExecutionProvider"])
    names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
    (logits,) = session.run(["logits"], {"pixels": images[:, np.newaxis].astype(np.float32) / 255})
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    width = max(map(len, names))
    for row in probabilities:
        print(f"{names[row.argmax()]:<{width}}  {100 * row.max():5.1f} %")


def read_images(path: Path) -> Any:
    """Read images as (N, 28, 28) bytes, or exit with an error message."""
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
    if images.ndim not in (2, 3) or images.shape[-2:] != (28, 28) or not images.size:
        sys.exit(f"error: {path} has the shape {images.shape}, not (N, 28, 28) or (28, 28)")
    return images.reshape(-1, 28, 28)


if __name__ == "__main__":
    main(sys.argv[1:])
