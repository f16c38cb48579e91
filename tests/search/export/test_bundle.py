import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import search.export.bundle
import search.export.formats
from mnist_core.checkpoint import Checkpoint, cpu_weights, load_checkpoint, restore_model
from mnist_core.data import Dataset, load_dataset
from mnist_core.engine import TORCH
from mnist_core.evaluation import predict_logits
from mnist_core.formats.onnx import onnx_accuracy
from mnist_core.formats.torch_program import program_accuracy
from mnist_core.model import build_model
from mnist_core.native.compiler import CompilerError
from mnist_core.training import train
from search.analysis.analyse import write_analysis
from search.analysis.confusion import draw_confusion
from search.export.bundle import FOLDER_FILES, find_commit
from search.export.export import export_model, export_subject
from search.export.predict import main, read_images
from search.export.subject import FORMATS, ExportSubject
from search.models.agreement import classify
from search.models.evaluate import print_evaluation
from search.output_folder import check_target
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError, SearchFailedError
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint

ROOT = Path(__file__).resolve().parents[3]
NET = "4s:br p 8s:br p 8v:br gap fc10+"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None)


@pytest.fixture(scope="module")
def subject(digits: Dataset) -> ExportSubject:
    data = load_dataset("digits", None, train_size=400)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), TrainingConfig(epochs=5, batch_size=16, translation=0.1))
    model = build_model(candidate.architecture, seed=1)
    accuracy = list(train(model, data, candidate.training, seed=1, engine=TORCH))[-1].val_accuracy
    assert accuracy > 0.6
    checkpoint = Checkpoint(
        candidate, cpu_weights(model), data.mean, data.std, "digits", digits.sha256, accuracy, seed=1, trial=3
    )
    front = [FrontPoint(7, 300, 0.3, "2s:br gap fc10+"), FrontPoint(3, candidate.num_params, accuracy, NET)]
    return ExportSubject(checkpoint, "digits-3000", front)


@pytest.fixture(scope="module")
def confirmed(subject: ExportSubject) -> ExportSubject:
    point = ConfirmedPoint(
        trial=3,
        num_params=subject.checkpoint.candidate.num_params,
        notation=NET,
        seeds=(1, 2, 3),
        accuracy=0.81,
        low=0.79,
        high=0.83,
        effective_images=500.0,
        degrees_of_freedom=2.0,
        front_probability=0.9,
        val_accuracy=0.8,
    )
    confusion = 50 * np.eye(10, dtype=np.int64)
    confusion[3, 5] = 7
    return ExportSubject(
        replace(subject.checkpoint, val_accuracy=None), subject.study_name, subject.front, point, [point], confusion
    )


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[ExportSubject], tuple[Path, list[str]]]:
    def write(subject: ExportSubject) -> tuple[Path, list[str]]:
        folder = tmp_path_factory.mktemp("export") / "bundle"
        lines = export_subject(subject, folder, file_format=None, data_root=None)
        assert [path.name for path in folder.parent.iterdir()] == ["bundle"]
        return folder, lines

    return write


@pytest.fixture(scope="module")
def bundle(subject: ExportSubject, export) -> tuple[Path, list[str]]:
    return export(subject)


@pytest.fixture(scope="module")
def folder(bundle: tuple[Path, list[str]]) -> Path:
    return bundle[0]


@pytest.fixture(scope="module")
def confirmed_folder(confirmed: ExportSubject, export) -> Path:
    return export(confirmed)[0]


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def config_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


# The folder


def test_it_holds_everything(folder: Path) -> None:
    names = "model.safetensors model.onnx model-int8.onnx model.pt2 model.h model.c config.json README.md confusion.png"
    expected = {*names.split(), "predict.py", "examples.npy"}
    assert {path.name for path in folder.iterdir()} == expected == set(FOLDER_FILES)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in card or f"({name})" in card for name in expected - {"README.md"})


def test_the_lines_tell_of_each_file_what_was_measured(
    bundle: tuple[Path, list[str]], subject: ExportSubject, digits: Dataset
) -> None:
    folder, lines = bundle
    told = dict(line.split(": ", 1) for line in lines)
    formats = ("model.safetensors", "model.onnx", "model-int8.onnx", "model.pt2", "model.c")
    assert list(told) == [str(folder / name) for name in formats]
    measured = {file["name"]: file for file in config_of(folder)["files"] if file["included"]}
    val_accuracy = subject.checkpoint.val_accuracy
    assert val_accuracy is not None
    for name in formats:
        line = told[str(folder / name)]
        accuracy = measured[name]["accuracy"]
        assert line.startswith(f"{subject.checkpoint.candidate.num_params:,} parameters, ")
        assert f"{100 * accuracy:.2f} % of 300 validation images (trial 3: {100 * val_accuracy:.2f} %)" in line
        assert accuracy == pytest.approx(val_accuracy, abs=(3.01 if "int8" in name else 1.01) / 300)
        if name == "model.c":
            assert "flash " in line
            assert "RAM " in line
        else:
            assert f"{(folder / name).stat().st_size:,} bytes" in line
        assert ("than fp32" in line) == ("int8" in name)
    images, labels = digits.validation.images, digits.validation.labels
    assert measured["model-int8.onnx"]["accuracy"] == onnx_accuracy(folder / "model-int8.onnx", images, labels)
    assert measured["model.pt2"]["accuracy"] == program_accuracy(folder / "model.pt2", images, labels)


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
    assert (np.load(folder / "examples.npy") == digits.validation.images[:10]).all()
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
        print_evaluation(model, **options, dataset=None, images=None, as_json=as_json)
        printed = capsys.readouterr()
        assert printed.err == "note: the model was trained on these images as well, so this is no estimate\n"
        assert "when it was trained" not in printed.out
    assert json.loads(printed.out)["val_accuracy_when_trained"] is None
    line, _ = write_analysis(model, tmp_path / "report", **options, force=False)
    assert "of 300 validation images, which it was trained on as well, " in line
    facts = json.loads((tmp_path / "report" / "analysis.json").read_text(encoding="utf-8"))
    assert "on the validation images as well, so that its accuracy on them is no estimate" in facts["origin"]

    print_evaluation(str(folder / "model.safetensors"), **options, dataset=None, images=None, as_json=False)
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
    (line,) = lines
    assert line.startswith(f"{folder / 'model-int8.onnx'}: left out: it costs ")
    assert "`model-int8.onnx` is left out: it costs " in (folder / "README.md").read_text(encoding="utf-8")


def test_without_a_compiler_c_is_written_but_not_run(
    subject: ExportSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CompilerError("there is none of cc, gcc")

    monkeypatch.setattr(search.export.formats, "run_c", refuse)
    (line,) = export_subject(subject, tmp_path / "c", file_format="c", data_root=None)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["model.c", "model.h"]
    assert line.endswith(", not run here: there is none of cc, gcc")
    assert " % of " not in line


@pytest.mark.parametrize(("measure", "file_format"), [("onnx_accuracy", "onnx"), ("program_accuracy", "pt2")])
def test_a_file_that_is_off_by_two_images_fails(
    measure: str, file_format: str, subject: ExportSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy = subject.checkpoint.val_accuracy
    assert accuracy is not None
    monkeypatch.setattr(search.export.formats, measure, lambda *_: accuracy - 2 / 300)
    with pytest.raises(SearchFailedError, match=r"file gets 0\.\d+ on the validation images, but PyTorch gets"):
        export_subject(subject, tmp_path / "out", file_format=file_format, data_root=None)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(search.export.formats, measure, lambda *_: accuracy - 1 / 300)
    export_subject(subject, tmp_path / "out", file_format=file_format, data_root=None)


@pytest.mark.parametrize("file_format", [None, "onnx", "onnx-int8"])
@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_before_anything_is_read_or_written(
    package: str, file_format: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    nothing: Any = None
    with pytest.raises(InputError, match=rf"needs the package {package}: pip install 'small-model-search\[onnx\]'$"):
        export_model(nothing, "x", 1, tmp_path / "out", file_format=file_format, force=False, data_root=None)
    assert list(tmp_path.iterdir()) == []


def test_weights_of_another_model_fail(subject: ExportSubject, tmp_path: Path) -> None:
    accuracy = subject.checkpoint.val_accuracy
    assert accuracy is not None
    other = replace(subject, checkpoint=replace(subject.checkpoint, val_accuracy=accuracy - 3 / 300))
    with pytest.raises(SearchFailedError, match=r"the model gets .* but trial 3 got .*: nothing was written"):
        export_subject(other, tmp_path / "model.safetensors", file_format="safetensors", data_root=None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", ["safetensors", "pt2"])
def test_parameters_are_recounted_from_the_file(
    file_format: str, subject: ExportSubject, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CandidateSpec, "num_params", 1_031)
    with pytest.raises(SearchFailedError, match=rf"the {file_format} file holds 1,030 parameters, .* 1,031: nothing"):
        search.export.formats.write_format(file_format, tmp_path, subject.checkpoint, digits, 0.5)


# One format


@pytest.mark.parametrize("file_format", FORMATS)
def test_one_format_is_the_file_of_the_folder(
    file_format: str, subject: ExportSubject, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (line,) = export_subject(subject, out, file_format=file_format, data_root=None)
    in_c = file_format.startswith("c")
    assert line.startswith(f"{out / 'model.c' if in_c else out}: 1,030 parameters, ")
    if not in_c:
        name = {"onnx-int8": "model-int8.onnx"}.get(file_format, f"model.{file_format}")
        assert out.read_bytes() == (folder / name).read_bytes()
    else:
        assert sorted(path.name for path in out.iterdir()) == ["model.c", "model.h"]
        same = (out / "model.c").read_bytes() == (folder / "model.c").read_bytes()
        assert same == (file_format == "c")
        assert "flash " in line
        assert "RAM " in line
    assert ("than fp32" in line) == file_format.endswith("int8")


def test_the_commit_is_that_of_this_checkout_or_none(tmp_path: Path) -> None:
    assert find_commit(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert find_commit(tmp_path) == head
    (tmp_path / "site-packages").mkdir()
    assert find_commit(tmp_path / "site-packages") is None


# predict.py

ONLY_NUMPY_AND_ONNXRUNTIME = """
import runpy, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "onnxruntime"}:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def predict(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, "-c", ONLY_NUMPY_AND_ONNXRUNTIME, str(folder / "predict.py"), *arguments],
        cwd=folder.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_predict_needs_no_more_than_numpy_and_onnxruntime(
    folder: Path, subject: ExportSubject, digits: Dataset
) -> None:
    printed = predict(folder)
    assert (printed.returncode, printed.stderr) == (0, "")
    checkpoint, images = subject.checkpoint, torch.tensor(digits.validation.images[:10])
    logits = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
    best = logits.softmax(1).max(1)
    rows = [line.split() for line in printed.stdout.splitlines()]
    assert [row[0] for row in rows] == [str(label) for label in best.indices.tolist()]
    assert [float(row[1]) for row in rows] == pytest.approx([100 * value for value in best.values.tolist()], abs=0.06)
    assert {row[2] for row in rows} == {"%"}
    assert len({row[0] for row in rows}) > 3

    refused = predict(folder, "missing.npy")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "error: missing.npy can't be read: No such file or directory\n"


def test_predict_takes_one_image_too_and_tells_how_it_is_used(tmp_path: Path, capsys, digits: Dataset) -> None:
    np.save(tmp_path / "one.npy", digits.validation.images[4])
    assert (read_images(tmp_path / "one.npy") == digits.validation.images[4:5]).all()
    main(["--help"])
    assert "usage: python predict.py [IMAGES.npy]\n" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="error: give one file of images"):
        main(["a.npy", "b.npy"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((3, 28, 28)), r"holds float64, not bytes of 0 to 255 \(numpy's uint8\)"),
        (np.zeros((3, 784), np.uint8), r"has the shape \(3, 784\), not \(N, 28, 28\) or \(28, 28\)"),
        (np.zeros((3, 1, 28, 28), np.uint8), r"has the shape \(3, 1, 28, 28\)"),
        (np.zeros((0, 28, 28), np.uint8), r"has the shape \(0, 28, 28\)"),
        (b"garbage", r"is not a \.npy file of numbers"),
        (b"", r"is not a \.npy file of numbers"),
        ({"a": np.zeros(2)}, r"holds several arrays"),
    ],
)
def test_predict_says_what_is_wrong_with_a_file(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        elif isinstance(content, dict):
            np.savez(file, **content)
        else:
            np.save(file, content)
    with pytest.raises(SystemExit, match=rf"^error: .*images\.npy {message}[^\n]*$"):
        read_images(path)
