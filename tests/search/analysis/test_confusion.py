import io
import re

import numpy as np
from PIL import Image

from search.analysis.confusion import draw_confusion

NAMES = list("0123456789")


def texts(svg: str) -> list[str]:
    return re.findall(r">([^<>]+)</text>", svg)


def test_every_count_but_none_is_written_beside_the_names_of_both_axes() -> None:
    confusion = np.diag(np.arange(101, 111))
    confusion[9, 9], confusion[3, 5], confusion[5, 3] = 0, 1_234, 7
    picture = draw_confusion(confusion, NAMES)
    counts = [f"{count:,}" for count in confusion[confusion > 0]]
    assert "1,234" in counts
    assert sorted(texts(picture.svg)) == sorted([*counts, *NAMES, *NAMES, "predicted", "true"])
    assert min(Image.open(io.BytesIO(picture.png)).size) > 500


def opacities(confusion: np.ndarray) -> list[float]:
    svg = draw_confusion(confusion, list("abc")).svg
    return [float(value) for value in re.findall(r"fill: var\(--validation\)[^\"]*?opacity: ([\d.]+)", svg)]


def test_the_deeper_the_blue_the_more_mistakes() -> None:
    # The most frequent mistake is opaque, for which no opacity is written.
    assert opacities(np.array([[5, 4, 1], [0, 9, 16], [0, 0, 9]])) == [0.5, 0.25]
    assert opacities(np.diag([3, 3, 3])) == []


def test_names_are_no_formulas() -> None:
    shown = texts(draw_confusion(np.eye(2, dtype=np.int64), ["$x_$", "[b]"]).svg)
    assert shown.count("$x_$") == 2


def test_long_names_are_turned_aside() -> None:
    confusion = np.eye(3, dtype=np.int64)
    assert len(re.findall(r"rotate\(-45", draw_confusion(confusion, ["T-shirt", "Bag", "Shirt"]).svg)) == 3
    assert "rotate(-45" not in draw_confusion(confusion, ["a", "b", "abc"]).svg
