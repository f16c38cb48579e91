import io
import re
from collections.abc import Iterator

import matplotlib
import pytest
from matplotlib.figure import Figure
from PIL import Image

from search.analysis.picture import (
    CSS_COLOURS,
    INK,
    PAPER,
    STYLE,
    TRAINING,
    VALIDATION,
    new_figure,
    png_of,
    render,
)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    """What pictures are drawn with."""
    with matplotlib.rc_context(STYLE):
        yield


def figure_of_two_lines() -> Figure:
    figure, axes = new_figure(400, 200)
    axes.plot([1, 2, 3], [3, 1, 2], "-o", color=VALIDATION)
    axes.plot([1, 2, 3], [1, 2, 3], color=TRAINING)
    axes.set_title("Error", color=INK)
    axes.set_xlabel("epoch")
    return figure


def test_a_picture_is_an_element_of_a_page_with_its_colours_and_font() -> None:
    svg = render(figure_of_two_lines(), "error").svg
    assert svg.startswith('<svg viewBox="0 0 400 200" role="img" aria-label="error">')
    assert svg.endswith("</svg>")
    assert {"Error", "epoch"} <= set(re.findall(r">([^<>]+)</text>", svg)), "text stays text"
    for name in ("--validation", "--training", "--ink", "--muted"):
        assert f"var({name})" in svg
    assert not re.search("|".join(CSS_COLOURS), svg)
    assert "font-family" not in svg


def test_a_picture_names_only_what_it_points_to_and_shares_no_name_with_another() -> None:
    names = {}
    for picture in ("error", "loss"):
        svg = render(figure_of_two_lines(), picture).svg
        ids = re.findall(r' id="([^"]+)"', svg)
        assert len(ids) == len(set(ids)) > 0
        assert set(ids) == set(re.findall(r'(?:href="|url\()#([\w.]+)', svg))
        names[picture] = set(ids)
    assert not names["error"] & names["loss"]


def test_a_picture_is_the_same_every_time() -> None:
    first, again = (render(figure_of_two_lines(), "error") for _ in range(2))
    assert first == again
    assert not re.search(r"\d{4}-\d\d-\d\d|Matplotlib", first.svg), "when or by what it was drawn is not told"


def test_as_png_it_has_twice_the_pixels_on_paper() -> None:
    figure = figure_of_two_lines()
    image = Image.open(io.BytesIO(png_of(figure))).convert("RGB")
    assert image.size == (800, 400)
    assert "#{:02x}{:02x}{:02x}".format(*image.getpixel((0, 0))) == PAPER  # type: ignore[misc]
    assert Image.open(io.BytesIO(render(figure, "error").png)).size == image.size
