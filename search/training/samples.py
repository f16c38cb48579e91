"""Drawing a net's training images as one PNG picture."""

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from search.models.shown import in_colours

COLUMNS = 8
GAP, LABEL = 4, 9
"""Sizes in pixels: gap between images, space for the label above."""


def draw_samples(inputs: NDArray[np.float32], labels: Sequence[object], *, title: str) -> bytes:
    """Draw (N, height, width, channels) normalised pixels as a grid of images below their labels, as PNG bytes.

    The lowest value is black, the highest white. Does not use pyplot's global state.
    """
    rows = math.ceil(len(inputs) / COLUMNS)
    lowest, highest = inputs.min(), inputs.max()
    colours = in_colours((inputs - lowest) / max(highest - lowest, np.finfo(np.float32).tiny))
    _, side_y, side_x, _ = inputs.shape
    # All images share one picture, since separate axes would take more than ten times as long.
    sheet = np.ones((rows * (side_y + LABEL) + GAP, COLUMNS * (side_x + GAP) + GAP, 3), np.float32)
    height, width, _ = sheet.shape
    figure = Figure(figsize=(width / 32, height / 32 + 0.4), dpi=100)
    axes = figure.add_axes((0, 0, 1, height / (height + 0.4 * 32)))
    for position, (pixels, label) in enumerate(zip(colours, labels, strict=True)):
        row, column = divmod(position, COLUMNS)
        top, left = row * (side_y + LABEL) + LABEL, column * (side_x + GAP) + GAP
        sheet[top : top + side_y, left : left + side_x] = pixels
        # Names of classes may hold anything, such as dollars, which would begin formulas.
        place = (left + side_x / 2, top - 1.5)
        axes.text(*place, str(label), ha="center", va="bottom", fontsize=11, parse_math=False)
    axes.imshow(sheet)
    axes.set_axis_off()
    figure.suptitle(title, fontsize=11)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
