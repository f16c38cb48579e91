"""The report on a trained model: every part is there, agrees with the others and with the model, and needs nothing."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from mnist_core.checkpoint import load_checkpoint, save_checkpoint
from mnist_core.data import Dataset
from search.analysis.analyse import FACTS_FILE, FILES, PAGE_FILE, PICTURES, TABLES, confusion_csv, read_epochs_beside
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError, SearchFailedError
from space.recipes import Recipe
from space.results import EpochResult
from studies.confirmations import read_confirmed_front, read_openings
from studies.records import read_epochs
from studies.storage import Store
from tests.runners import make_runner, run_all
from tests.search.analysis.conftest import NOTATION, Report, analyse
from tests.stores import restore_store


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
    assert (report.facts["confirmed"], report.facts["test_openings"]) == (None, [])
    assert "confirmed" not in report.page.texts
    assert "The test images were not read." in report.page.texts["remark"]


def test_a_trial_that_was_judged_by_balanced_accuracy_is_shown_with_its_plain_one(search_here, tmp_path: Path) -> None:
    runner = make_runner(tmp_path, metric="balanced-accuracy", trials=1)
    run_all(runner)
    attributes = runner.search.study.trials[0].user_attrs
    plain = attributes["val_plain_accuracy"]
    assert plain != attributes["val_accuracy"]
    result = search_here("analyse", 0, "--out", "report")
    assert result.stdout.startswith(f"Trial 0 of tiny: {100 * plain:.2f} % ± ")
    report = Report(tmp_path / "report")
    assert (report.facts["val_accuracy"], report.facts["epoch"]) == (pytest.approx(plain), 2)
    assert "weights in the file" not in report.page.texts["remark"]
    assert "Balanced validation accuracy over the last" in (tmp_path / "report/index.html").read_text()


def test_a_class_may_be_called_as_the_column_of_true_classes() -> None:
    assert confusion_csv(["true", "false"], [[0, 4], [3, 1]]) == "true,true,false\ntrue,0,4\nfalse,3,1\n"


def test_a_confirmed_trial_brings_its_test_accuracy_and_when_the_test_set_was_opened(
    search_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = restore_store(tmp_path, 1)
    for module in ("mnist_core.data", "search.confirmation.workers"):
        monkeypatch.setattr(f"{module}.open_test_set", lambda *_: pytest.fail("the test set was opened"))
    result = search_here("analyse", 0, "--storage", url, "--out", "report")
    assert result.returncode == 0, result.stderr
    store = Store.open_read_only(url)
    point = next(point for point in read_confirmed_front(store.database, "digits-700") if point.trial == 0)
    ((opened, num_models),) = read_openings(store.database, "digits-700")
    _, confirmed, _ = result.stdout.splitlines()
    assert confirmed.startswith(
        f"confirmed test accuracy {100 * point.accuracy:.2f} %, 95 % interval {100 * point.low:.2f} to "
        f"{100 * point.high:.2f} %, the mean of 2 models of this net "
    )
    assert confirmed.endswith(
        f"which was opened {opened:%Y-%m-%d %H:%M} UTC for {num_models} models; this command did not read it"
    )
    report = Report(tmp_path / "report")
    assert report.page.texts["confirmed"] == f"C{confirmed[1:]}."
    assert report.facts["confirmed"] == json.loads(json.dumps(asdict(point)))
    assert report.facts["test_openings"] == [{"opened": opened.isoformat(), "num_models": num_models}]


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
        ("002-optimised", "out", "there is no reference system '002-optimised'; did you mean 002-optimized"),
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
        ("run/last.safetensors", "x" * 256, "can't be written: File name too long"),
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
