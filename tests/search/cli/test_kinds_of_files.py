"""A folder, a named pipe, a device or a link that leads nowhere, in the place of each file that a user names."""

import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.kinds_of_files import KINDS, make_other

# {here} is where something else is; the second part is how the error calls it.
RUN = "run --dataset digits --budget 3000"
IMAGES = "data/MNIST/raw/train-images-idx3-ubyte"
CIFAR = "data/cifar-10-batches-py/data_batch_1"
FILES: dict[str, tuple[str, str]] = {
    "ranges": ("space --space {here}", "the space file {here}"),
    "ranges of a run": (f"{RUN} --space {{here}}", "the space file {here}"),
    "known nets": (f"{RUN} --warm-start {{here}}", "--warm-start {here}"),
    "images": ("evaluate {model} --images {here}", "--images {here}"),
    "an image of a folder": ("evaluate {model} --images images", "images/other.png"),
    **{
        f"store of {command.split()[0]}": (f"{command} --storage {{here}}", "--storage sqlite:///{here}")
        for command in (
            RUN,
            *("status", "front", "trials", "curves", "studies", "confirm", "audit", "dashboard"),
            *("count 1", "check 1 --require gap", "evaluate 1"),
            *("train 1 --out new", "analyse 1 --out new", "export --out new", "report --out new"),
        )
    },
    **{
        f"model of {command.split()[0]}": (command, "{here}")
        for command in (
            *("count {here}", "check {here} --require gap", "evaluate {here}"),
            *("train {here} --out new", "analyse {here} --out new"),
        )
    },
    "state of a training": ("train 8s:r|gap|fc10 --dataset digits --out training", "training/state.safetensors"),
    "log of a run": (f"{RUN} --log {{here}}", "--log {here}"),
    "report": ("report --out {here}", "--out {here}"),
    **{
        f"table of {command}": (f"{command} --storage {{studies}} --csv {{here}}", "--csv {here}")
        for command in ("front", "trials", "curves")
    },
    "data": ("train 000-step3 --out new --data-root data", IMAGES),
    "data of an evaluation": ("evaluate {model} --dataset mnist --data-root data", IMAGES),
    "a file of CIFAR-10": ("count 8s:r|gap|fc10 --dataset cifar10 --data-root data", CIFAR),
}
FOLDERS = {
    "data root": ("train 000-step3 --out new --data-root {here}", "the data root {here}"),
    "data root of CIFAR-10": ("space --dataset cifar10 --data-root {here}", "the data root {here}"),
    "folder of CIFAR-10": ("space --dataset cifar10 --data-root other", "other/cifar-10-batches-py"),
}
IMAGES_OF_ONES_OWN = {
    f"images of {command.split()[0]}": (f"{command} --dataset {{here}}", "--dataset {here}")
    for command in (
        *("run --budget 3000", "space", "recipes", "count 8s:r|gap|fc10", "check 8s:r|gap|fc10 --require gap"),
        *("train 8s:r|gap|fc10 --out new", "evaluate {model}"),
    )
}


@pytest.fixture
def _no_waiting() -> Iterator[None]:
    """Whatever waits for the writer of a pipe fails, instead of waiting for ever."""

    def fail(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(300)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_no_waiting")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_the_place_of_a_file_is_said(kind: str, small_study, search_here) -> None:
    folder = search_here.folder
    shutil.copy(next((small_study.folder / "studies.db.artifacts").glob("*-*-*")), folder / "model.safetensors")
    what = make_other(folder / "here", kind)
    for place in ("images/other.png", "training/state.safetensors", IMAGES, CIFAR, "other/cifar-10-batches-py"):
        make_other(folder / place, kind)
    places = {"here": "here", "model": "model.safetensors", "studies": small_study.url}
    for wanted, cases in (("file", FILES), ("folder", FOLDERS), ("folder or a file", IMAGES_OF_ONES_OWN)):
        for case, (line, name) in cases.items():
            if kind == "folder" and (wanted != "file" or case == "images"):
                continue
            expected = f"{name.format(**places)} is {what}"
            if kind == "folder" and case.startswith("model of"):
                expected = "here is a folder: name the model file in it, such as here/model.safetensors"
            elif kind == "folder" and case == "an image of a folder":
                expected = "--images images holds no file that ends in .png, .jpg, .jpeg, .bmp, .webp"
            elif kind != "link to nothing":
                expected += f": a {wanted} is needed"
            result = search_here(*(word.replace("|", " ") for word in line.format(**places).split()))
            assert (result.returncode, result.stdout, result.stderr) == (2, "", f"error: {expected}\n"), case
    assert not (folder / "new").exists()
