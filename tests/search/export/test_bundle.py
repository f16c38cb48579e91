import hashlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import search.export.bundle
import search.export.formats
from mnist_core.checkpoint import load_checkpoint, restore_model
from mnist_core.data import Dataset
from mnist_core.evaluation import predict_logits
from mnist_core.formats.onnx import onnx_accuracy
from search.analysis.analyse import write_analysis
from search.analysis.confusion import draw_confusion
from search.export.bundle import FOLDER_FILES, find_commit
from search.export.subject import ExportSubject
from search.models.agreement import classify
from search.models.evaluate import print_evaluation
from search.output_folder import check_target
from space.errors import InputError
from tests.search.export.conftest import config_of

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.usefixtures("one_thread")


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


# The folder


def test_it_holds_everything(folder: Path) -> None:
    names = "model.safetensors model.onnx model-int8.onnx model.pt2 model.h model.c config.json README.md confusion.png"
    expected = {*names.split(), "predict.py", "examples.npy"}
    assert {path.name for path in folder.iterdir()} == expected == set(FOLDER_FILES)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in card or f"({name})" in card for name in expected - {"README.md"})


def test_exported_again_it_is_the_same_byte_for_byte(folder: Path, subject: ExportSubject, export) -> None:
    again, _ = export(subject)
    assert hashes(again) == hashes(folder)
    for path in again.iterdir():
        for place in (ROOT, again.parent, Path.home() / ".cache"):
            assert str(place).encode() not in path.read_bytes(), path.name


def test_the_config_tells_where_the_model_comes_from(folder: Path, subject: ExportSubject) -> None:
    config, checkpoint = config_of(folder), subject.checkpoint
    for name in ("trial", "val_accuracy", "seed", "dataset", "dataset_sha256", "torch_version"):
        assert config[name] == getattr(checkpoint, name)
    assert (config["study"], config["seeds"], config["confirmed"]) == ("digits-3000", [1], None)
    assert {name: config[name] for name in ("notation", "architecture", "training")} == json.loads(
        json.dumps(checkpoint.candidate.to_json())
    )
    assert config["num_params"] == checkpoint.candidate.num_params
    assert config["preprocessing"]["mean"] == checkpoint.mean
    assert config["class_names"] == list("0123456789")
    assert (config["front"]["position"], config["front"]["num_points"]) == (2, 2)
    assert [point["trial"] for point in config["front"]["neighbours"]] == [7, 3]
    assert torch.__version__.startswith(config["versions"]["torch"])
    assert config["versions"]["numpy"] == np.__version__
    assert config["versions"]["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert {"onnx", "onnxruntime"} <= set(config["versions"])
    c_files = {file["file_format"]: file for file in config["files"] if file["flash_bytes"]}
    assert c_files["c-int8"]["flash_bytes"] < c_files["c"]["flash_bytes"]


def test_the_picture_and_examples_are_of_the_validation_images(
    folder: Path, subject: ExportSubject, digits: Dataset
) -> None:
    assert (np.load(folder / "examples.npy") == digits.validation.images[:10, ..., 0]).all()
    checkpoint = subject.checkpoint
    logits = predict_logits(
        restore_model(checkpoint), torch.tensor(digits.validation.images), mean=checkpoint.mean, std=checkpoint.std
    )
    expected = np.zeros((10, 10), np.int64)
    np.add.at(expected, (digits.validation.labels, logits.argmax(1).numpy()), 1)
    assert (classify(checkpoint, digits).confusion == expected).all()
    assert (folder / "confusion.png").read_bytes() == draw_confusion(expected, checkpoint.class_names).png


def test_a_confirmed_model_brings_its_confirmation(confirmed_folder: Path, confirmed: ExportSubject) -> None:
    config = config_of(confirmed_folder)
    assert confirmed.confirmed is not None
    assert confirmed.confusion is not None
    assert config["confirmed"] == json.loads(json.dumps(asdict(confirmed.confirmed)))
    assert (config["val_accuracy"], config["seeds"]) == (None, [1, 2, 3])
    assert config["front"]["neighbours"] == [{"trial": 3, "num_params": config["num_params"], "accuracy": 0.81}]
    assert load_checkpoint(confirmed_folder / "model.safetensors").val_accuracy is None
    card = (confirmed_folder / "README.md").read_text(encoding="utf-8")
    assert "Mean test accuracy 81.00 % over 3 seeds" in card
    picture = draw_confusion(confirmed.confusion, confirmed.checkpoint.class_names).png
    assert (confirmed_folder / "confusion.png").read_bytes() == picture


def test_a_file_trained_on_the_validation_images_is_not_taken_for_judged_by_them(
    confirmed_folder: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(confirmed_folder / "model.safetensors")
    options: dict[str, Any] = {"study": None, "storage": "", "data_root": None}
    for as_json in (False, True):
        print_evaluation(model, **options, dataset=None, images=None, strict=False, as_json=as_json)
        printed = capsys.readouterr()
        assert printed.err == "note: the model was trained on these images as well, so this is no estimate\n"
        assert "when it was trained" not in printed.out
    assert json.loads(printed.out)["val_accuracy_when_trained"] is None
    line, _ = write_analysis(model, tmp_path / "report", **options, force=False)
    assert "of 300 validation images, which it was trained on as well, " in line
    facts = json.loads((tmp_path / "report" / "analysis.json").read_text(encoding="utf-8"))
    assert "on the validation images as well, so that its accuracy on them is no estimate" in facts["origin"]

    print_evaluation(
        str(folder / "model.safetensors"), **options, dataset=None, images=None, strict=False, as_json=False
    )
    assert capsys.readouterr().err == ""


def test_only_a_bundle_is_replaced_and_only_by_force(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already; --force replaces what an earlier export wrote"):
        check_target(folder, "export", FOLDER_FILES, force=False)
    check_target(folder, "export", FOLDER_FILES, force=True)
    for name in (*FOLDER_FILES, "mine.txt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="was not written by an export"):
        check_target(tmp_path, "export", FOLDER_FILES, force=True)


# What goes wrong


def test_an_int8_file_that_costs_too_much_is_left_out(
    subject: ExportSubject, export, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(path: Path, *given: object) -> float:
        return onnx_accuracy(path, *given) - (6 / 300 if "int8" in path.name else 0)

    monkeypatch.setattr(search.export.bundle, "FORMATS_INSIDE", ("onnx-int8",))
    monkeypatch.setattr(search.export.formats, "onnx_accuracy", lose)
    folder, lines = export(subject)
    assert not (folder / "model-int8.onnx").exists()
    line, _ = lines
    assert line.startswith(f"{folder / 'model-int8.onnx'}: left out: it costs ")
    assert "`model-int8.onnx` is left out: it costs " in (folder / "README.md").read_text(encoding="utf-8")


def test_the_commit_is_that_of_this_checkout_or_none(tmp_path: Path) -> None:
    assert find_commit(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert find_commit(tmp_path) == head
    (tmp_path / "site-packages").mkdir()
    assert find_commit(tmp_path / "site-packages") is None
