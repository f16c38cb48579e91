import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.export.export import export_model, export_subject, resolve_format
from search.export.subject import FORMATS, ExportSubject
from space.errors import InputError, SearchFailedError

pytestmark = pytest.mark.usefixtures("one_thread")


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


@pytest.mark.parametrize(
    ("out", "given", "expected"),
    [
        ("best", None, None),
        ("best-1.5", None, None),
        ("best.onnx", None, "onnx"),
        ("best.ONNX", None, "onnx"),
        ("best.safetensors", None, "safetensors"),
        ("best.pt2", None, "pt2"),
        ("best.onnx", "onnx-int8", "onnx-int8"),
        ("best.onnx", "onnx", "onnx"),
        ("best", "onnx", "onnx"),
        ("best.bin", "onnx", "onnx"),
        ("best", "c", "c"),
    ],
)
def test_the_name_of_a_file_says_its_format(out: str, given: str | None, expected: str | None) -> None:
    assert resolve_format(Path(out), given) == expected


@pytest.mark.parametrize(
    ("out", "given", "meant"),
    [
        ("best.onnx", "safetensors", "onnx or onnx-int8"),
        ("best.safetensors", "onnx", "safetensors"),
        ("best.pt2", "c", "pt2"),
    ],
)
def test_a_format_other_than_that_of_the_name_is_refused(out: str, given: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"^--out {out} is a file of the format {meant}, but --format is {given}$"):
        resolve_format(Path(out), given)


def test_weights_of_another_model_fail(subject: ExportSubject, tmp_path: Path) -> None:
    accuracy = subject.checkpoint.val_accuracy
    assert accuracy is not None
    other = replace(subject, checkpoint=replace(subject.checkpoint, val_accuracy=accuracy - 3 / 300))
    with pytest.raises(SearchFailedError, match=r"the model gets .* but trial 3 got .*: nothing was written"):
        export_subject(other, tmp_path / "model.safetensors", file_format="safetensors", data_root=None)
    assert list(tmp_path.iterdir()) == []
