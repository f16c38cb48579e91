"""The script of an export, in the exported folder and as a module."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_core.checkpoint import restore_model
from mnist_core.data import Dataset
from mnist_core.datasets.pictures import read_picture
from mnist_core.evaluation import predict_logits
from search.export.predict import main, read_images
from search.export.subject import ExportSubject
from tests.own_images import FLOAT, ORIENTATION, SHORT, WIDTH, exif_of

pytestmark = pytest.mark.usefixtures("one_thread")

GREY = (1, 28, 28)

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
    np.save(tmp_path / "one.npy", digits.validation.images[4, ..., 0])
    assert (read_images(tmp_path / "one.npy", GREY) == digits.validation.images[4:5]).all()
    np.save(tmp_path / "one.npy", np.repeat(digits.validation.images[4], 3, axis=2))
    assert read_images(tmp_path / "one.npy", (3, 28, 28)).shape == (1, 28, 28, 3)
    main(["--help"])
    assert "usage: python predict.py [IMAGES ...]\n" in capsys.readouterr().out


def test_predict_reads_pictures_as_datasets_are_read(folder: Path, tmp_path: Path, digits: Dataset) -> None:
    image = Image.fromarray(digits.validation.images[4, ..., 0])
    image.save(tmp_path / "as it is.png")
    image.resize((40, 50)).convert("RGBA").save(tmp_path / "other.png")
    Image.fromarray(digits.validation.images[4, ..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    files = [tmp_path / name for name in ("as it is.png", "other.png", "deep.png")]
    for file in files:
        for channels in (1, 3):
            expected = read_picture(file, size=(28, 28), channels=channels)
            np.testing.assert_array_equal(read_images(file, (channels, 28, 28))[0], expected)
    printed = subprocess.run(
        [sys.executable, str(folder / "predict.py"), *map(str, files), str(folder / "examples.npy")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (printed.returncode, printed.stderr) == (0, "")
    lines = printed.stdout.splitlines()
    assert [line.split(maxsplit=3)[3] for line in lines[:4]] == [*(file.name for file in files), "examples.npy[0]"]
    assert lines[0].split()[:2] == lines[2].split()[:2] == lines[7].split()[:2]
    refused = predict(folder, str(files[0]))
    assert refused.stderr == "error: reading as it is.png needs Pillow: pip install pillow, or give a .npy file\n"
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(SystemExit, match=r"text\.png can't be read: it is no image, or damaged"):
        read_images(tmp_path / "text.png", GREY)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_predict_turns_photos_as_their_exif_data_say(tmp_path: Path, digits: Dataset, orientation: int) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(digits.validation.images[4, :20, :, 0]).save(
        path, exif=exif_of((ORIENTATION, SHORT, bytes([orientation, 0, 0, 0])))
    )
    np.testing.assert_array_equal(read_images(path, GREY)[0], read_picture(path, size=(28, 28), channels=1))


def test_exif_data_of_strange_types_do_not_matter(tmp_path: Path, digits: Dataset) -> None:
    image = Image.fromarray(digits.validation.images[4, :20, :, 0])
    plain, strange = tmp_path / "plain.png", tmp_path / "strange.png"
    turned = (ORIENTATION, SHORT, bytes([6, 0, 0, 0]))
    image.save(plain, exif=exif_of(turned))
    image.save(strange, exif=exif_of((WIDTH, FLOAT, struct.pack("<f", 1.5)), turned))
    np.testing.assert_array_equal(read_images(strange, GREY), read_images(plain, GREY))


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
        read_images(path, GREY)
