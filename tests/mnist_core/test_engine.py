"""Which engine trains: by name, device, compiler and layers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_core.engine import TORCH, Engine, resolve_engine
from mnist_core.native.compiler import CompilerError
from space.architecture import ArchitectureSpec
from space.errors import InputError

LIBRARY = Path("trainer.so")
NATIVE = Engine(LIBRARY)


@pytest.fixture
def compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_trainer(*, compiling: Callable[[], None]) -> Path:
        compiling()
        return LIBRARY

    monkeypatch.setattr("mnist_core.engine.compile_trainer", compile_trainer)
    monkeypatch.setattr("mnist_core.engine.load_library", lambda path: None)


@pytest.fixture
def does_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_trainer(*, compiling: Callable[[], None]) -> Path:
        raise CompilerError("no compiler here")

    monkeypatch.setattr("mnist_core.engine.compile_trainer", compile_trainer)


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("auto", "cpu", NATIVE),
        ("auto", "cuda", TORCH),
        ("auto", "mps", TORCH),
        ("native", "cpu", NATIVE),
        ("torch", "cpu", TORCH),
        ("torch", "cuda", TORCH),
        ("torch", "mps", TORCH),
    ],
)
def test_the_engine_of_each_name_and_device(name: str, device: str, expected: Engine) -> None:
    told: list[None] = []
    assert resolve_engine(name, device, compiling=lambda: told.append(None)) == expected
    assert len(told) == (expected == NATIVE), "only the native engine is compiled"
    assert resolve_engine(name, device) == expected


@pytest.mark.parametrize("device", ["cuda", "mps"])
@pytest.mark.parametrize("compiler", ["compiles", "does_not_compile"])
def test_native_is_refused_on_other_devices(device: str, compiler: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(compiler)
    with pytest.raises(InputError, match=rf"^--engine native trains on the CPU, not on {device}$"):
        resolve_engine("native", device)


@pytest.mark.usefixtures("does_not_compile")
def test_native_is_refused_without_a_compiler() -> None:
    with pytest.raises(InputError, match=r"^--engine native is not available: no compiler here$"):
        resolve_engine("native", "cpu")


@pytest.mark.usefixtures("does_not_compile")
def test_auto_without_a_compiler_is_torch_with_the_reason() -> None:
    engine = resolve_engine("auto", "cpu")
    assert engine == Engine(None, "no compiler here")
    assert engine.name == "torch"


@pytest.mark.usefixtures("does_not_compile")
@pytest.mark.parametrize(("name", "device"), [("torch", "cpu"), ("torch", "cuda"), ("auto", "cuda")])
def test_torch_needs_no_compiler_and_no_reason(name: str, device: str) -> None:
    assert resolve_engine(name, device) == TORCH
    assert TORCH.reason == ""


def test_engines_have_names() -> None:
    assert (NATIVE.name, TORCH.name) == ("native", "torch")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8s:br p 12v:brd0.1 gap fc10+", NATIVE),
        ("8s:brD0.1 p 12v:br gap fc10+", TORCH),
        ("8s:br p 12v:brD0.1 gap fc10+", TORCH),
        ("p 8s:br gap fc10+", TORCH),
        ("8s:br p p 12v:br gap fc10+", TORCH),
    ],
)
def test_layers_that_the_native_trainer_lacks_are_torchs(text: str, expected: Engine) -> None:
    architecture = ArchitectureSpec.from_text(text)
    assert NATIVE.for_network(architecture) == expected
    for torch_engine in (TORCH, Engine(None, "no compiler here")):
        assert torch_engine.for_network(architecture) == torch_engine


def test_a_damaged_library_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "trainer.so"
    damaged.write_bytes(b"half a library")
    monkeypatch.setattr("mnist_core.engine.compile_trainer", lambda *, compiling: damaged)
    assert resolve_engine("auto", "cpu").reason.startswith("the compiled trainer can't be loaded: ")
    with pytest.raises(InputError, match=r"^--engine native is not available: the compiled trainer can't be loaded: "):
        resolve_engine("native", "cpu")
