"""Models, compilers and the two kinds of C code, for the files that test exported C."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mnist_core.checkpoint import Checkpoint, cpu_weights, restore_model
from mnist_core.data import Dataset, Split
from mnist_core.engine import TORCH
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE, CModel
from mnist_core.formats.c_source import export_c
from mnist_core.formats.quantisation import quantise
from mnist_core.model import build_model
from mnist_core.native.compiler import CompilerError, find_compiler
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from tests.conftest import skip_or_fail

NET = "4s:br p 8v+:rb p 8k5p4:b gap fc12:r fc10+"
SEPARABLE = "4s:br ap sep8v+:rb ap3 sep9k5s:br sep6s:br p gap fc10+"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
KINDS = (
    *("flat", "gap", "gap fc3", "p4 flat fc5+:r fc10", "p3 p2 3s:rb p gap", "4x7x9 flat"),
    *("p28 3k5p4+:rb 2k3p2 flat fc10", "4k5v:rb p3 p2 3k5p3+:b p5 2k1:r flat", "4v:br p5 6s:rb p2 p2 flat"),
    *("8s:br 8s:br 8s:br flat fc10", "2s 5k1 sep3v:r ap2 ap3 gap", "ap3 p sep7p2:rb ap flat fc5+:r fc10"),
    *("sep5k5p4+:r ap p ap sep40s:b ap gap", "sep6s:rb gap fc10", NET, SEPARABLE),
    "3x20x33 4k5v/2:br p sep6s/2+:rb ap sep5s flat fc5+:r fc3",
    "4x7x40 3s/2:r sep5k5p4/2:br p gap fc3",
)
"""Nets in which every kind of layer stands first, last and between others, with every pool, padding and stride."""
ARITHMETICS = ("floats", "integers")


@pytest.fixture(scope="session")
def compiler(pytestconfig: pytest.Config) -> str:
    try:
        return find_compiler().path
    except CompilerError as error:
        skip_or_fail(pytestconfig, str(error))


@pytest.fixture(params=ARITHMETICS)
def arithmetic(request: pytest.FixtureRequest) -> str:
    """What the C code computes in."""
    return str(request.param)


def untrained(notation: str | ArchitectureSpec, *, seed: int = 1) -> Checkpoint:
    """A model in which no number is the one that it starts from."""
    architecture = ArchitectureSpec.from_text(notation) if isinstance(notation, str) else notation
    model = build_model(architecture, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model:
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.weight, module.bias, module.get_buffer("running_mean")):
                    tensor.normal_(generator=generator)
                module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
    candidate = CandidateSpec(architecture, TrainingConfig())
    return Checkpoint(candidate, cpu_weights(model), 0.13, 0.31, "mnist", "0" * 64, 0.9871, seed)


@pytest.fixture(scope="session")
def trained(digits: Dataset) -> Checkpoint:
    """That of a model which training left in channels_last."""
    candidate = CandidateSpec(
        ArchitectureSpec.from_text("4s:brd0.1 p 8s:rb p 8v:br gap fc10+"), TrainingConfig(epochs=6, batch_size=16)
    )
    model = build_model(candidate.architecture, seed=1)
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        results = list(train(model, digits, candidate.training, seed=1, engine=TORCH))
    finally:
        torch.set_num_threads(num_threads)
    return Checkpoint.trained_on(digits, candidate, cpu_weights(model), val_accuracy=results[-1].val_accuracy, seed=1)


def torch_logits(
    checkpoint: Checkpoint, images: NDArray[np.uint8], *, mean: float = 0.13, std: float = 0.31
) -> NDArray[np.float64]:
    """Of PyTorch in double precision."""
    model = restore_model(checkpoint).double()
    with torch.no_grad():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255
        logits: NDArray[np.float64] = model((pixels - mean) / std).numpy()
    return logits


def resized(split: Split, checkpoint: Checkpoint, number: int) -> Split:
    """Images for the net of a model, made of the bytes of others."""
    channels, height, width = checkpoint.candidate.architecture.input_shape
    return Split(np.resize(split.images, (number, height, width, channels)), split.labels[:number])


def export(checkpoint: Checkpoint, images: Split, arithmetic: str) -> CModel:
    """C code of one of `ARITHMETICS`; the ranges of integers are those of the same images."""
    if arithmetic == "floats":
        return export_c(checkpoint, images)
    return export_integer_c(checkpoint, quantise(checkpoint, images.images), images)


def build(model: CModel, folder: Path, command: list[str]) -> None:
    """Runs a compiler where the model's two files are."""
    (folder / HEADER_FILE).write_text(model.header)
    (folder / SOURCE_FILE).write_text(model.source)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def self_test(model: CModel, folder: Path, compiler: str, *flags: str) -> subprocess.CompletedProcess[str]:
    build(model, folder, [compiler, "-x", "c", "-std=c99", *flags, "-DMODEL_SELF_TEST", SOURCE_FILE, "-o", "self_test"])
    return subprocess.run([folder / "self_test"], capture_output=True, text=True, check=False)


def data_symbols(model: CModel, folder: Path, compiler: str, *flags: str) -> dict[str, int]:
    """Compile a model alone; returns the sizes of its constants, ``r``, and of its variables, ``d`` and ``b``."""
    build(model, folder, [compiler, "-x", "c", "-std=c99", *flags, "-c", SOURCE_FILE, "-o", "model.o"])
    listed = subprocess.run(["nm", "-S", "model.o"], cwd=folder, capture_output=True, text=True, check=True).stdout
    symbols = [line.split() for line in listed.splitlines()]
    sizes = dict.fromkeys("rdb", 0)
    for _, size, kind, _ in (symbol for symbol in symbols if len(symbol) == 4 and symbol[2].lower() in sizes):
        sizes[kind.lower()] += int(size, 16)
    needed = {name for kind, name in (symbol[-2:] for symbol in symbols) if kind == "U"}
    assert needed <= {"memset", "memcpy"}, "what compilers make of loops, and every C environment has"
    return sizes
