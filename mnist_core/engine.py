"""Which engine trains: the native trainer, where it can be compiled and knows the layers, else PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_core.native.compiler import CompilerError, compile_trainer
from mnist_core.native.trainer import layer_specs, load_library
from space.architecture import ArchitectureSpec
from space.errors import InputError

ENGINE_NAMES = ("auto", "native", "torch")


@dataclass(frozen=True)
class Engine:
    library: Path | None
    """The compiled native trainer; None: PyTorch trains."""
    reason: str = ""
    """Why the native trainer, though wanted, is not there."""

    def for_network(self, architecture: ArchitectureSpec) -> "Engine":
        """What trains this network: PyTorch if it has layers that the native trainer lacks."""
        return self if self.library is None or layer_specs(architecture) else TORCH

    @property
    def name(self) -> str:
        return "native" if self.library else "torch"


TORCH = Engine(None)


def resolve_engine(name: str, device: str, *, compiling: Callable[[], None] = lambda: None) -> Engine:
    """``name``, where ``auto`` is native on the CPU if it can be compiled.

    Calls ``compiling`` before it compiles, which takes some seconds, once on a machine. Raises `InputError` for
    ``native`` where that can't be.
    """
    if name == "torch" or (name == "auto" and device != "cpu"):
        return TORCH
    if device != "cpu":
        raise InputError(f"--engine native trains on the CPU, not on {device}")
    try:
        library = compile_trainer(compiling=compiling)
        load_library(library)
        return Engine(library)
    except CompilerError as error:
        if name == "native":
            raise InputError(f"--engine native is not available: {error}") from None
        return Engine(None, str(error))
