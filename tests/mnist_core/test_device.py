"""Which device trains, on machines whose accelerators are made up: what PyTorch and the system say of them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import torch

from mnist_core.device import find_device, may_have_accelerator, resolve_device
from space.errors import InputError

ROOT = Path(__file__).parents[2]
BACKENDS = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}

Having = Callable[..., None]


@pytest.fixture
def having(monkeypatch: pytest.MonkeyPatch) -> Having:
    """Called with devices: PyTorch finds these and no others."""

    def have(*devices: str) -> None:
        for name, backend in BACKENDS.items():
            monkeypatch.setattr(backend, "is_available", lambda name=name: name in devices)

    return have


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([], "cpu"),
        (["cuda"], "cuda"),
        (["xpu"], "xpu"),
        (["mps"], "mps"),
        (["mps", "xpu", "cuda"], "cuda"),
        (["mps", "xpu"], "xpu"),
    ],
)
def test_auto_is_the_first_accelerator_else_the_cpu(having: Having, devices: list[str], expected: str) -> None:
    having(*devices)
    assert resolve_device("auto") == expected


@pytest.mark.parametrize("name", ["cpu", "xpu", "cuda"])
def test_a_device_that_is_there_is_taken_by_its_name(having: Having, name: str) -> None:
    having("cuda", "xpu")
    assert resolve_device(name) == name


@pytest.mark.parametrize(
    ("devices", "name", "there"),
    [([], "cuda", "cpu"), (["xpu"], "cuda", "xpu, cpu"), (["mps", "cuda"], "gpu", "cuda, mps, cpu"), ([], "", "cpu")],
)
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    having: Having, devices: list[str], name: str, there: str
) -> None:
    having(*devices)
    with pytest.raises(InputError) as caught:
        resolve_device(name)
    assert str(caught.value) == f"--device {name} is not available; here: {there}"


@pytest.mark.parametrize(
    ("system", "present", "expected"),
    [
        ("linux", [], False),
        ("linux", ["nvidiactl"], True),
        ("linux", ["dri"], True),
        ("darwin", [], True),  # there are no such files, and there may be mps
        ("win32", [], True),
    ],
)
def test_device_files_tell_where_there_is_certainly_no_accelerator(
    system: str, present: list[str], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("mnist_core.device._ACCELERATOR_FILES", tuple(str(tmp_path / n) for n in ("nvidiactl", "dri")))
    for name in present:
        (tmp_path / name).touch()
    assert may_have_accelerator() == expected


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_no_process_is_started_where_the_answer_is_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_arguments: object, **_options: object) -> NoReturn:
        pytest.fail("a process was started")

    monkeypatch.setattr("mnist_core.device.ProcessPoolExecutor", start)
    monkeypatch.setattr("mnist_core.device.may_have_accelerator", lambda: False)
    assert find_device(name) == "cpu"


def test_torch_is_asked_in_another_process_and_its_refusal_comes_back() -> None:
    code = (
        "import sys; from mnist_core.device import find_device\n"
        "try: find_device('abacus')\n"
        "except ValueError as error: print(type(error).__name__, error)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    refusal, is_imported = done.stdout.splitlines()
    assert refusal.startswith("InputError --device abacus is not available; here: ")
    assert is_imported == "False"
