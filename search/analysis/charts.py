"""Drawing the charts of an analysis."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from mnist_core.schedule import learning_rates
from search.analysis.confusion import draw_confusion
from search.analysis.facts import NUM_LAST_EPOCHS, Analysis
from search.analysis.picture import GRID, INK, STYLE, TRAINING, VALIDATION, Picture, new_figure, png_of, render
from search.models.shown import in_colours
from space.candidate import TrainingConfig
from space.results import EpochResult

DIGITS_IN_ROW = 8
STEPS_PER_EPOCH = 50


def draw_charts(analysis: Analysis) -> dict[str, Picture]:
    """Draw all charts, by name; those of the training are omitted if its epochs are not known."""
    names = analysis.subject.checkpoint.class_names
    charts = {"confusion": draw_confusion(analysis.confusion, names)}
    if analysis.subject.epochs:
        charts["error"] = draw_errors(analysis)
        charts["loss"] = draw_losses(analysis)
        charts["learning-rate"] = draw_learning_rates(analysis)
    return charts


def draw_errors(analysis: Analysis) -> Picture:
    """Draw the errors by epoch on a log scale, which separates accuracies near 99 %."""
    lines = {
        "training": (TRAINING, [100 * (1 - result.train_accuracy) for result in analysis.subject.epochs]),
        "validation": (VALIDATION, [100 * (1 - result.val_accuracy) for result in analysis.subject.epochs]),
    }
    # An error of zero is drawn as half an image.
    return _draw_curves("error", lines, least=50 / analysis.num_images, digits=2, unit=" %")


def draw_losses(analysis: Analysis) -> Picture:
    lines = {
        "training": (TRAINING, [result.train_loss for result in analysis.subject.epochs]),
        "validation": (VALIDATION, [result.val_loss for result in analysis.subject.epochs]),
    }
    return _draw_curves("loss", lines, least=1e-6, digits=3)


def draw_learning_rates(analysis: Analysis) -> Picture:
    """Draw the schedule within epochs as a line and the last learning rate of each epoch as a dot."""
    epochs = analysis.subject.epochs
    with matplotlib.rc_context(STYLE):
        figure, axes = new_figure(500, 300)
        steps, rates = _schedule(analysis.subject.checkpoint.candidate.training, epochs)
        axes.plot(steps, rates, color=INK, linewidth=1.6)
        ends = [result.epoch for result in epochs], [result.learning_rate for result in epochs]
        axes.plot(*ends, "o", color=INK, markersize=4)
        axes.set_ylim(0, 1.12 * max(rates))
        axes.set_xlim(0, len(epochs) * 1.02)
        axes.set_title("Learning rate", loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y")
        top = int(np.argmax(rates))
        axes.annotate(
            f"highest {rates[top]:.3g}",
            (steps[top], rates[top]),
            (0, 6),
            textcoords="offset points",
            ha="center" if top else "left",
            color=INK,
        )
        return render(figure, "learning-rate")


def draw_mistakes(analysis: Analysis) -> bytes:
    """Draw the shown mistakes as PNG; the page has its own layout for them."""
    mistakes, names = analysis.shown_mistakes, analysis.subject.checkpoint.class_names
    images = in_colours(analysis.data.validation.images[[mistake.index for mistake in mistakes]])
    num_rows = math.ceil(len(mistakes) / DIGITS_IN_ROW)
    _, side_y, side_x, _ = images.shape
    caption = 20  # pixels for the text above each image
    width, height = max(40, side_x + 12), side_y + caption + 4
    mosaic = np.full((height * num_rows, width * DIGITS_IN_ROW, 3), 255, np.uint8)
    with matplotlib.rc_context(STYLE):
        figure, axes = new_figure(2 * mosaic.shape[1], 2 * mosaic.shape[0])
        for position, (mistake, pixels) in enumerate(zip(mistakes, images, strict=True)):
            row, column = divmod(position, DIGITS_IN_ROW)
            top, left = height * row + caption, width * column + (width - side_x) // 2
            mosaic[top : top + side_y, left : left + side_x] = pixels
            was, said = names[mistake.label], names[mistake.predicted]
            text = f"{was}\ntaken for {said}\n{100 * mistake.confidence:.1f} % sure"
            # Names of classes may hold anything, such as dollars, which would begin formulas.
            axes.text(left + side_x / 2, top, text, ha="center", va="bottom", fontsize=8, parse_math=False)
        axes.imshow(mosaic)
        axes.set_axis_off()
        return png_of(figure)


def _draw_curves(
    name: str, lines: dict[str, tuple[str, list[float]]], *, least: float, digits: int, unit: str = ""
) -> Picture:
    """Draw two curves by epoch on a log scale, clipped at ``least``, each with its last value as a label at its end."""
    with matplotlib.rc_context(STYLE):
        figure, axes = new_figure(500, 300)
        axes.set_yscale("log")
        shown = {label: np.maximum(values, least) for label, (_, values) in lines.items()}
        num_epochs = len(shown["validation"])
        if num_epochs > NUM_LAST_EPOCHS:
            axes.axvspan(num_epochs - NUM_LAST_EPOCHS + 0.5, num_epochs + 0.5, color=GRID, alpha=0.45, linewidth=0)
        for label, values in shown.items():
            axes.plot(range(1, num_epochs + 1), values, "-o", color=lines[label][0], linewidth=2, markersize=4)
        _scale_log_axis(axes, np.concatenate(list(shown.values())), unit)
        axes.set_xlim(0.5, num_epochs + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(name.capitalize(), loc="left")
        axes.set_xlabel("epoch")
        axes.grid(axis="y")
        ends = {label: math.log10(values[-1]) for label, values in shown.items()}
        lower, upper = sorted(ends, key=lambda label: ends[label])
        low, high = map(math.log10, axes.get_ylim())
        # The labels are kept at least a line of text apart.
        shift = max(0.0, 0.12 * (high - low) - (ends[upper] - ends[lower])) / 2
        for label, height in ((lower, ends[lower] - shift), (upper, ends[upper] + shift)):
            colour, values = lines[label]
            axes.annotate(
                f"{label} {values[-1]:.{digits}f}{unit}",
                (num_epochs + 0.5, 10**height),
                (6, 0),
                textcoords="offset points",
                va="center",
                color=colour,
                annotation_clip=False,
            )
        return render(figure, name)


def _scale_log_axis(axes: Axes, values: NDArray[np.float64], unit: str) -> None:
    low, high = values.min() / 1.25, values.max() * 1.25
    axes.set_ylim(low, high)
    subs = (1.0, 2.0, 5.0) if high / low > 8 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{unit}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _schedule(config: TrainingConfig, epochs: Sequence[EpochResult]) -> tuple[list[float], list[float]]:
    """Sample the learning rate at `STEPS_PER_EPOCH` steps of each epoch; returns times in epochs, and rates."""
    steps, rates = [], []
    for result in epochs:
        of_epoch = learning_rates(config, result.epoch, STEPS_PER_EPOCH, epochs[: result.epoch - 1])
        steps += [result.epoch - 1 + (step + 1) / STEPS_PER_EPOCH for step in range(STEPS_PER_EPOCH)]
        rates += of_epoch.tolist()
    return steps, rates
