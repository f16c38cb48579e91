"""The report on a trained model: every part is there, agrees with the others and with the model, and needs nothing."""

import base64
import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_core.checkpoint import load_checkpoint, restore_model, save_checkpoint
from mnist_core.data import Dataset, load_dataset
from mnist_core.evaluation import predict_logits
from search.analysis.analyse import FACTS_FILE, FILES, PAGE_FILE, PICTURES, TABLES, read_epochs_beside, write_analysis
from search.analysis.charts import draw_charts
from search.analysis.facts import Analysis, Subject, analyse_model, sample_inputs
from search.analysis.page import describe_layer, render_page
from search.models.layers import print_layers
from search.training.request import TrainRequest, train_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError, SearchFailedError
from space.recipes import Recipe
from space.results import EpochResult
from studies.records import read_epochs
from studies.storage import Store

NOTATION = "6s:brd0.05 p 8v:br gap fc10+"
SECTIONS = ("rules", "layers", "receptive-field", "learning", "classes", "mistakes", "inputs", "settings")
VOID = {"meta", "img", "br", "use"}


class Page(HTMLParser):
    """What is on a page: texts by the nearest id around them, rows of tables, attributes; checked to be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.svg_texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self._open

    @property
    def images(self) -> list[bytes]:
        sources = [value for tag, name, value in self.attributes if (tag, name) == ("img", "src")]
        return [base64.b64decode(source.removeprefix("data:image/png;base64,"), validate=True) for source in sources]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        around = self._open[-1][1] if self._open else ""
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("id") or around))
        if tag == "tr":
            self.rows.setdefault(around, []).append([])
        elif tag in ("td", "th"):
            self.rows[around][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not self._open or not data.strip():
            return
        tags, around = [tag for tag, _ in self._open], self._open[-1][1]
        if "svg" in tags:
            self.svg_texts.setdefault(around, []).append(data.strip())
        else:
            self.texts[around] = self.texts.get(around, "") + data
        if {"td", "th"} & {*tags}:
            self.rows[around][-1][-1] += data


@dataclass(frozen=True)
class Report:
    folder: Path

    @property
    def html(self) -> str:
        return (self.folder / PAGE_FILE).read_text(encoding="utf-8")

    @property
    def page(self) -> Page:
        return Page(self.html)

    @property
    def facts(self) -> dict:
        return json.loads((self.folder / FACTS_FILE).read_text(encoding="utf-8"))

    def table(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((self.folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, environment) -> Path:
    """The folder of a training of seven epochs, which leave it some mistakes."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train_model(TrainRequest(model=NOTATION, out=folder, epochs=7, batch_size=16, dataset="digits", quiet=True))
    return folder


@pytest.fixture(scope="module")
def report(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return analyse(trained / "last.safetensors", tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="module")
def analysis(trained: Path, data: Dataset) -> Analysis:
    checkpoint = load_checkpoint(trained / "last.safetensors")
    return analyse_model(Subject(checkpoint, "A net", "Of <nowhere> & here", (), 8_000, "a limit"), data)


def analyse(model: object, out: Path, **options: object) -> Report:
    defaults = {"study": None, "storage": "sqlite:///none.db", "data_root": None, "force": False}
    write_analysis(str(model), out, **{**defaults, **options})
    return Report(out)


def make_page(analysis: Analysis) -> Page:
    return Page(render_page(analysis, draw_charts(analysis), sample_inputs(analysis)[0]))


# The page


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
    assert page.rows["last-epochs"] == [["lowest", "100.00 %"], ["highest", "100.00 %"], ["spread", "0.00 points"]]


@pytest.mark.parametrize(
    ("token", "description"),
    [
        ("8s:brd0.1", "3×3 convolution, BatchNorm, ReLU, dropout 0.1"),
        ("8k5s:rbD0.2", "5×5 convolution, ReLU, BatchNorm, dropout of channels 0.2"),
        ("p3", "3×3 max-pooling"),
    ],
)
def test_layers_are_put_in_words(token: str, description: str) -> None:
    assert describe_layer(ArchitectureSpec.from_text(f"{token} gap").layers[0]) == description


# Numbers


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
    assert (255 - shown == data.validation.images[first["index"]]).all()
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


def test_the_folder_holds_the_pictures_and_tables(report: Report) -> None:
    assert {path.name for path in report.folder.iterdir()} == set(FILES)
    assert set(FILES) == {
        PAGE_FILE,
        FACTS_FILE,
        *(f"{name}.png" for name in PICTURES),
        *(f"{name}.csv" for name in TABLES),
    }
    for name in PICTURES:
        assert min(Image.open(report.folder / f"{name}.png").size) > 300


def test_training_images_are_shown_as_augmented(analysis: Analysis, data: Dataset) -> None:
    images, names = sample_inputs(analysis)
    assert images.shape == (40, 28, 28)
    assert len(names) == 40
    known = {image.tobytes() for image in data.train.images}
    assert not any(image.tobytes() in known for image in images)
    checkpoint = analysis.subject.checkpoint
    plain = replace(checkpoint.candidate.training, rotation=0.0, translation=0.0, scale=0.0)
    candidate = replace(checkpoint.candidate, training=plain)
    subject = replace(analysis.subject, checkpoint=replace(checkpoint, candidate=candidate))
    images, _ = sample_inputs(replace(analysis, subject=subject))
    assert all(image.tobytes() in known for image in images)


# Where models come from


@pytest.mark.parametrize(
    ("change", "known"),
    [
        (lambda text: text, True),
        (lambda text: None, False),
        (lambda text: "trial,loss\n0,much\n", False),
        (lambda text: text.replace(",train_loss", ""), False),
        (lambda text: text + "8,0.5,0.8,0.4,0.75,1e-07,1.5\n", False),  # of a longer training
        (lambda text: re.sub(r"\n2,.*", "", text), False),
        (lambda text: re.sub(r"\n2,[^,]*", "\n2,nan", text), False),
        (lambda text: re.sub(r"\n7,.*", "", text), False),  # without the one that the weights are of
    ],
)
def test_epochs_beside_a_file_are_its_own_or_not_known(
    trained: Path, tmp_path: Path, change: Callable[[str], str | None], known: bool
) -> None:
    text = change((trained / "epochs.csv").read_text())
    if text is not None:
        (tmp_path / "epochs.csv").write_text(text)
    epochs = read_epochs_beside(tmp_path / "x.safetensors", load_checkpoint(trained / "last.safetensors"))
    assert len(epochs) == (7 if known else 0)


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


def test_a_trial_brings_its_epochs_and_budget(search_here, small_study, tmp_path: Path) -> None:
    store = Store.open_read_only(small_study.url)
    trials = store.load_study(small_study.name).get_trials(deepcopy=False)
    number = next(trial.number for trial in trials if "weights" in trial.user_attrs)
    result = search_here("analyse", number, "--storage", small_study.url, "--out", "report")
    assert result.returncode == 0, result.stderr
    report = Report(tmp_path / "report")
    accuracy = trials[number].user_attrs["val_accuracy"]
    headline, page = result.stdout.splitlines()
    assert headline.startswith(f"Trial {number} of digits-3000: {100 * accuracy:.2f} % ± ")
    assert page == "report/index.html"
    assert "budget of the study digits-3000" in report.page.texts["rules"]
    assert report.facts["rules"][0]["name"] == "at most 3,000 parameters"
    epochs = read_epochs(store.database, small_study.name, [number])[number]
    assert [EpochResult(**result) for result in report.facts["epochs"]] == epochs
    assert report.facts["val_accuracy"] == accuracy


@pytest.fixture
def tiny_recipe(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> Recipe:
    """The only recipe there is, on digits."""
    training = TrainingConfig(epochs=6, stop_accuracy=0.2, pixel_mean=0.1, pixel_std=0.3)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NOTATION), training)
    recipe = Recipe("tiny", candidate, 0.98, "read off somewhere", ("its batch size",), reconstruction=True)
    monkeypatch.setattr("search.models.names.RECIPES", {"tiny": recipe})
    monkeypatch.setattr("search.analysis.analyse.find_data_root", lambda name, data_root: None)
    monkeypatch.setattr("search.analysis.analyse.load_dataset", lambda name, data_root: data)
    return recipe


def test_a_recipe_is_trained_first_and_stops_as_it_says(
    tiny_recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], environment
) -> None:
    report = analyse("tiny", tmp_path / "out")
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("compiling")]
    facts = report.facts
    assert lines[0].startswith("training recipe tiny (reconstruction) first: 604 parameters, one seed (0), 1,197 train")
    assert [line.partition("  ")[0] for line in lines[1:]] == [f"epoch {n}/6" for n in range(1, len(lines))]
    accuracies = [result["val_accuracy"] for result in facts["epochs"]]
    assert len(accuracies) == len(lines) - 1 < 6
    assert accuracies[-1] >= 0.2 > max([0.0, *accuracies[:-1]])
    assert facts["val_accuracy"] == accuracies[-1]
    assert facts["title"] == "Recipe tiny (reconstruction)"
    for text in ("98.00 %: read off somewhere", "a reconstruction", "Assumed", "its batch size", "seed 0"):
        assert text in facts["origin"]


# What goes wrong


@pytest.mark.parametrize(
    ("model", "out", "message"),
    [
        ("999", "out", "has no trial 999"),
        ("none.safetensors", "out", "there is no model file none.safetensors"),
        ("002-optimised", "out", "there is no recipe '002-optimised'; did you mean 002-optimized"),
        ("corrupt.safetensors", "out", "corrupt.safetensors can't be read as safetensors"),
        (
            "run/last.safetensors",
            "existing",
            "--out existing exists already; --force replaces what an earlier analysis",
        ),
        (
            "run/last.safetensors",
            "existing --force",
            "--out existing was not written by an analysis, so it is not repl",
        ),
        ("run/last.safetensors", "file.txt --force", "--out file.txt was not written by an analysis"),
        (
            "run/last.safetensors",
            "missing/out",
            "--out missing/out can't be written: the folder missing does not exist",
        ),
        ("run/last.safetensors", "file.txt/out", "--out file.txt/out can't be written"),
        ("run/last.safetensors", "x" * 250, "can't be written: File name too long"),
    ],
)
def test_wrong_input_gets_one_line_and_leaves_no_trace(
    search_here, small_study, trained: Path, tmp_path: Path, model: str, out: str, message: str
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "corrupt.safetensors").write_bytes((trained / "last.safetensors").read_bytes()[:100])
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "existing").mkdir()
    (tmp_path / "existing" / FACTS_FILE).write_text("{}")
    (tmp_path / "existing" / "mine.txt").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    result = search_here("analyse", model, "--storage", small_study.url, "--out", *out.split())
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_that_may_not_be_written_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(InputError, match=r"--out .*out can't be written: Permission denied"):
        analyse(trained / "last.safetensors", tmp_path / "out")


def test_an_earlier_analysis_is_replaced_by_force(report: Report, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(report.folder, tmp_path / "out")
    (tmp_path / "out" / PAGE_FILE).write_text("old")
    shutil.copy(trained / "last.safetensors", tmp_path)
    replaced = analyse(tmp_path / "last.safetensors", tmp_path / "out", force=True)
    assert replaced.html != "old"
    assert not (replaced.folder / "epochs.csv").exists()  # of the old one
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.safetensors", "out"]


def test_a_model_that_is_not_what_its_file_says_fails(trained: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained / "last.safetensors")
    other = replace(checkpoint, val_accuracy=checkpoint.val_accuracy - 2 / 300)
    save_checkpoint(tmp_path / "bad.safetensors", other)
    with pytest.raises(SearchFailedError, match="on the validation images, but its file says 0"):
        analyse(tmp_path / "bad.safetensors", tmp_path / "out")
    weights = {name: tensor * torch.nan for name, tensor in checkpoint.weights.items() if tensor.is_floating_point()}
    weights = checkpoint.weights | weights
    save_checkpoint(tmp_path / "nan.safetensors", replace(checkpoint, weights=weights))
    with pytest.raises(InputError, match="outputs are not finite"):
        analyse(tmp_path / "nan.safetensors", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.safetensors", "nan.safetensors"]
