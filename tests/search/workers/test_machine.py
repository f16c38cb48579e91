import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_core.engine import TORCH, Engine
from mnist_core.native.compiler import find_compiler
from search.workers.machine import MAX_WORKERS, Resources, check_names, check_workers, find_engine, prepare_process
from space.errors import InputError

pytestmark = pytest.mark.usefixtures("one_thread")


def never() -> None:
    raise AssertionError("nothing is to be compiled")


def test_images_are_those_of_the_options_also_in_the_process_that_they_are_sent_to() -> None:
    resources = Resources("digits", None, 60, "cpu", TORCH)
    sent = pickle.loads(pickle.dumps(resources))
    assert sent == resources
    data = sent.load_data()
    assert (data.name, len(data.train), len(data.validation)) == ("digits", 60, 300)
    assert len(Resources("digits", None, None, "cpu", TORCH).load_data().train) == 1_197


def test_torch_is_found_without_a_compiler() -> None:
    device, engine = find_engine("cpu", "torch", compiling=never)
    assert (device, engine.library, engine.reason) == ("cpu", None, "")


def test_the_trainer_is_compiled_once_on_a_machine(native_engine: Engine) -> None:
    device, engine = find_engine("cpu", "native", compiling=never)
    assert (device, engine.library, engine.name) == ("cpu", native_engine.library, "native")


@pytest.mark.parametrize("name", ["auto", "native"])
@pytest.mark.parametrize("has_accelerator", [True, False])
def test_the_cpu_trains_what_the_native_trainer_knows_beside_an_accelerator(
    name: str, has_accelerator: bool, native_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.workers.machine.may_have_accelerator", lambda: has_accelerator)
    monkeypatch.setattr("search.workers.machine.find_device", lambda _: "cuda")
    device, engine = find_engine("auto", name, compiling=never)
    assert (device, engine.library, engine.on_accelerator) == ("cpu", native_engine.library, has_accelerator)
    assert find_engine("auto", "torch", compiling=never) == ("cuda", TORCH), "PyTorch was chosen"
    assert find_engine("cuda", "auto", compiling=never) == ("cuda", TORCH), "the accelerator was chosen"


@pytest.fixture
def _no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CXX", str(tmp_path / "c++"))
    find_compiler.cache_clear()
    yield
    find_compiler.cache_clear()


@pytest.mark.usefixtures("_no_compiler")
def test_a_compiler_that_is_not_there_is_no_matter_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    _, engine = find_engine("cpu", "auto", compiling=never)
    assert engine.library is None
    assert "does not run" in engine.reason
    monkeypatch.setattr("search.workers.machine.find_device", lambda _: "cuda")
    assert find_engine("auto", "auto", compiling=never) == ("cuda", TORCH)
    with pytest.raises(InputError, match=r"--engine native is not available: .* does not run"):
        find_engine("auto", "native", compiling=never)


def test_a_process_that_trains_has_one_thread() -> None:
    torch.set_num_threads(3)
    prepare_process()
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("device", "engine", "message"),
    [
        ("gpu", "auto", "--device must be one of auto, cpu, .*, not 'gpu'"),
        ("cpu", "numpy", "--engine must be one of auto, native, torch, not 'numpy'"),
        ("", "", "--device must be one of .*, not ''"),
    ],
)
def test_a_name_that_nobody_has_is_refused(device: str, engine: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_names(device, engine)
    # A device that is known may be named where it is not.
    check_names("cuda", "native")


def test_a_number_of_workers_has_two_ends() -> None:
    for possible in (None, 1, MAX_WORKERS):
        check_workers(possible)
    for number, message in ((0, "at least 1, not 0"), (MAX_WORKERS + 1, r"at most 1024, not 1025")):
        with pytest.raises(InputError, match=f"--workers must be {message}"):
            check_workers(number)
