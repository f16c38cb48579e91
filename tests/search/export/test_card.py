import re
from dataclasses import replace

import numpy as np
import pytest

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.model import build_model
from search.export.card import render_model_card
from search.export.subject import ExportSubject, ModelFile
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

NET = "4s:br p 8v:br gap fc10+"
WITH_INTEGERS = "python -m search export --study mnist-8000 --trial 5 --format c-int8 --out firmware"
FRONT = [
    FrontPoint(trial=8, num_params=300, val_accuracy=0.95, notation="2s:br gap fc10+"),
    FrontPoint(trial=2, num_params=350, val_accuracy=0.96, notation="3s:br gap fc10+"),
    FrontPoint(trial=5, num_params=438, val_accuracy=0.9712, notation=NET),
    FrontPoint(trial=9, num_params=900, val_accuracy=0.98, notation="8s:br p 8v:br gap fc10+"),
    FrontPoint(trial=1, num_params=2_000, val_accuracy=0.99, notation="16s:br p 8v:br gap fc10+"),
]
FILES = [
    ModelFile("safetensors", "model.safetensors", 3_456, 0.9712),
    ModelFile("onnx", "model.onnx", 12_345, 0.9711),
    ModelFile("onnx-int8", "model-int8.onnx", 9_876, 0.9705, accuracy_lost=0.0007),
    ModelFile("c", "model.c", 45_678, 0.971, flash_bytes=2_048, ram_bytes=6_144),
    ModelFile("c-int8", "model.c", 23_456, 0.9698, 0.0014, 1_024, 6_144, included=False),
]


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), TrainingConfig(epochs=7, batch_size=32))
    weights = cpu_weights(build_model(candidate.architecture))
    return Checkpoint(candidate, weights, 0.1307, 0.3081, "mnist", "ab" * 32, 0.9712, seed=40, trial=5)


@pytest.fixture
def unconfirmed(checkpoint: Checkpoint) -> ExportSubject:
    return ExportSubject(checkpoint, "mnist-8000", FRONT)


def confirm(point: FrontPoint, accuracy: float) -> ConfirmedPoint:
    return ConfirmedPoint(
        trial=point.trial,
        num_params=point.num_params,
        notation=point.notation,
        seeds=(40, 41, 42),
        accuracy=accuracy,
        low=accuracy - 0.0011,
        high=accuracy + 0.0013,
        effective_images=9_000.0,
        degrees_of_freedom=2.0,
        front_probability=0.934,
        val_accuracy=point.val_accuracy,
    )


@pytest.fixture
def confirmed(checkpoint: Checkpoint) -> ExportSubject:
    members = [confirm(FRONT[2], 0.9689), confirm(FRONT[4], 0.9877)]
    return ExportSubject(
        replace(checkpoint, val_accuracy=None), "mnist-8000", FRONT, members[0], members, np.full((10, 10), 300)
    )


def sections(card: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.*)\n\n", card, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(section: str) -> list[list[str]]:
    """The cells of its tables, heads and rules left out."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = [place for place, row in enumerate(cells) if all(set(cell) <= set("-:") for cell in row)]
    return [row for place, row in enumerate(cells) if place not in rules and place + 1 not in rules]


def test_it_begins_with_what_the_model_is(unconfirmed: ExportSubject, confirmed: ExportSubject) -> None:
    title, text = render_model_card(unconfirmed, FILES, num_images=10_000).split("\n", 1)
    head = text.partition("## ")[0]
    assert title == "# Classifier of mnist with 438 parameters (unconfirmed)"
    assert render_model_card(confirmed, FILES, num_images=10_000).splitlines()[0] == title.removesuffix(
        " (unconfirmed)"
    )
    for fact in ("Trial 5 of the study `mnist-8000`", f"`{NET}`", "(N, 1, 28, 28)", ", ".join("0123456789")):
        assert fact in head


def test_it_has_the_same_sections_for_both_kinds(unconfirmed: ExportSubject, confirmed: ExportSubject) -> None:
    cards = [render_model_card(subject, FILES, num_images=10_000) for subject in (unconfirmed, confirmed)]
    assert [list(sections(card)) for card in cards] == [
        ["Use", "Accuracy", "Files", "Place on the front", "Confusion", "Preprocessing", "Training", "Limits"]
    ] * 2
    for card in cards:
        assert "None" not in card
        for line in card.splitlines():
            assert line == line.rstrip()


def test_balanced_accuracies_are_called_so(unconfirmed: ExportSubject) -> None:
    card = render_model_card(replace(unconfirmed, is_balanced=True), FILES, num_images=10_000)
    assert "| trial | parameters | balanced validation accuracy | notation |" in card


def test_an_unconfirmed_model_is_said_to_look_better_than_it_is(unconfirmed: ExportSubject) -> None:
    text = sections(render_model_card(unconfirmed, FILES, num_images=10_000))["Accuracy"]
    assert text.startswith("**Unconfirmed: 97.12 % of the validation images.**")
    assert "50 equal ones looks about 0.17 points better than it is" in text
    assert "test images were not read" in text


def test_a_confirmed_model_has_its_test_accuracy_over_seeds(confirmed: ExportSubject) -> None:
    card = render_model_card(confirmed, FILES, num_images=10_000)
    text = sections(card)["Accuracy"]
    assert text.startswith("**Mean test accuracy 96.89 % over 3 seeds** (40, 41, 42), 95 % interval 96.78 to 97.02 %.")
    assert "is 93 %." in text
    assert "those of the lowest seed, 40; they were not chosen by test accuracy" in text
    assert "the validation images too" in text
    assert "no estimate" in text
    assert "nconfirmed" not in card
    assert "0.17" not in card
    assert "which the model was trained on" in sections(card)["Files"]


def test_files_are_listed_with_size_and_accuracy(unconfirmed: ExportSubject) -> None:
    card = sections(render_model_card(unconfirmed, FILES, num_images=10_000))
    assert f"`{WITH_INTEGERS}` writes one that needs no floats" in card["Use"]
    text = card["Files"]
    assert "10,000 validation images." in text
    listed = {row[0]: row[2:] for row in rows(text) if row[0].startswith("`")}
    assert listed == {
        "`model.safetensors`": ["3,456", "97.12 %"],
        "`model.onnx`": ["12,345", "97.11 %"],
        "`model-int8.onnx`": ["9,876", "97.05 %"],
        "`model.c`": ["45,678", "97.10 %"],
    }
    assert [row for row in rows(text) if row[0] in ("floats", "integers")] == [
        ["floats", "2,048", "6,144", "97.10 %", "here"],
        ["integers", "1,024", "6,144", "96.98 %", f"`{WITH_INTEGERS}`"],
    ]
    assert "left out" not in text


def test_what_is_left_out_and_what_did_not_run_is_said(unconfirmed: ExportSubject) -> None:
    files = [
        *FILES[:2],
        replace(FILES[2], included=False, reason="it costs 0.30 points"),
        *(replace(file, accuracy=None, accuracy_lost=None, reason="there is no compiler") for file in FILES[3:]),
    ]
    text = sections(render_model_card(unconfirmed, files, num_images=10_000))["Files"]
    assert re.findall(r".* is left out.*", text) == ["`model-int8.onnx` is left out: it costs 0.30 points."]
    assert [row[3] for row in rows(text) if row[0] in ("`model.c`", "floats", "integers")] == ["not run here"] * 3


def test_neighbours_on_the_front_stand_beside_the_model(unconfirmed: ExportSubject, confirmed: ExportSubject) -> None:
    text = sections(render_model_card(unconfirmed, FILES, num_images=10_000))["Place on the front"]
    assert text.startswith("Point 3 of 5 of the study's front,")
    assert "validation accuracy" in text
    assert rows(text) == [
        ["2", "350", "96.00 %", "`3s:br gap fc10+`"],
        ["**5**, this one", "438", "97.12 %", f"`{NET}`"],
        ["9", "900", "98.00 %", "`8s:br p 8v:br gap fc10+`"],
    ]
    text = sections(render_model_card(confirmed, FILES, num_images=10_000))["Place on the front"]
    assert text.startswith("Point 1 of 2 of the study's confirmed front,")
    assert "mean test accuracy" in text
    assert [row[:3] for row in rows(text)] == [["**5**, this one", "438", "96.89 %"], ["1", "2,000", "98.77 %"]]


def test_a_trial_off_the_front_is_said_to_be_off_it(unconfirmed: ExportSubject) -> None:
    subject = replace(unconfirmed, front=[point for point in FRONT if point.trial != 5])
    assert (subject.position, list(subject.neighbours)) == (None, [])
    text = sections(render_model_card(subject, FILES, num_images=10_000))["Place on the front"]
    assert text.strip() == "Trial 5 is not on the study's front, which has 4 points."
    text = sections(render_model_card(replace(subject, front=FRONT[:1]), FILES, num_images=10_000))[
        "Place on the front"
    ]
    assert text.strip() == "Trial 5 is not on the study's front, which has 1 point."


def test_the_confusion_matrix_names_its_images(unconfirmed: ExportSubject, confirmed: ExportSubject) -> None:
    captions = [
        sections(render_model_card(subject, FILES, num_images=10_000))["Confusion"]
        for subject in (unconfirmed, confirmed, replace(confirmed, confusion=None))
    ]
    assert all("![Confusion matrix](confusion.png)" in caption for caption in captions)
    assert "Counts on the validation images:" in captions[0]
    assert "Counts on the test images (30,000 predictions):" in captions[1]
    assert "Counts on the validation images, which the model was trained on:" in captions[2]


def test_every_training_setting_is_there(unconfirmed: ExportSubject, checkpoint: Checkpoint) -> None:
    text = render_model_card(unconfirmed, FILES, num_images=10_000)
    settings = checkpoint.candidate.to_json()["training"]
    assert {row[0].strip("`"): row[1] for row in rows(sections(text)["Training"])} == {
        name: "none" if value is None else str(value) for name, value in settings.items()
    }
    assert ("epochs", 7) in settings.items()
    assert "(pixel - 0.1307) / 0.3081" in sections(text)["Preprocessing"]
    assert "ab" * 32 in sections(text)["Training"]
