import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_core.checkpoint import load_checkpoint, restore_model
from mnist_core.data import Dataset
from mnist_core.evaluation import predict_logits
from search.analysis.facts import Analysis, sample_inputs
from search.models.layers import print_layers
from space.architecture import ArchitectureSpec
from tests.search.analysis.conftest import NOTATION, Report


def test_the_confusion_matrix_counts_every_validation_image(report: Report, data: Dataset, trained: Path) -> None:
    facts, page = report.facts, report.page
    checkpoint = load_checkpoint(trained / "last.safetensors")
    images = torch.tensor(data.validation.images)
    logits = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
    expected = np.zeros((10, 10), int)
    np.add.at(expected, (data.validation.labels, logits.argmax(1).numpy()), 1)
    confusion = np.array(facts["confusion"])
    assert confusion.tolist() == expected.tolist()
    assert confusion.sum() == len(data.validation) == 300
    assert [[int(row[str(name)]) for name in range(10)] for row in report.table("confusion")] == confusion.tolist()
    # On the page: the counts above 0, row by row, then what labels the axes.
    drawn = [int(text) for text in page.svg_texts["confusion"] if text.isdecimal()]
    counts = confusion[confusion > 0].tolist()
    assert sorted(drawn) == sorted(counts + 2 * list(range(10)))


def test_mistakes_are_those_of_the_accuracy(report: Report, data: Dataset) -> None:
    facts, page = report.facts, report.page
    mistakes = facts["mistakes"]
    assert facts["val_accuracy"] == facts["measured_accuracy"] == facts["epochs"][-1]["val_accuracy"]
    assert len(mistakes) == facts["num_mistakes"] == 300 - round(300 * facts["val_accuracy"]) > 0
    assert [mistake["confidence"] for mistake in mistakes] == sorted((m["confidence"] for m in mistakes), reverse=True)
    assert all(data.validation.labels[mistake["index"]] == mistake["label"] for mistake in mistakes)
    assert [{name: str(value) for name, value in m.items()} for m in mistakes] == report.table("mistakes")
    first = mistakes[0]
    shown = np.asarray(Image.open(io.BytesIO(page.images[0])))
    assert (shown == data.validation.images[first["index"]]).all(), "as it is in the data"
    caption = f"{first['label']} taken for {first['predicted']}{100 * first['confidence']:.1f} % sure"
    assert page.texts["mistakes"].index(caption) == page.texts["mistakes"].index(" taken for ") - 1


def test_class_scores_are_those_of_the_confusion_matrix(report: Report) -> None:
    facts = report.facts
    confusion = np.array(facts["confusion"])
    rights = np.diag(confusion)
    for position, (score, line) in enumerate(zip(facts["classes"], report.table("classes"), strict=True)):
        recall, precision = (rights[position] / confusion.sum(axis)[position] for axis in (1, 0))
        assert score["recall"] == pytest.approx(recall)
        assert score["precision"] == pytest.approx(precision)
        assert score["f1"] == pytest.approx(2 * recall * precision / (recall + precision))
        assert line == {name: str(value) for name, value in score.items()}
        row = report.page.rows["classes"][position + 1]
        assert row[:2] == [score["name"], str(score["support"])]
        assert row[3] == f"{100 * recall:.2f}"


def test_layers_are_those_that_count_prints(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_layers(ArchitectureSpec.from_text(NOTATION), as_json=True)
    counted = json.loads(capsys.readouterr().out)
    facts = report.facts
    for name in ("notation", "num_params", "num_macs"):
        assert facts[name] == counted[name]
    assert facts["weights_bytes"] == counted["weights_bytes"]
    assert facts["peak_activation_bytes"] == counted["inference_activation_bytes"]
    # The input of 28x28 is not a layer's.
    activations = sum(layer["activation_bytes"] for layer in facts["layers"])
    assert activations + 4 * 28 * 28 == counted["all_activation_bytes"]
    assert [{name: layer[name] for name in counted["layers"][0]} for layer in facts["layers"]] == counted["layers"]
    table = [(row["output_shape"], int(row["num_params"])) for row in report.table("layers")]
    assert table == [("x".join(map(str, layer["output_shape"])), layer["num_params"]) for layer in counted["layers"]]
    fields = [row[4] for row in report.page.rows["receptive-field"][1:]]
    assert fields == [f"{layer['receptive_field']}×{layer['receptive_field']}" for layer in counted["layers"]]


def test_epochs_are_those_of_the_training(report: Report, trained: Path) -> None:
    facts, page = report.facts, report.page
    assert report.table("epochs") == list(csv.DictReader((trained / "epochs.csv").read_text().splitlines()))
    last = [result["val_accuracy"] for result in facts["epochs"][-5:]]
    assert facts["last_epochs"] == {
        "num_epochs": 5,
        "lowest": min(last),
        "highest": max(last),
        "spread": max(last) - min(last),
    }
    assert page.rows["last-epochs"][0] == ["lowest", f"{100 * min(last):.2f} %"]
    assert facts["epoch"] == 7
    assert "The weights in the file" not in page.texts["remark"]
    assert page.rows["training-time"][2] == ["epochs", "7"]
    assert f"validation {100 * (1 - last[-1]):.2f} %" in page.svg_texts["error"]


def test_training_images_are_shown_as_augmented(analysis: Analysis, data: Dataset) -> None:
    images, names = sample_inputs(analysis)
    assert images.shape == (40, 28, 28, 1)
    assert len(names) == 40
    known = {image.tobytes() for image in data.train.images}
    assert not any(image.tobytes() in known for image in images)
    checkpoint = analysis.subject.checkpoint
    plain = replace(checkpoint.candidate.training, rotation=0.0, translation=0.0, scale=0.0)
    candidate = replace(checkpoint.candidate, training=plain)
    subject = replace(analysis.subject, checkpoint=replace(checkpoint, candidate=candidate))
    images, _ = sample_inputs(replace(analysis, subject=subject))
    assert all(image.tobytes() in known for image in images)
