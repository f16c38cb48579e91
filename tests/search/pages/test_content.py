import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from search.pages.content import embedded_json, image_uri, shared_style


@pytest.mark.parametrize("shape", [(28, 28, 3), (3, 5, 3), (8, 8)])
def test_an_image_is_kept_as_it_is(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    head, _, content = image_uri(image).partition(",")
    assert head == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(content, validate=True)))) == image).all()


def test_no_text_ends_the_script_that_holds_it() -> None:
    value = {"name": "</script><script>alert(1)</script>", "line": "a\u2028b", "accuracy": 0.5}
    text = embedded_json(value)
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedded_json({"accuracy": float("nan")})


def test_the_style_knows_dark_screens_and_paper() -> None:
    assert "prefers-color-scheme: dark" in shared_style()
    assert "@media print" in shared_style()
