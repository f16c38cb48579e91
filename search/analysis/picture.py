"""Pictures in two forms: SVG with the page's colours and font, and PNG."""

import io
import re
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Blue and orange are distinguishable with every kind of colour vision. The page has a variable for each colour, with
# different values for light and dark screens.
PAPER, INK, MUTED, GRID = "#ffffff", "#1c2330", "#5f6b7a", "#dfe4ea"
VALIDATION, TRAINING = "#1f5fa8", "#c65d0e"
CSS_COLOURS = {
    PAPER: "--paper",
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    VALIDATION: "--validation",
    TRAINING: "--training",
}
POINTS_PER_INCH = 72
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",  # text remains text, in the page's font
}


@dataclass(frozen=True)
class Picture:
    """A picture in both forms."""

    svg: str
    """SVG element to embed in a page."""
    png: bytes
    """PNG on a white background, for all other uses."""


def new_figure(width: int, height: int) -> tuple[Figure, Axes]:
    """Create a figure whose SVG has this size in user units, which the page shows as pixels."""
    figure = Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), layout="constrained")
    return figure, figure.subplots()


def render(figure: Figure, name: str) -> Picture:
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": name}):  # gives reproducible IDs that differ between pictures
        figure.savefig(stream, format="svg", facecolor="none", metadata=nothing)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # Inline SVG needs no namespaces, takes font and size from the page, and must not repeat the page's IDs.
    svg = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg \1 role="img" aria-label="{name}">', svg, count=1)
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r' id="([\w.]+)"', lambda match: match[0] if f"#{match[1]}" in svg else "", svg)
    for colour, variable in CSS_COLOURS.items():
        svg = svg.replace(colour, f"var({variable})")
    return Picture(svg.strip(), png_of(figure))


def png_of(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=2 * POINTS_PER_INCH, facecolor=PAPER)
    return stream.getvalue()
