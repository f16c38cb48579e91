import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnist_core.datasets import tables
from mnist_core.datasets.tables import LINES_AT_ONCE, read_table
from space.errors import InputError
from tests.own_images import digits

IMAGES, LABELS = digits()
NAMES = ["label", *(f"pixel{number}" for number in range(64))]


def rows(num: int = 100) -> list[list[object]]:
    pixels = IMAGES[:num].reshape(num, -1).tolist()
    return [[label, *values] for label, values in zip(LABELS[:num].tolist(), pixels, strict=True)]


def write(path: Path, lines: Sequence[Sequence[object]]) -> Path:
    text = "".join(",".join(map(str, line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
@pytest.mark.parametrize("form", ["named", "label last", "without names"])
def test_labels_and_pixels(name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "LINES_AT_ONCE", 30)
    lines = [NAMES, *rows()] if form != "without names" else rows()
    if form == "label last":
        lines = [[*line[1:], line[0]] for line in lines]
    contents = read_table(write(tmp_path / name, lines), tmp_path, size=None)
    np.testing.assert_array_equal(contents.train.images[..., 0], IMAGES[:100])
    np.testing.assert_array_equal(contents.train.labels, LABELS[:100])
    assert contents.class_names == tuple("0123456789")


def test_the_size_says_how_pixels_are_arranged_or_what_they_are_stretched_to(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [NAMES, *rows()])
    arranged = read_table(path, tmp_path, size=(4, 16)).train.images
    np.testing.assert_array_equal(arranged[..., 0], IMAGES[:100].reshape(-1, 4, 16))
    assert read_table(path, tmp_path, size=(4, 5)).train.images.shape == (100, 4, 5, 1)


def test_empty_lines_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [NAMES, *rows()])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:51], *[""] * (2 * LINES_AT_ONCE), *lines[51:]]))
    assert len(read_table(path, tmp_path, size=None).train) == 100


def edited(line: int, column: int, value: object) -> list[list[object]]:
    lines = rows()
    lines[line][column] = value
    return lines


REFUSED: dict[str, tuple[Sequence[Sequence[object]], str]] = {
    "ragged rows": ([NAMES, *rows()[:40], [1, 2, 3]], "a.csv, line 42 has 3 columns, and the first line 65"),
    "no label": ([NAMES[1:], *(row[1:] for row in rows())], "a.csv has no column called 'label'"),
    "two labels": ([["label", *NAMES[:-1]], *rows()], "a.csv has several columns called 'label'"),
    "no square": ([NAMES[:-1], *(row[:-1] for row in rows())], "a.csv has 63 columns of pixels, which is not the area"),
    "labels alone": ([["label"], [1], [2]], "a.csv has 0 columns of pixels"),
    "no row": ([NAMES], "a.csv holds no row"),
    "nothing": ([], "a.csv holds no row, or begins with an empty line"),
    "a label that is no integer": (
        [NAMES, *edited(3, 0, "cat")],
        "a.csv, line 5 holds 'cat': labels and pixels must be",
    ),
    "a label that is a fraction": ([NAMES, *edited(3, 0, 1.5)], "a.csv, line 5 holds '1.5': labels and pixels must be"),
    "an empty cell": ([NAMES, *edited(3, 9, "")], "a.csv, line 5 holds '': labels and pixels must be whole numbers"),
    "a large pixel": ([NAMES, *edited(3, 9, 256)], "a.csv, line 5 holds the pixel 256: pixels are from 0 to 255"),
    "a negative pixel": ([NAMES, *edited(3, 9, -1)], "a.csv, line 5 holds the pixel -1: pixels are from 0 to 255"),
    "labels that skip numbers": ([NAMES, *edited(3, 0, 11)], "a.csv holds labels from 0 to 11, but none is 10"),
    "a negative label": ([NAMES, *edited(3, 0, -1)], "a.csv holds the label -1: labels must count from 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, tmp_path: Path) -> None:
    lines, message = REFUSED[case]
    with pytest.raises(InputError) as error:
        read_table(write(tmp_path / "a.csv", lines), tmp_path, size=None)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\0a")
    with pytest.raises(InputError, match=r"a\.csv can't be read as CSV: it is not text in UTF-8"):
        read_table(tmp_path / "a.csv", tmp_path, size=None)
    whole = write(tmp_path / "b.csv.gz", [NAMES, *rows()]).read_bytes()
    for content in (whole[:-100], b"no archive", whole[:200] + bytes(50) + whole[250:]):
        (tmp_path / "b.csv.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"b\.csv\.gz"):
            read_table(tmp_path / "b.csv.gz", tmp_path, size=None)
