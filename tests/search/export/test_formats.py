"""Each format: measured from its file, told in a line, and refused where it is not the model."""

from pathlib import Path

import pytest

import search.export.bundle
import search.export.formats
from mnist_core.data import Dataset
from mnist_core.formats.onnx import onnx_accuracy
from mnist_core.formats.torch_program import program_accuracy
from mnist_core.native.compiler import CompilerError
from search.export.export import export_subject
from search.export.subject import ExportSubject
from space.candidate import CandidateSpec
from space.errors import SearchFailedError
from space.footprint import footprint
from tests.search.export.conftest import config_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_lines_tell_of_each_file_what_was_measured(
    bundle: tuple[Path, list[str]], subject: ExportSubject, digits: Dataset
) -> None:
    folder, lines = bundle
    told = dict(line.split(": ", 1) for line in lines)
    formats = ("model.safetensors", "model.onnx", "model-int8.onnx", "model.pt2", "model.c")
    *_, in_integers = told
    assert list(told) == [*(str(folder / name) for name in formats), "--format c-int8"]
    taken = footprint(subject.checkpoint.candidate.architecture)
    said = f"flash {taken.flash_bytes:,} bytes, RAM {taken.ram_bytes:,} bytes, {taken.num_macs:,} MACs, "
    assert said in told[in_integers]
    assert told[in_integers].endswith("than fp32")
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


@pytest.mark.parametrize("file_format", ["safetensors", "pt2"])
def test_parameters_are_recounted_from_the_file(
    file_format: str, subject: ExportSubject, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CandidateSpec, "num_params", 1_031)
    with pytest.raises(SearchFailedError, match=rf"the {file_format} file holds 1,030 parameters, .* 1,031: nothing"):
        search.export.formats.write_format(file_format, tmp_path, subject.checkpoint, digits, 0.5)
