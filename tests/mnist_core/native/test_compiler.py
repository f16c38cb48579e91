"""Compiling the native trainer: once, into which file, and what is said where it can't be."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from mnist_core.native import compiler
from mnist_core.native.compiler import DOUBLE_PRECISION, CompilerError, compile_trainer, find_compiler

WRITES_A_LIBRARY = """
while [ "$1" != -o ]; do shift; done
echo library > "$2"
"""


@dataclass(frozen=True)
class FakeCompiler:
    path: Path

    def does(self, script: str, *, version: str = "fake 1.0") -> None:
        """What it does when it compiles."""
        answer = f'if [ "$1" = --version ]; then echo "{version}"; echo more; exit; fi'
        self.path.write_text(f'#!/bin/sh\n{answer}\necho "$@" >> "{self.path}.calls"\n{script}\n')
        self.path.chmod(0o755)
        find_compiler.cache_clear()

    @property
    def calls(self) -> list[str]:
        """The arguments of each call that compiled."""
        log = Path(f"{self.path}.calls")
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "not yet there/cache"
    monkeypatch.setenv("SEARCH_CACHE_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCompiler]:
    monkeypatch.setenv("CXX", str(tmp_path / "fake-c++"))
    fake = FakeCompiler(tmp_path / "fake-c++")
    fake.does(WRITES_A_LIBRARY)
    yield fake
    find_compiler.cache_clear()


def refused() -> str:
    """The message of the error, which has to be one line."""
    with pytest.raises(CompilerError) as caught:
        compile_trainer()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_compiles_once(fake: FakeCompiler, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    library = compile_trainer(compiling=lambda: told.append(len(fake.calls)))
    assert told == [0], "told once, before it compiled"
    assert library.read_text() == "library\n"
    hashed = library.with_suffix(".sha256")
    assert set(cache_folder.iterdir()) == {library, hashed}, "no temporary folder is left"

    def no_process(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", no_process)
    assert compile_trainer(compiling=lambda: told.append(-1)) == library
    assert told == [0]
    assert len(fake.calls) == 1


def test_a_compiled_trainer_outlives_the_process(fake: FakeCompiler) -> None:
    library = compile_trainer()
    # As in a new process.
    find_compiler.cache_clear()
    assert compile_trainer() == library
    assert len(fake.calls) == 1


@pytest.mark.parametrize("damage", ["cut short", "without its hash", "with a hash that is no text"])
def test_a_damaged_library_is_compiled_anew_before_it_is_loaded(fake: FakeCompiler, damage: str) -> None:
    library = compile_trainer()
    if damage == "cut short":
        library.write_bytes(library.read_bytes()[:-1])
    elif damage == "without its hash":
        library.with_suffix(".sha256").unlink()
    else:
        library.with_suffix(".sha256").write_bytes(b"\xff")
    assert compile_trainer() == library
    assert len(fake.calls) == 2
    assert library.read_text() == "library\n"
    assert compile_trainer() == library
    assert len(fake.calls) == 2


def test_without_a_home_folder_there_is_no_trainer_and_the_reason_says_what_helps(
    fake: FakeCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> NoReturn:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SEARCH_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(CompilerError, match="no home folder to keep it in: name a folder with SEARCH_CACHE_DIR"):
        compile_trainer()
    assert fake.calls == []


def test_compiles_the_trainer_with_the_flags(fake: FakeCompiler) -> None:
    compile_trainer("-DONE", "-DTWO")
    (call,) = fake.calls
    arguments = call.split()
    assert {*compiler.FLAGS, "-DONE", "-DTWO", str(compiler.FOLDER / "trainer.cpp")} <= set(arguments)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert compile_trainer().parent == tmp_path / "ours"
    monkeypatch.delenv("SEARCH_CACHE_DIR")
    assert compile_trainer().parent == tmp_path / "xdg/small-model-search"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert compile_trainer().parent == tmp_path / "home/.cache/small-model-search"


def test_a_relative_cache_folder_gives_a_path_that_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bare file name would be sought among the system's libraries.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEARCH_CACHE_DIR", ".")
    assert compile_trainer().is_absolute()
    assert compile_trainer().parent == tmp_path


def test_what_changes_the_machine_code_changes_the_file(
    fake: FakeCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = [compile_trainer(), compile_trainer(DOUBLE_PRECISION)]

    fake.does(WRITES_A_LIBRARY, version="fake 1.1")
    libraries.append(compile_trainer())

    monkeypatch.setattr(compiler, "_cpu", lambda: "another")
    libraries.append(compile_trainer())

    folder = tmp_path / "native"
    shutil.copytree(compiler.FOLDER, folder)
    monkeypatch.setattr(compiler, "FOLDER", folder)
    sources = sorted(path for path in folder.iterdir() if path.suffix in {".h", ".cpp"})
    assert len(sources) > 2
    for source in sources:
        source.write_text(source.read_text() + "\n")
        libraries.append(compile_trainer())

    assert len(set(libraries)) == len(libraries)
    assert len(fake.calls) == len(libraries)


def test_a_compiler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert refused() == "CXX=no-such-compiler does not run"


def test_a_compiler_that_does_not_run(fake: FakeCompiler) -> None:
    fake.path.write_text("#!/bin/sh\nexit 1\n")
    assert refused() == f"CXX={fake.path} does not run"


def test_a_machine_without_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert refused() == "there is none of c++, g++, clang++"


def test_the_first_compiler_that_runs_is_taken(
    fake: FakeCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, works in {"c++": False, "g++": True, "clang++": True}.items():
        shutil.copy(fake.path if works else shutil.which("false") or "", folder / name)
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(folder))
    assert find_compiler() == compiler.Compiler(str(folder / "g++"), "fake 1.0")


def test_a_failing_compiler_is_quoted_in_one_line(fake: FakeCompiler, cache_folder: Path) -> None:
    fake.does("echo 'in a.h:' >&2; echo 'a.h:1: error: no' >&2; echo 'a.h:2: error: never' >&2; exit 1")
    assert refused() == f"{fake.path} failed: a.h:1: error: no"
    assert list(cache_folder.iterdir()) == []
    # The failure is not remembered.
    fake.does(WRITES_A_LIBRARY)
    assert compile_trainer().exists()


@pytest.mark.parametrize("said", ["", "killed", "first\\nsecond\\n"])
def test_a_failing_compiler_may_say_anything(fake: FakeCompiler, said: str) -> None:
    fake.does(f"printf '{said}' >&2; exit 1")
    assert refused().startswith(f"{fake.path} failed")


def test_a_compiler_that_writes_nothing(fake: FakeCompiler, cache_folder: Path) -> None:
    fake.does("exit 0")
    assert refused().startswith("trainer.cpp can't be compiled: ")
    assert list(cache_folder.iterdir()) == []


def test_a_compiler_that_takes_too_long(
    fake: FakeCompiler, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "COMPILE_SECONDS", 0.5)
    # The compiler proper is a child of what was called.
    fake.does(f'sleep 60 & echo $! > "{cache_folder.parent}/child"; wait')
    assert refused().endswith("took more than 0.5 s")
    assert list(cache_folder.iterdir()) == []
    child = int((cache_folder.parent / "child").read_text())
    with pytest.raises(ProcessLookupError):
        wait_until_gone(child)


def wait_until_gone(pid: int) -> None:
    """Raises ProcessLookupError when it is."""
    for _ in range(100):
        os.kill(pid, 0)
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                raise ProcessLookupError  # killed; only nobody has waited for it
        time.sleep(0.05)


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEARCH_CACHE_DIR", str(tmp_path / "file/cache"))
    assert refused().startswith("trainer.cpp can't be compiled: ")
