"""The files that pages are made of, and data as a page can hold it."""

import base64
import io
import json
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def read_part(package: str, name: str) -> str:
    """Return the text of a file that belongs to a package of this program."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def shared_style() -> str:
    return read_part("search.pages", "style.css")


def embedded_json(value: Any) -> str:
    """Return JSON for a script element, which no text in it can end."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def image_uri(image: NDArray[np.uint8]) -> str:
    """Return the (height, width) or (height, width, 3) bytes as PNG in a URI, for the source of an `img` element."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
