"""Choosing the engine: the native trainer if it can be compiled and supports the layers, else PyTorch."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_core.device import resolve_device
from mnist_core.native.compiler import CompilerError, compile_trainer
from mnist_core.native.trainer import layer_specs, load_library
from space.candidate import CandidateSpec
from space.errors import InputError

ENGINE_NAMES = ("auto", "native", "torch")
BFLOAT16_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Engine:
    library: Path | None
    """The compiled native trainer; None if PyTorch trains."""
    reason: str = ""
    """Why PyTorch trains instead of the native trainer; empty if PyTorch was chosen."""
    bfloat16: bool = False
    """Whether PyTorch multiplies in bfloat16 when it trains; weights, sums and evaluation stay in fp32."""

    on_accelerator: bool = False
    """Whether PyTorch trains what the native trainer lacks on an accelerator, if there is one."""

    def for_candidate(self, candidate: CandidateSpec) -> "Engine":
        """Return the engine for a candidate: PyTorch if the native trainer lacks its layers or its optimiser."""
        native = candidate.training.optimizer == "sgd" and layer_specs(candidate.architecture) is not None
        if native or self.library is None:
            return self
        return replace(self, library=None, bfloat16=self.bfloat16 and not self.on_accelerator)

    def device_for(self, candidate: CandidateSpec, device: str) -> str:
        """Return ``device``, which the engine was chosen for, or the accelerator that trains this candidate instead."""
        elsewhere = self.on_accelerator and self.for_candidate(candidate).library is None
        return resolve_device("auto") if elsewhere else device

    @property
    def name(self) -> str:
        if self.library is not None:
            return "native"
        return "torch-bfloat16" if self.bfloat16 else "torch"


TORCH = Engine(None)
"""PyTorch with all computation in fp32, the reference engine."""


def resolve_engine(name: str, device: str, *, compiling: Callable[[], None] = lambda: None) -> Engine:
    """Return the engine called ``name``; ``auto`` means native on the CPU if it can be compiled, else PyTorch.

    Calls ``compiling`` before compiling, which takes some seconds, once per machine. Raises `InputError` for
    ``native`` if it is not available.
    """
    torch = Engine(None, bfloat16=device == "cpu" and _multiplies_bfloat16())
    if name == "torch" or (name == "auto" and device != "cpu"):
        return torch
    if device != "cpu":
        raise InputError(f"--engine native trains on the CPU, not on {device}")
    try:
        library = compile_trainer(compiling=compiling)
        load_library(library)
        return replace(torch, library=library)
    except CompilerError as error:
        if name == "native":
            raise InputError(f"--engine native is not available: {error}") from None
        return replace(torch, reason=str(error))


def _multiplies_bfloat16() -> bool:
    """Whether Linux lists bfloat16 instructions for the CPU; without them bfloat16 would be slower than fp32."""
    with contextlib.suppress(OSError):
        names = Path("/proc/cpuinfo").read_text().split()
        return not BFLOAT16_INSTRUCTIONS.isdisjoint(names)
    return False
