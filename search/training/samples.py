"""Drawing a net's training images as one PNG picture."""

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLUMNS = 8
SIDE, GAP, LABEL = 28, 4, 9
"""Sizes in pixels: side of an image, gap between images, space for the label above."""


def draw_samples(inputs: NDArray[np.float32], labels: Sequence[object], *, title: str) -> bytes:
    """Draw (N, 28, 28) normalised pixels as a grid of grey images below their labels, as PNG bytes.

    The lowest value is black. Does not use pyplot's global state.
    """
    rows = math.ceil(len(inputs) / COLUMNS)
    # All images share one picture, since separate axes would take more than ten times as long.
    sheet = np.full((rows * (SIDE + LABEL) + GAP, COLUMNS * (SIDE + GAP) + GAP), np.nan, np.float32)
    height, width = sheet.shape
    figure = Figure(figsize=(width / 32, height / 32 + 0.4), dpi=100)
    axes = figure.add_axes((0, 0, 1, height / (height + 0.4 * 32)))
    for position, (pixels, label) in enumerate(zip(inputs, labels, strict=True)):
        row, column = divmod(position, COLUMNS)
        top, left = row * (SIDE + LABEL) + LABEL, column * (SIDE + GAP) + GAP
        sheet[top : top + SIDE, left : left + SIDE] = pixels
        axes.text(left + SIDE / 2, top - 1.5, str(label), ha="center", va="bottom", fontsize=11)
    axes.imshow(sheet, cmap="gray", vmin=inputs.min(), vmax=inputs.max())
    axes.set_axis_off()
    figure.suptitle(title, fontsize=11)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
