import re
from dataclasses import replace

import numpy as np
import pytest

from search.analysis.facts import Analysis
from space.results import EpochResult
from tests.search.analysis.conftest import NOTATION, Report, make_page

SECTIONS = ("rules", "layers", "receptive-field", "learning", "classes", "mistakes", "inputs", "settings")


def test_every_part_is_on_the_page(report: Report) -> None:
    page, facts = report.page, report.facts
    assert all(page.texts[section].strip() for section in SECTIONS)
    assert "run/last.safetensors" in page.texts[""]
    assert NOTATION in page.texts[""]
    assert f"{100 * facts['val_accuracy']:.2f} % ± {100 * facts['standard_error']:.2f}" in page.texts[""]
    assert "one standard error from 300 images" in page.texts["remark"]
    assert "This is validation, not test" in page.texts["remark"]
    assert len(page.rows["layers"]) == 1 + 5 + 1
    assert len(page.rows["receptive-field"]) == 1 + 5
    assert len(page.rows["classes"]) == 1 + 10 + 1
    assert [row[0] for row in page.rows["rules"][1:]] == ["at most 8,000 parameters", "batchnorm", "dropout", "gap"]
    assert {"Error", "Loss", "Learning rate"} <= {text for name in page.svg_texts for text in page.svg_texts[name]}
    assert [tag for tag, name, _ in page.attributes if (tag, name) == ("svg", "viewbox")] == ["svg"] * 4
    assert len(page.images) == min(48, facts["num_mistakes"]) + 40


def test_the_page_needs_no_network_no_file_and_no_script(report: Report) -> None:
    assert not re.search(r"https?:|<script|<link|@import", report.html)
    for tag, name, value in report.page.attributes:
        if name in ("src", "href", "xlink:href", "srcset", "data"):
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value)
        assert not name.startswith("on")
    assert all(target.startswith("#") for target in re.findall(r"url\(['\"]?([^)]*)", report.html))


def test_each_id_is_there_once_and_each_that_is_meant(report: Report) -> None:
    ids = [value for _, name, value in report.page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:href=\"|url\()#(\w+)", report.html)) <= set(ids)


def test_texts_in_tables_break_so_that_no_column_is_cut(report: Report) -> None:
    style = report.html.partition("</style>")[0]
    assert re.search(r"td\.text \{[^}]*white-space: normal", style)
    assert '<td class="text">3×3 convolution, BatchNorm, ReLU, dropout 0.05</td>' in report.html


def test_colours_are_the_pages_own(report: Report) -> None:
    charts = report.html.partition("</style>")[2]
    assert "var(--validation)" in charts
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", charts)) == set()


def test_without_epochs_a_sentence_stands_for_the_curves(analysis: Analysis) -> None:
    page = make_page(analysis)
    assert "are not known" in page.texts["epochs-unknown"]
    assert [name for tag, name, _ in page.attributes if (tag, name) == ("svg", "viewbox")] == ["viewbox"]
    facts = analysis.to_json()
    assert facts["epochs"] is facts["last_epochs"] is None
    # And what a person wrote is escaped.
    assert "Of <nowhere> & here" in page.texts[""]


def test_a_model_without_mistakes_after_one_perfect_epoch_has_a_page(analysis: Analysis) -> None:
    perfect = EpochResult(1, 0.5, 1.0, 0.25, 1.0, 0.1, 2.0)
    subject = replace(analysis.subject, epochs=(perfect,))
    right = np.diag([score.support for score in analysis.scores])
    flawless = replace(analysis, subject=subject, mistakes=(), confusion=right)
    page = make_page(flawless)
    assert "it is right about every validation image" in page.texts["mistakes"]
    assert "100.00 % ± 0.00" in page.texts[""]
    assert "validation 0.00 %" in page.svg_texts["error"]
    assert "Validation accuracy over the last epoch" in page.texts["learning"]
    assert page.rows["last-epochs"] == [["lowest", "100.00 %"], ["highest", "100.00 %"], ["spread", "0.00 points"]]


def test_one_mistake_is_one(analysis: Analysis) -> None:
    page = make_page(replace(analysis, mistakes=analysis.mistakes[:1]))
    assert "mistake in 300 validation images" in page.texts[""]
    assert "The only validation image that it gets wrong." in page.texts["mistakes"]


def test_the_headline_is_of_the_last_epoch_also_for_earlier_weights(analysis: Analysis) -> None:
    accuracy = analysis.subject.checkpoint.val_accuracy
    epochs = tuple(
        EpochResult(epoch, 0.5, 0.8, 0.4, val_accuracy, 0.1, 1.5)
        for epoch, val_accuracy in enumerate([0.5, accuracy, 0.75], start=1)
    )
    earlier = replace(analysis, subject=replace(analysis.subject, epochs=epochs))
    facts, page = earlier.to_json(), make_page(earlier)
    assert facts["val_accuracy"] == 0.75
    assert facts["epoch"] == 2
    assert facts["measured_accuracy"] == accuracy
    assert "75.00 % ± 2.50" in page.texts[""]
    assert f"those of epoch 2, with {100 * accuracy:.2f} %" in page.texts["remark"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "resized by up to 10 %."),
        (
            {"plain_share": 0.3},
            "resized by up to 10 %. 30 % of them, drawn anew in every epoch, are shown as they are.",
        ),
        ({"plain_epochs": 1}, "resized by up to 10 %. In the last 1 epoch none is augmented."),
        ({"plain_epochs": 7}, "this training did not augment them."),
    ],
)
def test_how_training_images_are_augmented(analysis: Analysis, settings: dict[str, float], told: str) -> None:
    checkpoint = analysis.subject.checkpoint
    training = replace(checkpoint.candidate.training, plain_share=0.0, plain_epochs=0)
    candidate = replace(checkpoint.candidate, training=replace(training, **settings))
    subject = replace(analysis.subject, checkpoint=replace(checkpoint, candidate=candidate))
    page = make_page(replace(analysis, subject=subject))
    assert page.texts["inputs"].endswith(told)
