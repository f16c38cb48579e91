"""The exported C against PyTorch, against compilers and sanitizers, and against its own account of its size."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from mnist_core.checkpoint import Checkpoint, cpu_weights, load_checkpoint, restore_model, save_checkpoint
from mnist_core.data import Dataset, Split, load_dataset
from mnist_core.engine import TORCH
from mnist_core.evaluation import predict_logits
from mnist_core.formats.c_layers import quantise_weights
from mnist_core.formats.c_source import HEADER_FILE, SOURCE_FILE, WEIGHTS, CModel, export_c, run_c
from mnist_core.model import build_model
from mnist_core.native.compiler import CompilerError, find_compiler
from mnist_core.training import train
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from tests.conftest import skip_or_fail
from tests.strategies import architectures

NET = "4s:br p 8v+:rb p 8k5p4:b gap fc12:r fc10+"
SEPARABLE = "4s:br ap sep8v+:rb ap3 sep9k5s:br sep6s:br p gap fc10+"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None, train_size=400)


@pytest.fixture(scope="session")
def compiler(pytestconfig: pytest.Config) -> str:
    try:
        return find_compiler().path
    except CompilerError as error:
        skip_or_fail(pytestconfig, str(error))


@pytest.fixture(params=WEIGHTS)
def weights(request: pytest.FixtureRequest) -> str:
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


def torch_logits(
    checkpoint: Checkpoint, images: NDArray[np.uint8], *, weights: str = "float", mean: float = 0.13, std: float = 0.31
) -> NDArray[np.float64]:
    """Of PyTorch in double precision; for int8 with weights that are rounded here."""
    model = restore_model(checkpoint).double()
    with torch.no_grad():
        for module in model:
            if isinstance(module, nn.Conv2d | nn.Linear) and weights == "int8":
                steps = module.weight.abs().flatten(1).amax(1).clamp(min=1e-30) / 127
                steps = steps.view(-1, *[1] * (module.weight.dim() - 1))
                module.weight.copy_((module.weight / steps).round() * steps)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).double() / 255
        logits: NDArray[np.float64] = model((pixels - mean) / std).numpy()
    return logits


def assert_near(logits: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
    assert logits.shape == expected.shape
    assert np.abs(logits - expected).max() <= 1e-4 * max(1, np.abs(expected).max())


def build(model: CModel, folder: Path, command: list[str]) -> None:
    """Runs a compiler where the model's two files are."""
    (folder / HEADER_FILE).write_text(model.header)
    (folder / SOURCE_FILE).write_text(model.source)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def self_test(model: CModel, folder: Path, compiler: str, *flags: str) -> subprocess.CompletedProcess[str]:
    build(model, folder, [compiler, "-x", "c", "-std=c99", *flags, "-DMODEL_SELF_TEST", SOURCE_FILE, "-o", "self_test"])
    return subprocess.run([folder / "self_test"], capture_output=True, text=True, check=False)


# ---- Against PyTorch


@settings(max_examples=15, deadline=None)
@given(architectures(), st.sampled_from(WEIGHTS), st.integers(0, 1000))
@example(ArchitectureSpec.from_text("flat"), "float", 0)
@example(ArchitectureSpec.from_text("gap fc3"), "int8", 0)
@example(ArchitectureSpec.from_text("flat fc5+:r fc10"), "int8", 0)
@example(ArchitectureSpec.from_text("p3 p2 3s:rb p gap"), "int8", 0)
@example(ArchitectureSpec.from_text("p28 3k5p4+:rb 2k3p2 flat fc10"), "float", 0)
@example(ArchitectureSpec.from_text("4k5v:rb p3 p2 3k5p3+:b p5 2k1:r flat"), "float", 0)
@example(ArchitectureSpec.from_text("4v:br p5 6s:rb p2 p2 flat"), "int8", 0)
@example(ArchitectureSpec.from_text(SEPARABLE), "float", 0)
@example(ArchitectureSpec.from_text(SEPARABLE), "int8", 0)
@example(ArchitectureSpec.from_text("sep5k5p4+:r ap p ap sep40s:b ap gap"), "float", 0)
@example(ArchitectureSpec.from_text("ap3 p sep7p2:rb ap flat fc5+:r fc10"), "int8", 0)
@example(ArchitectureSpec.from_text("2s sep3v:r ap2 ap3 gap"), "int8", 0)
@example(ArchitectureSpec.from_text("3x20x33 4k5v/2:br p sep6s/2+:rb ap sep5s flat fc5+:r fc3"), "float", 0)
@example(ArchitectureSpec.from_text("4x7x40 3s/2:r sep5k5p4/2:br p gap fc3"), "int8", 0)
def test_every_net_gives_the_logits_of_pytorch(
    compiler: str, digits: Dataset, architecture: ArchitectureSpec, weights: str, seed: int
) -> None:
    checkpoint = untrained(architecture, seed=seed)
    channels, height, width = architecture.input_shape
    images = np.resize(digits.validation.images, (5, height, width, channels))
    model = export_c(checkpoint, Split(images, digits.validation.labels[:5]), weights=weights)
    assert_near(run_c(model, images), torch_logits(checkpoint, images, weights=weights))


@pytest.fixture(scope="module")
def trained(digits: Dataset) -> Checkpoint:
    """That of a model which training left in channels_last."""
    candidate = CandidateSpec(
        ArchitectureSpec.from_text("4s:brd0.1 p 8s:rb p 8v:br gap fc10+"), TrainingConfig(epochs=6, batch_size=16)
    )
    model = build_model(candidate.architecture, seed=1)
    results = list(train(model, digits, candidate.training, seed=1, engine=TORCH))
    return Checkpoint(
        candidate,
        cpu_weights(model),
        mean=digits.mean,
        std=digits.std,
        dataset=digits.name,
        dataset_sha256=digits.sha256,
        val_accuracy=results[-1].val_accuracy,
        seed=1,
    )


def test_a_trained_model_is_as_good_in_c(compiler: str, digits: Dataset, trained: Checkpoint, weights: str) -> None:
    split = digits.validation
    logits = run_c(export_c(trained, split, weights=weights), split.images)
    assert_near(logits, torch_logits(trained, split.images, weights=weights, mean=trained.mean, std=trained.std))
    assert trained.val_accuracy is not None
    assert trained.val_accuracy > 0.5
    assert np.mean(logits.argmax(1) == split.labels) == pytest.approx(trained.val_accuracy, abs=0.02)


def test_rounded_weights_are_those_of_int8(digits: Dataset) -> None:
    checkpoint = untrained(NET)
    images = digits.validation.images[:3]
    rounded = predict_logits(restore_model(quantise_weights(checkpoint)), torch.tensor(images), mean=0.13, std=0.31)
    expected = torch_logits(checkpoint, images, weights="int8")
    assert_near(rounded.numpy(), expected)
    assert np.abs(expected - torch_logits(checkpoint, images)).max() > 1e-3, "rounding makes a difference"


def test_a_channel_of_zeros_can_be_rounded(compiler: str, digits: Dataset) -> None:
    checkpoint = untrained("4s+:r gap fc10+")
    checkpoint.weights["0.weight"][2] = 0
    model = export_c(checkpoint, digits.validation, weights="int8")
    images = digits.validation.images[:3]
    assert_near(run_c(model, images), torch_logits(checkpoint, images, weights="int8"))


# ---- Numbers in the source


DUMP = f"""
#include "{SOURCE_FILE}"
#include <stdio.h>
int main(void) {{
    fwrite(weights, sizeof weights, 1, stdout);
    fwrite(constants, sizeof constants, 1, stdout);
    return 0;
}}
"""


def test_floats_are_read_back_bit_for_bit(compiler: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = untrained("4s+ 6k5p1+:r flat fc10+")
    checkpoint.weights["0.weight"][0, 0] = torch.tensor([[-0.0, 1e-45, -3.4e38], [1e10, 16777216.0, 0.1], [1, -7, 0.3]])
    checkpoint.weights["0.bias"][0] = 1e-30
    (tmp_path / "dump.c").write_text(DUMP)
    images = replace(digits.validation, images=np.zeros((4, 28, 28, 1), np.uint8))  # so that the logits are finite
    build(
        export_c(replace(checkpoint, mean=0.0), images, weights="float"),
        tmp_path,
        [compiler, "-x", "c", "-std=c99", "dump.c", "-o", "dump"],
    )
    dumped = subprocess.run([tmp_path / "dump"], capture_output=True, check=True).stdout
    tensors = [checkpoint.weights[f"{number}.{name}"] for name in ("weight", "bias") for number in (0, 1, 4)]
    assert dumped == torch.cat([tensor.flatten() for tensor in tensors]).numpy().tobytes()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["0.weight", "1.running_mean"])
def test_a_model_that_is_not_finite_is_refused(digits: Dataset, weights: str, name: str, number: float) -> None:
    checkpoint = untrained("4s:br gap fc10")
    checkpoint.weights[name][0] = number
    with pytest.raises(InputError, match=r"^-?(nan|inf) can't be written as C: all numbers of a model must be finite$"):
        export_c(checkpoint, digits.validation, weights=weights)


def test_another_kind_of_weights_is_refused(digits: Dataset) -> None:
    with pytest.raises(InputError, match=r"^the weights of a C model must be one of float, int8, not 'int4'$"):
        export_c(untrained("gap"), digits.validation, weights="int4")


def test_the_same_model_gives_the_same_text(digits: Dataset, trained: Checkpoint, weights: str, tmp_path: Path) -> None:
    model = export_c(trained, digits.validation, weights=weights)
    save_checkpoint(tmp_path / "model.safetensors", trained)
    assert export_c(load_checkpoint(tmp_path / "model.safetensors"), digits.validation, weights=weights) == model
    altered = trained.weights | {"0.weight": trained.weights["0.weight"] * 1.001}
    assert export_c(replace(trained, weights=altered), digits.validation, weights=weights) != model


# ---- Sizes


@pytest.mark.parametrize(
    ("notation", "num_weights", "num_channels", "num_scales", "num_layers", "num_activations"),
    [
        # The second layer reads 4x14x14 and writes 8x6x6, what is pooled not being stored.
        ("4s:br p 8v+:rb p gap fc10", 36 + 288 + 80, 22, 2 * 8, 3, 784 + 784),
        ("4s:br 8s:br gap fc10", 36 + 288 + 80, 22, 0, 3, 784 + 3136),
        ("flat fc10+", 7840, 10, 0, 1, 784),
        ("p4 flat fc10+", 1 + 490, 11, 0, 2, 784 + 49),
    ],
)
def test_sizes_are_those_of_what_is_stored(
    notation: str,
    num_weights: int,
    num_channels: int,
    num_scales: int,
    num_layers: int,
    num_activations: int,
    digits: Dataset,
) -> None:
    checkpoint = untrained(notation)
    model = export_c(checkpoint, digits.validation, weights="float")
    assert model.flash_bytes == 4 * (num_weights + num_channels + num_scales) + 44 * num_layers
    assert model.ram_bytes == 4 * num_activations
    small = export_c(checkpoint, digits.validation, weights="int8")
    num_factors = num_channels - notation.startswith("p")  # a convolution that changes nothing needs none
    assert small.flash_bytes == num_weights + 4 * (num_channels + num_factors + num_scales) + 44 * num_layers
    assert small.ram_bytes == model.ram_bytes


def test_sizes_of_a_separable_convolution(digits: Dataset) -> None:
    checkpoint = untrained("4s:br ap sep6s:br flat fc10")
    # Kernels for 4 channels, then 6 x 4 weights; one bias for each channel of what is stored.
    num_weights, num_biases = 36 + (4 * 9 + 6 * 4) + 10 * 6 * 14 * 14, 4 + 6 + 10
    model = export_c(checkpoint, digits.validation, weights="float")
    assert model.flash_bytes == 4 * (num_weights + num_biases) + 44 * 3
    small = export_c(checkpoint, digits.validation, weights="int8")
    assert small.flash_bytes == num_weights + 4 * (num_biases + num_biases + 4) + 44 * 3, "4 kernels, 4 more factors"
    # One place of the depthwise values: one of each of 4 channels.
    assert model.ram_bytes == small.ram_bytes == 4 * (4 * 196 + 4 + 6 * 196)


@pytest.mark.parametrize("notation", [NET, SEPARABLE, "p2 6k5p4+:rb p3 flat fc16:r fc10+", "8s:br 8s:br p 16v:br flat"])
def test_the_object_file_holds_as_much_and_needs_nothing(
    notation: str, weights: str, compiler: str, digits: Dataset, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    if not shutil.which("nm"):
        skip_or_fail(pytestconfig, "there is no nm to look into object files")
    model = export_c(untrained(notation), digits.validation, weights=weights)
    build(model, tmp_path, [compiler, "-x", "c", "-std=c99", "-O2", "-c", SOURCE_FILE, "-o", "model.o"])
    listed = subprocess.run(["nm", "-S", "model.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    symbols = [line.split() for line in listed.splitlines()]
    sizes = dict.fromkeys("rdb", 0)
    for _, size, kind, _ in (symbol for symbol in symbols if len(symbol) == 4 and symbol[2].lower() in sizes):
        sizes[kind.lower()] += int(size, 16)
    assert sizes == {"r": model.flash_bytes, "d": 0, "b": model.ram_bytes}
    assert not [name for kind, name in (symbol[-2:] for symbol in symbols) if kind == "U"]


# ---- Compilers


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-DMODEL_SELF_TEST")], ids=" ".join)
@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_compilers_have_nothing_to_warn_of(
    name: str, flags: tuple[str, ...], weights: str, digits: Dataset, tmp_path: Path
) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}")
    for notation in (NET, SEPARABLE, "flat", "p3 4s:rb gap"):
        model = export_c(untrained(notation), digits.validation, weights=weights)
        build(model, tmp_path, [found, *STRICT, *flags, "-c", SOURCE_FILE])


CPP = f"""
#include "{HEADER_FILE}"
#include <cstdio>
int main() {{
    static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];
    float logits[MODEL_NUM_CLASSES];
    pixels[300] = 255;
    std::printf("%d", model_predict(pixels, logits));
}}
"""


def test_cpp_can_use_it(digits: Dataset, tmp_path: Path, compiler: str) -> None:
    checkpoint = untrained(NET)
    model = export_c(checkpoint, digits.validation, weights="float")
    build(model, tmp_path, [compiler, "-x", "c", *STRICT, "-c", SOURCE_FILE, "-o", "model.o"])
    (tmp_path / "main.cpp").write_text(CPP)
    build(model, tmp_path, [compiler, "-Wall", "-Wextra", "-Werror", "main.cpp", "model.o", "-o", "main"])
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image.flat[300] = 255
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    assert done.stdout == str(torch_logits(checkpoint, image).argmax())


def test_the_header_tells_what_one_must_know(digits: Dataset, weights: str) -> None:
    checkpoint = replace(untrained(NET), dataset="fashion-mnist", class_names=())
    model = export_c(checkpoint, digits.validation, weights=weights)
    for told in (
        f"/* {NET}\n",
        f" {checkpoint.candidate.num_params:,} parameters, trained on fashion-mnist;",
        "98.71%",
        " T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.",
        f"Weights: {weights}. Flash: {model.flash_bytes:,} bytes",
        f"RAM: {model.ram_bytes:,} bytes",
        "#define MODEL_NUM_PIXELS 784\n#define MODEL_NUM_CHANNELS 1\n#define MODEL_NUM_CLASSES 10\n",
        "float logits[MODEL_NUM_CLASSES]);",
    ):
        assert told in model.header
    assert max(map(len, model.header.splitlines())) <= 120
    unmeasured = export_c(replace(checkpoint, val_accuracy=None), digits.validation, weights=weights).header
    assert f" {checkpoint.candidate.num_params:,} parameters, trained on fashion-mnist.\n" in unmeasured


def test_a_name_cannot_end_the_comment(compiler: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = replace(untrained("gap fc10"), dataset="x */ #error /* \n#error")
    model = export_c(checkpoint, digits.validation, weights="float")
    assert self_test(model, tmp_path, compiler, *STRICT).returncode == 0


# ---- The self-test


def test_the_self_test_passes(compiler: str, digits: Dataset, weights: str, tmp_path: Path) -> None:
    checkpoint = untrained(NET)
    done = self_test(export_c(checkpoint, digits.validation, weights=weights), tmp_path, compiler)
    assert (done.returncode, done.stderr) == (0, "")
    predicted = torch_logits(checkpoint, digits.validation.images[:4], weights=weights).argmax(1)
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for number, line in enumerate(lines):
        expected = f"image {number}: label {digits.validation.labels[number]}, predicted {predicted[number]}, logits "
        assert re.fullmatch(rf"{expected}within \S+ of the expected: passed", line)


@pytest.mark.parametrize("array", ["weights", "constants", "expected"])
def test_the_self_test_finds_a_wrong_number(
    array: str, compiler: str, digits: Dataset, weights: str, tmp_path: Path
) -> None:
    model = export_c(untrained(NET), digits.validation, weights=weights)
    last = re.search(rf"static const \w+ {array}\[[^}}]* (\S+?)f?,\n}};", model.source)
    assert last
    number = float(last[1]) / 2 + 1
    start, end = last.span(1)
    damaged = f"{model.source[:start]}{number if '.' in last[1] else round(number)}{model.source[end:]}"
    done = self_test(replace(model, source=damaged), tmp_path, compiler)
    assert done.returncode == 1
    assert "of the expected: FAILED" in done.stdout


@pytest.mark.parametrize("notation", [NET, SEPARABLE, "p3 6k5p4+:rb p2 4k3p2 5k5p4:b p5 flat fc16:r fc3"])
def test_no_access_out_of_bounds_and_nothing_undefined(
    notation: str, compiler: str, digits: Dataset, weights: str, tmp_path: Path
) -> None:
    model = export_c(untrained(notation), digits.validation, weights=weights)
    sanitizers = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    done = self_test(model, tmp_path, compiler, *sanitizers)
    assert (done.returncode, done.stderr) == (0, "")


# ---- Where it can't be run


@pytest.fixture
def fake_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whose script is still to be written."""
    path = tmp_path / "fake-c++"
    monkeypatch.setenv("CXX", str(path))
    find_compiler.cache_clear()
    yield path
    find_compiler.cache_clear()


def test_without_a_compiler_it_cannot_be_run(fake_compiler: Path, digits: Dataset) -> None:
    model = export_c(untrained("gap"), digits.validation, weights="float")
    with pytest.raises(CompilerError, match=rf"^CXX={re.escape(str(fake_compiler))} does not run$"):
        run_c(model, digits.validation.images)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 'in model.c:' >&2; echo 'model.c:1: error: no' >&2; exit 1", r"^\S+ failed: model\.c:1: error: no$"),
        ("exit 3", r"^\S+ failed: exit code 3$"),
        ("exit 0", r"^the C model can't be run: [^\n]*No such file"),
    ],
)
def test_a_compiler_that_fails_is_quoted_in_one_line(
    script: str, expected: str, fake_compiler: Path, digits: Dataset
) -> None:
    fake_compiler.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo fake; exit; fi\n{script}\n')
    os.chmod(fake_compiler, 0o755)
    with pytest.raises(CompilerError, match=expected):
        run_c(export_c(untrained("gap"), digits.validation, weights="float"), digits.validation.images)
