"""Which engine trains: by name, device, compiler, layers and optimiser."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_core.engine import TORCH, Engine, resolve_engine
from mnist_core.native.compiler import CompilerError
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError

LIBRARY = Path("trainer.so")
NATIVE = Engine(LIBRARY)


@pytest.fixture(autouse=True)
def _no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_core.engine._multiplies_bfloat16", lambda: False)


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
    assert Engine(None, bfloat16=True).name == "torch-bfloat16"
    assert Engine(LIBRARY, bfloat16=True).name == "native"


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize(("device", "expected"), [("cpu", True), ("cuda", False), ("mps", False)])
def test_bfloat16_where_the_cpu_multiplies_it(device: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_core.engine._multiplies_bfloat16", lambda: True)
    assert resolve_engine("torch", device) == Engine(None, bfloat16=expected)
    starts_with_a_pool = CandidateSpec(ArchitectureSpec.from_text("p 8s:br gap fc10+"))
    assert resolve_engine("auto", device).for_candidate(starts_with_a_pool) == Engine(None, bfloat16=expected)


def test_what_the_native_trainer_lacks_goes_to_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_core.engine.resolve_device", lambda name: {"auto": "xpu"}[name])
    known, unknown = (CandidateSpec(ArchitectureSpec.from_text(f"{pool}8s:br gap fc10+")) for pool in ("", "p "))
    engine = Engine(LIBRARY, bfloat16=True, on_accelerator=True)
    assert (engine.device_for(known, "cpu"), engine.for_candidate(known)) == ("cpu", engine)
    assert (engine.device_for(unknown, "cpu"), engine.for_candidate(unknown).name) == ("xpu", "torch")
    without = Engine(LIBRARY, bfloat16=True)
    assert (without.device_for(unknown, "cpu"), without.for_candidate(unknown).name) == ("cpu", "torch-bfloat16")


@pytest.mark.usefixtures("does_not_compile")
def test_bfloat16_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_core.engine._multiplies_bfloat16", lambda: True)
    assert resolve_engine("auto", "cpu") == Engine(None, "no compiler here", bfloat16=True)


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
    candidate = CandidateSpec(ArchitectureSpec.from_text(text))
    assert NATIVE.for_candidate(candidate) == expected
    for torch_engine in (TORCH, Engine(None, "no compiler here")):
        assert torch_engine.for_candidate(candidate) == torch_engine


@pytest.mark.parametrize("bfloat16", [False, True])
def test_adam_is_torchs(bfloat16: bool) -> None:
    architecture = ArchitectureSpec.from_text("8s:br p 12v:brd0.1 gap fc10+")
    engine = Engine(LIBRARY, bfloat16=bfloat16)
    assert engine.for_candidate(CandidateSpec(architecture)) == engine
    adam = CandidateSpec(architecture, TrainingConfig(optimizer="adam"))
    assert engine.for_candidate(adam) == Engine(None, bfloat16=bfloat16)


def test_a_damaged_library_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "trainer.so"
    damaged.write_bytes(b"half a library")
    monkeypatch.setattr("mnist_core.engine.compile_trainer", lambda *, compiling: damaged)
    assert resolve_engine("auto", "cpu").reason.startswith("the compiled trainer can't be loaded: ")
    with pytest.raises(InputError, match=r"^--engine native is not available: the compiled trainer can't be loaded: "):
        resolve_engine("native", "cpu")
