import io
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mnist_core.schedule import learning_rates
from search.analysis.charts import draw_charts, draw_errors, draw_learning_rates, draw_losses, draw_mistakes
from search.analysis.facts import NUM_MISTAKES_SHOWN, Analysis, Mistake
from search.analysis.picture import STYLE
from space.results import EpochResult

CURVES = {"train_loss": 0.5, "train_accuracy": 0.8, "val_loss": 0.4}


def with_epochs(analysis: Analysis, *accuracies: float, rate: float = 0.1) -> Analysis:
    epochs = tuple(
        EpochResult(epoch=number, val_accuracy=accuracy, learning_rate=rate, seconds=1.0, **CURVES)
        for number, accuracy in enumerate(accuracies, start=1)
    )
    return replace(analysis, subject=replace(analysis.subject, epochs=epochs))


def texts(svg: str) -> list[str]:
    return re.findall(r">([^<>]+)</text>", svg)


def test_charts_of_the_training_are_there_where_its_epochs_are_known(analysis: Analysis) -> None:
    assert set(draw_charts(analysis)) == {"confusion"}
    assert set(draw_charts(with_epochs(analysis, 0.5, 0.75))) == {"confusion", "error", "loss", "learning-rate"}


def test_lines_end_in_their_last_value(analysis: Analysis) -> None:
    errors = texts(draw_errors(with_epochs(analysis, 0.5, 0.9875)).svg)
    assert {"Error", "training 20.00 %", "validation 1.25 %"} <= set(errors)
    losses = texts(draw_losses(with_epochs(analysis, 0.5, 0.9875)).svg)
    assert {"Loss", "training 0.500", "validation 0.400"} <= set(losses)


def test_no_error_at_all_has_its_place_on_a_log_scale_and_is_told_as_none(analysis: Analysis) -> None:
    svg = draw_errors(with_epochs(analysis, 0.99, 1.0)).svg
    assert "validation 0.00 %" in texts(svg)
    assert not re.search(r"\b(nan|inf)\b", svg)


def test_labels_of_lines_that_end_together_are_a_line_apart(analysis: Analysis) -> None:
    svg = draw_errors(with_epochs(analysis, 0.5, 0.8)).svg
    labels = re.findall(r'<text [^>]*?y="([\d.]+)"[^>]*>(training|validation) 20.00 %</text>', svg) or re.findall(
        r"translate\([\d.]+ ([\d.]+)\)[^>]*>(training|validation) 20.00 %</text>", svg
    )
    (first, _), (second, _) = labels
    assert abs(float(first) - float(second)) > STYLE["font.size"]


@pytest.mark.parametrize(("num_epochs", "is_shaded"), [(5, False), (6, True)])
def test_the_last_epochs_are_shaded_where_there_are_others(
    num_epochs: int, is_shaded: bool, analysis: Analysis
) -> None:
    svg = draw_errors(with_epochs(analysis, *[0.9] * num_epochs)).svg
    assert ("opacity: 0.45" in svg) == is_shaded


def test_the_schedule_is_that_of_the_training_with_its_highest_rate(analysis: Analysis) -> None:
    shown = with_epochs(analysis, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
    config, epochs = shown.subject.checkpoint.candidate.training, shown.subject.epochs
    rates = [learning_rates(config, result.epoch, 50, epochs[: result.epoch - 1]) for result in epochs]
    svg = draw_learning_rates(shown).svg
    assert {"Learning rate", f"highest {np.concatenate(rates).max():.3g}"} <= set(texts(svg))
    num_marks = Counter(re.findall(r'<use [^>]*href="#(\w+)"', svg))
    assert len(epochs) in num_marks.values(), "a dot an epoch"


@pytest.mark.parametrize(("num_mistakes", "num_rows"), [(1, 1), (8, 1), (9, 2), (200, 6)])
def test_mistakes_fill_as_many_rows_as_they_need(num_mistakes: int, num_rows: int, analysis: Analysis) -> None:
    mistakes = tuple(Mistake(index, 1, 7, 0.9) for index in range(num_mistakes))
    shown = replace(analysis, mistakes=mistakes)
    assert len(shown.shown_mistakes) == min(num_mistakes, NUM_MISTAKES_SHOWN)
    image = Image.open(io.BytesIO(draw_mistakes(shown)))
    assert image.size == (4 * 8 * 40, 4 * num_rows * 52)
