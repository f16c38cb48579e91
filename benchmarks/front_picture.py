"""Drawing the confirmed front of a study and the reference systems, as shown in README.md.

    python -m benchmarks.front_picture [--run FOLDER] [--out FILE]

FOLDER holds the `confirmed.csv` of a study (`python -m benchmarks.study_tables`). The reference systems are those of
`space/recipes.py`, with the accuracies that they reached here (`space/measured.csv`) and those that they claim.
"""

import argparse
import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

from space.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RUN = ROOT / "docs/runs/2026-11-28-mnist-8000-third"
DEFAULT_OUT = ROOT / "docs/front.png"

# Blue and orange are distinguishable with every kind of colour vision.
PAPER, INK, MUTED, GRID = "#ffffff", "#1c2330", "#5f6b7a", "#dfe4ea"
FOUND, REFERENCE = "#1f5fa8", "#c65d0e"
WIDTH, HEIGHT, POINTS_PER_INCH = 800, 500, 72
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
}

NUM_PARAMS_RANGE = (450, 130_000)
ACCURACY_RANGE = (0.9715, 0.9975)
NUM_PARAMS_TICKS = (500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
ACCURACY_TICKS = (0.975, 0.98, 0.985, 0.99, 0.992, 0.994, 0.995, 0.996, 0.997)

# Start of a label, in points to the right of its marker and above it; names not listed have DEFAULT_PLACE.
REFERENCE_PLACES = {"000-step3": (24, 26), "001": (9, 7), "002-optimized": (-98, -16), "004-v1": (-23, -13)}
DEFAULT_PLACE = (9, 0)
MEMBER_PLACES = {832: (28, -30), 1_457: (30, -34), 2_973: (0, -50), 5_443: (14, 22)}
"""Places of labels for those members of the front that have one, by number of parameters."""


@dataclass(frozen=True)
class Member:
    """A member of a confirmed front. Accuracies are fractions of the test images."""

    num_params: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Reference:
    """A reference system with its mean test accuracy measured here and the one that its document claims."""

    name: str
    num_params: int
    measured: float
    num_seeds: int
    claimed: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=DEFAULT_RUN, help="folder with confirmed.csv")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="PNG file to write")
    options = parser.parse_args()
    draw(read_members(options.run / "confirmed.csv"), read_references(), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


def read_members(path: Path) -> list[Member]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Member(int(row["num_params"]), float(row["accuracy"]), float(row["low"]), float(row["high"]))
            for row in csv.DictReader(file)
        ]


def read_references() -> list[Reference]:
    with (files("space") / "measured.csv").open(encoding="utf-8") as file:
        measured = {row["name"]: (float(row["mean"]), int(row["n"])) for row in csv.DictReader(file)}
    return [
        Reference(name, recipe.candidate.num_params, *measured[name], recipe.claimed_accuracy)
        for name, recipe in RECIPES.items()
    ]


def draw(members: Sequence[Member], references: Sequence[Reference], path: Path) -> None:
    shown = [one for one in references if NUM_PARAMS_RANGE[0] <= one.num_params <= NUM_PARAMS_RANGE[1]]
    beyond = [one for one in references if one not in shown]
    with matplotlib.rc_context(STYLE):
        size = (WIDTH / POINTS_PER_INCH, HEIGHT / POINTS_PER_INCH)
        figure = Figure(figsize=size, layout="constrained", facecolor=PAPER)
        axes = figure.subplots()
        _scale(axes)
        _draw_references(axes, shown)
        _draw_members(axes, members)
        _explain(axes, shown, beyond)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=2 * POINTS_PER_INCH)
    # A palette halves the file size without a visible change.
    Image.open(stream).convert("RGB").quantize(128).save(path, "png", optimize=True)


def _scale(axes: Axes) -> None:
    """Set up logarithmic axes: parameters, and the share of errors, which decreases towards the top."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*NUM_PARAMS_RANGE)
    axes.set_ylim(*(1 - accuracy for accuracy in ACCURACY_RANGE))
    axes.xaxis.set_major_locator(FixedLocator(NUM_PARAMS_TICKS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda num_params, _: f"{num_params:,.0f}"))
    axes.yaxis.set_major_locator(FixedLocator([1 - accuracy for accuracy in ACCURACY_TICKS]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * (1 - error):.1f} %"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("parameters (log scale)")
    axes.set_title("Accuracy on the MNIST test set (log scale of the errors)", loc="left", fontsize=13, pad=12)
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _draw_references(axes: Axes, references: Sequence[Reference]) -> None:
    for one in references:
        errors = [1 - one.measured, 1 - one.claimed]
        axes.plot([one.num_params] * 2, errors, color=REFERENCE, linewidth=1.2, alpha=0.5, zorder=3)
        axes.plot(one.num_params, errors[1], "o", color=REFERENCE, markerfacecolor=PAPER, markersize=8.5, zorder=4)
        axes.plot(one.num_params, errors[0], "o", color=REFERENCE, markersize=5, zorder=6)
        _label(axes, one.name, one.num_params, one.measured, REFERENCE_PLACES.get(one.name, DEFAULT_PLACE), REFERENCE)


def _draw_members(axes: Axes, members: Sequence[Member]) -> None:
    for member in members:
        ends = [1 - member.low, 1 - member.high]
        axes.plot([member.num_params] * 2, ends, color=FOUND, linewidth=1.4, alpha=0.35, zorder=3)
        axes.plot(member.num_params, 1 - member.accuracy, "o", color=FOUND, markersize=5.5, zorder=5)
        if place := MEMBER_PLACES.get(member.num_params):
            text = f"{100 * member.accuracy:.2f} % with {member.num_params:,}"
            _label(axes, text, member.num_params, member.accuracy, place, FOUND)


def _label(axes: Axes, text: str, num_params: int, accuracy: float, place: tuple[float, float], colour: str) -> None:
    """Write ``text`` starting at ``place``, with a line to its marker if that is far away."""
    far = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "alpha": 0.7, "shrinkA": 1, "shrinkB": 4}
    axes.annotate(
        text,
        (num_params, 1 - accuracy),
        place,
        textcoords="offset points",
        arrowprops=far if math.hypot(*place) > 30 else None,
        ha="left",
        va="center",
        color=colour,
        path_effects=[withStroke(linewidth=3, foreground=PAPER)],
        zorder=7,
    )


def _explain(axes: Axes, shown: Sequence[Reference], beyond: Sequence[Reference]) -> None:
    """Explain colours and markers in place of a legend, and list systems outside the picture."""
    seeds = " or ".join(str(number) for number in sorted({one.num_seeds for one in shown}))
    _paragraph(axes, 0.02, "Found by the search", FOUND, "means over fresh seeds, 95 % intervals")
    _paragraph(
        axes, 0.55, "Reference systems, tuned by hand", REFERENCE, f"● measured here, {seeds} seeds    ○ claimed"
    )
    for one in beyond:
        text = (
            f"Not shown: {one.name} with {one.num_params:,} parameters,\n"
            f"measured {100 * one.measured:.2f} %, claimed {100 * one.claimed:.2f} %"
        )
        axes.text(0.99, 0.03, text, transform=axes.transAxes, ha="right", va="bottom", color=MUTED, fontsize=11)


def _paragraph(axes: Axes, left: float, heading: str, colour: str, text: str) -> None:
    axes.text(left, 0.975, heading, transform=axes.transAxes, va="top", color=colour, weight="bold")
    axes.text(left, 0.925, text, transform=axes.transAxes, va="top", color=colour)


if __name__ == "__main__":
    main()
