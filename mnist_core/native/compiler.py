"""Compiling the native trainer for this machine, once, into the user's cache."""

import contextlib
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mnist_core.cache import cache_folder
from space.errors import InputError

FOLDER = Path(__file__).parent
FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-shared", "-fPIC"),
    # Without the first, no loop with a comparison becomes one of vectors; NaN and infinity keep their meaning.
    *("-fno-trapping-math", "-fno-signed-zeros", "-fno-math-errno"),
    # The kernels fill the registers by themselves: values carried from one round of a loop to the next would spill.
    "-fno-predictive-commoning",
)
DOUBLE_PRECISION = "-DDOUBLE_PRECISION"
"""Flag to compile with 64-bit numbers, for comparing gradients."""
COMPILERS = ("c++", "g++", "clang++")
COMPILE_SECONDS = 300
HASH_SUFFIX = ".sha256"
"""Suffix of the file beside each compiled library that holds its hash."""


class CompilerError(Exception):
    """The native trainer can't be compiled or loaded; the message says why."""


def compile_trainer(*extra_flags: str, compiling: Callable[[], None] = lambda: None) -> Path:
    """Return the trainer's shared library, compiled now if it is not in the cache.

    ``compiling`` is called before compiling. Raises `CompilerError` if the library can't be compiled.
    """
    return compile_library(FOLDER / "trainer.cpp", *extra_flags, compiling=compiling)


def compile_library(source: Path, *extra_flags: str, compiling: Callable[[], None] = lambda: None) -> Path:
    """Return the shared library of one C++ file, which may include the native trainer's headers.

    The cache is ``SEARCH_CACHE_DIR`` if set, else in the user's cache folder; its files are named by a hash of the
    sources, the flags, the compiler and the CPU. Raises `CompilerError` if the file can't be compiled.
    """
    compiler = find_compiler()
    flags = (*FLAGS, *extra_flags)
    target = _cache_folder() / f"{source.stem}-{_digest(compiler, flags, source)}.so"
    try:
        if _is_whole(target):
            return target
        compiling()
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            library = Path(folder) / target.name
            _run([compiler.path, *flags, f"-I{FOLDER}", str(source), "-o", str(library)])
            hashed = library.with_suffix(HASH_SUFFIX)
            hashed.write_text(_hash_of(library), encoding="ascii")
            # Renaming is atomic: another process may be about to load the library.
            library.rename(target)
            hashed.rename(target.with_suffix(HASH_SUFFIX))
    except OSError as error:
        raise CompilerError(f"{source.name} can't be compiled: {error}") from None
    return target


def _is_whole(library: Path) -> bool:
    """Return whether the library is complete: loading a truncated one would kill the process."""
    try:
        return library.with_suffix(HASH_SUFFIX).read_text(encoding="ascii") == _hash_of(library)
    except (OSError, UnicodeDecodeError):
        return False


def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(command: list[str]) -> None:
    # Runs in its own session: a compiler driver that is killed alone leaves its child processes running.
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, errors = process.communicate(timeout=COMPILE_SECONDS)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise CompilerError(f"{command[0]} took more than {COMPILE_SECONDS} s") from None
        raise
    if process.returncode != 0:
        first = next((line for line in errors.splitlines() if "error" in line), errors.strip().partition("\n")[0])
        raise CompilerError(f"{command[0]} failed: {first[:200]}")


@dataclass(frozen=True)
class Compiler:
    path: str
    version: str
    """First line of the compiler's version output."""


@cache
def find_compiler() -> Compiler:
    """Return ``CXX`` if set, else the first of `COMPILERS` that runs. Raises `CompilerError` if none does."""
    chosen = os.environ.get("CXX")
    for name in (chosen,) if chosen else COMPILERS:
        if path := shutil.which(name):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True)
                return Compiler(path, done.stdout.partition("\n")[0])
    raise CompilerError(f"CXX={chosen} does not run" if chosen else f"there is none of {', '.join(COMPILERS)}")


def _cache_folder() -> Path:
    try:
        return cache_folder()
    except InputError as error:
        raise CompilerError(str(error)) from None


def _digest(compiler: Compiler, flags: tuple[str, ...], source: Path) -> str:
    digest = hashlib.sha256(repr((compiler, flags, _cpu())).encode())
    for file in [source, *sorted(FOLDER.glob("*.h"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _cpu() -> str:
    """Describe the CPU, on which ``-march=native`` depends: different machines may share a home folder."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return f"{platform.machine()} {line}"
    return f"{platform.machine()} {platform.processor()}"
