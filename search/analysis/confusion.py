"""Drawing a confusion matrix."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from search.analysis.picture import GRID, INK, MUTED, PAPER, STYLE, VALIDATION, Picture, new_figure, render


def draw_confusion(confusion: NDArray[np.int64], names: Sequence[str]) -> Picture:
    """Draw counts by true class (row) and predicted class (column), in grey on the diagonal, else in shades of blue."""
    most = max(1, int((confusion - np.diag(np.diag(confusion))).max()))
    with matplotlib.rc_context(STYLE):
        side = max(560, 36 * len(names))  # so that the counts of many classes stay apart
        figure, axes = new_figure(side, side)
        for (row, column), count in np.ndenumerate(confusion):
            if row == column:
                fill, alpha, colour = GRID, 1.0, MUTED
            else:
                # The square root keeps single mistakes visible beside frequent ones.
                fill, alpha = VALIDATION, math.sqrt(count / most)
                colour = PAPER if alpha > 0.6 else INK
            if not count:
                fill, alpha = GRID, 0.25
            place = (column - 0.48, row - 0.48)
            axes.add_patch(Rectangle(place, 0.96, 0.96, facecolor=fill, alpha=alpha, linewidth=0))
            if count:
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=13)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_aspect("equal")
        long_names = max(map(len, names)) > 3
        turned: dict[str, Any] = {"rotation": 45, "ha": "left"} if long_names else {"rotation": 0, "ha": "center"}
        # Names of classes may hold anything, such as dollars, which would begin formulas.
        axes.set_xticks(range(len(names)), names, parse_math=False, **turned)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.tick_params(length=0, labelsize=13, labelcolor=INK, labeltop=True, labelbottom=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.xaxis.set_label_position("top")
        axes.spines[:].set_visible(False)
        return render(figure, "confusion")
