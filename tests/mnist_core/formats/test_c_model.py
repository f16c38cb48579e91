"""Exported C of both kinds, in floats and in integers: compilers, sanitizers, sizes, the header and the self-test."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnist_core.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mnist_core.data import Dataset
from mnist_core.formats.c_model import HEADER_FILE, SOURCE_FILE, run_c
from mnist_core.native.compiler import CompilerError, find_compiler
from space.errors import InputError
from tests.conftest import skip_or_fail
from tests.mnist_core.formats.conftest import (
    NET,
    SEPARABLE,
    STRICT,
    build,
    data_symbols,
    export,
    resized,
    self_test,
    torch_logits,
    untrained,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["0.weight", "1.running_mean"])
def test_a_model_that_is_not_finite_is_refused(digits: Dataset, arithmetic: str, name: str, number: float) -> None:
    checkpoint = untrained("4s:br gap fc10")
    checkpoint.weights[name][0] = number
    with pytest.raises(InputError, match=r"^-?(nan|inf) can't be written as C: all numbers of a model must be finite$"):
        export(checkpoint, digits.validation, arithmetic)


def test_the_same_model_gives_the_same_text(
    digits: Dataset, trained: Checkpoint, arithmetic: str, tmp_path: Path
) -> None:
    model = export(trained, digits.validation, arithmetic)
    save_checkpoint(tmp_path / "model.safetensors", trained)
    assert export(load_checkpoint(tmp_path / "model.safetensors"), digits.validation, arithmetic) == model
    altered = trained.weights | {"0.weight": trained.weights["0.weight"] * 1.001}
    assert export(replace(trained, weights=altered), digits.validation, arithmetic) != model


@pytest.mark.parametrize("notation", [NET, SEPARABLE, "p2 6k5p4+:rb p3 flat fc16:r fc10+", "8s:br 8s:br p 16v:br flat"])
def test_the_object_file_holds_as_much_and_needs_nothing(
    notation: str, arithmetic: str, compiler: str, digits: Dataset, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    if not shutil.which("nm"):
        skip_or_fail(pytestconfig, "there is no nm to look into object files")
    model = export(untrained(notation), digits.validation, arithmetic)
    assert data_symbols(model, tmp_path, compiler, "-O2") == {"r": model.flash_bytes, "d": 0, "b": model.ram_bytes}


# ---- Compilers


@pytest.mark.parametrize("flags", [("-O0",), ("-O2",), ("-O2", "-DMODEL_SELF_TEST")], ids=" ".join)
@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_compilers_have_nothing_to_warn_of(
    name: str, flags: tuple[str, ...], arithmetic: str, digits: Dataset, tmp_path: Path
) -> None:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}")
    for notation in (NET, SEPARABLE, "flat", "p3 4s:rb gap"):
        model = export(untrained(notation), digits.validation, arithmetic)
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
    model = export(checkpoint, digits.validation, "floats")
    build(model, tmp_path, [compiler, "-x", "c", *STRICT, "-c", SOURCE_FILE, "-o", "model.o"])
    (tmp_path / "main.cpp").write_text(CPP)
    build(model, tmp_path, [compiler, "-Wall", "-Wextra", "-Werror", "main.cpp", "model.o", "-o", "main"])
    image = np.zeros((1, 28, 28, 1), np.uint8)
    image.flat[300] = 255
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True)
    assert done.stdout == str(torch_logits(checkpoint, image).argmax())


def test_the_header_tells_what_one_must_know(digits: Dataset, arithmetic: str) -> None:
    checkpoint = replace(untrained(NET), dataset="fashion-mnist", class_names=())
    model = export(checkpoint, digits.validation, arithmetic)
    for told in (
        f"/* {NET}\n",
        f" {checkpoint.candidate.num_params:,} parameters, trained on fashion-mnist;",
        "98.71%",
        " T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.",
        f"Computes in {arithmetic}. Flash: {model.flash_bytes:,} bytes",
        f"RAM: {model.ram_bytes:,} bytes",
        f"{model.logit_type} logits[MODEL_NUM_CLASSES]);",
    ):
        assert told in model.header
    assert max(map(len, model.header.splitlines())) <= 120
    unmeasured = export(replace(checkpoint, val_accuracy=None), digits.validation, arithmetic).header
    assert f" {checkpoint.candidate.num_params:,} parameters, trained on fashion-mnist.\n" in unmeasured


MACROS = f"""
#include "{HEADER_FILE}"
#include <stdio.h>
int main(void) {{
    static const char *const names[MODEL_NUM_CLASSES] = MODEL_CLASS_NAMES;
    printf("%d %d %d %d %d %d %d\\n", MODEL_HEIGHT, MODEL_WIDTH, MODEL_NUM_PIXELS, MODEL_NUM_CHANNELS,
           MODEL_NUM_CLASSES, MODEL_FLASH_BYTES, MODEL_RAM_BYTES);
    for (int i = 0; i < MODEL_NUM_CLASSES; ++i)
        puts(names[i]);
    return 0;
}}
"""


def test_macros_tell_shape_sizes_and_classes(digits: Dataset, arithmetic: str, compiler: str, tmp_path: Path) -> None:
    names = ("plain", 'with "quotes" and \\', "what??/", "größer, 大 */")
    checkpoint = replace(untrained("3x9x12 3s:br gap fc4"), class_names=names)
    model = export(checkpoint, resized(digits.validation, checkpoint, 4), arithmetic)
    (tmp_path / "main.c").write_text(MACROS)
    build(model, tmp_path, [compiler, "-x", "c", *STRICT, "main.c", "-o", "main"])
    done = subprocess.run([tmp_path / "main"], capture_output=True, check=True)
    expected = ["9 12 108 3 4 " + f"{model.flash_bytes} {model.ram_bytes}", *names]
    assert done.stdout.decode() == "\n".join(expected) + "\n"


def test_a_name_cannot_end_the_comment(compiler: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = replace(untrained("gap fc10"), dataset="x */ #error /* \n#error")
    model = export(checkpoint, digits.validation, "floats")
    assert self_test(model, tmp_path, compiler, *STRICT).returncode == 0


def test_a_name_may_be_no_utf_8(compiler: str, digits: Dataset, tmp_path: Path) -> None:
    """As that of a folder may be."""
    checkpoint = replace(untrained("gap fc10"), class_names=("caf\udce9", *"bcdefghij"))
    model = export(checkpoint, digits.validation, "floats")
    assert self_test(model, tmp_path, compiler, *STRICT).returncode == 0


# ---- The self-test


def test_the_self_test_passes(compiler: str, digits: Dataset, arithmetic: str, tmp_path: Path) -> None:
    model = export(untrained(NET), digits.validation, arithmetic)
    done = self_test(model, tmp_path, compiler)
    assert (done.returncode, done.stderr) == (0, "")
    predicted = run_c(model, digits.validation.images[:4]).argmax(1)
    agrees = {"floats": r"logits within \S+ of the expected", "integers": r"0 of 10 logits other than expected"}
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for number, line in enumerate(lines):
        found = f"image {number}: label {digits.validation.labels[number]}, predicted {predicted[number]}, "
        assert re.fullmatch(f"{found}{agrees[arithmetic]}: passed", line)


@pytest.mark.parametrize(
    ("arithmetic", "array"),
    [("floats", name) for name in ("weights", "constants", "expected")]
    + [("integers", name) for name in ("weights", "biases", "factors", "shifts", "expected")],
)
def test_the_self_test_finds_a_wrong_number(
    array: str, compiler: str, digits: Dataset, arithmetic: str, tmp_path: Path
) -> None:
    model = export(untrained(NET), digits.validation, arithmetic)
    last = re.search(rf"static const \w+ {array}\[[^}}]* (\S+?)f?,\n}};", model.source)
    assert last
    number = float(last[1]) / 2 + 1
    start, end = last.span(1)
    damaged = f"{model.source[:start]}{number if '.' in last[1] else round(number)}{model.source[end:]}"
    done = self_test(replace(model, source=damaged), tmp_path, compiler)
    assert done.returncode == 1
    assert ": FAILED" in done.stdout


@pytest.mark.parametrize("notation", [NET, SEPARABLE, "p3 6k5p4+:rb p2 4k3p2 5k5p4:b p5 flat fc16:r fc3"])
def test_no_access_out_of_bounds_and_nothing_undefined(
    notation: str, compiler: str, digits: Dataset, arithmetic: str, tmp_path: Path
) -> None:
    model = export(untrained(notation), digits.validation, arithmetic)
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
    model = export(untrained("gap"), digits.validation, "floats")
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
        run_c(export(untrained("gap"), digits.validation, "floats"), digits.validation.images)
