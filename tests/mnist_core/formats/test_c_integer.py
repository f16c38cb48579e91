"""The exported C that computes in integers: bit for bit the model of the same arithmetic in numpy, and no floats."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnist_core.data import Dataset
from mnist_core.formats.c_integer import export_integer_c
from mnist_core.formats.c_model import SOURCE_FILE, run_c
from mnist_core.formats.integer_net import integer_logits
from mnist_core.formats.quantisation import quantise
from space.architecture import ArchitectureSpec
from space.footprint import footprint
from tests.mnist_core.formats.conftest import KINDS, NET, SEPARABLE, build, data_symbols, resized, untrained
from tests.strategies import architectures

pytestmark = pytest.mark.usefixtures("one_thread")


@settings(max_examples=10, deadline=None)
@given(architectures(), st.integers(0, 1000))
def test_every_net_gives_the_logits_of_numpy(
    compiler: str, digits: Dataset, architecture: ArchitectureSpec, seed: int
) -> None:
    checkpoint = untrained(architecture, seed=seed)
    images = resized(digits.validation, checkpoint, 8)
    layers = quantise(checkpoint, images.images)
    model = export_integer_c(checkpoint, layers, images)
    assert np.array_equal(run_c(model, images.images), integer_logits(layers, images.images))


for kind in KINDS:
    test_every_net_gives_the_logits_of_numpy = example(ArchitectureSpec.from_text(kind), 0)(
        test_every_net_gives_the_logits_of_numpy
    )


@pytest.mark.parametrize("notation", [NET, SEPARABLE])
def test_no_float_is_in_it_nor_any_library(notation: str, compiler: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = untrained(notation)
    model = export_integer_c(checkpoint, quantise(checkpoint, digits.train.images), digits.validation)
    code = re.sub(r"/\*.*?\*/", "", model.source + model.header, flags=re.DOTALL)
    assert not re.findall(r"\b(?:float|double|malloc|memcpy|memset)\b|\d\.\d", code)
    # On 32 bits it would need a library for a product of 64 bits; here the processor has one.
    sizes = data_symbols(model, tmp_path, compiler, "-Os")
    assert sizes == {"r": model.flash_bytes, "d": 0, "b": model.ram_bytes}
    assert (model.flash_bytes, model.ram_bytes) == (
        footprint(checkpoint.candidate.architecture).flash_bytes,
        footprint(checkpoint.candidate.architecture).ram_bytes,
    )


REPEATED = f"""
#include "{SOURCE_FILE}"
#include <stdio.h>
#include <string.h>
int main(void) {{
    static uint8_t pixels[MODEL_NUM_PIXELS * MODEL_NUM_CHANNELS];
    static int32_t logits[2][MODEL_NUM_CLASSES];
    for (unsigned i = 0; i < sizeof pixels; ++i)
        pixels[i] = (uint8_t)(i * 7 % 256);
    for (int i = 0; i < 2; ++i) {{
        memset(buffer, i ? 255 : 0, sizeof buffer);
        if (model_predict(pixels, logits[i]) < 0)
            return 1;
    }}
    return memcmp(logits[0], logits[1], sizeof logits[0]) != 0;
}}
"""


@pytest.mark.parametrize("notation", [NET, SEPARABLE, "8s:br 8s:br 8s:br gap fc10"])
def test_nothing_is_read_before_it_is_written(notation: str, compiler: str, digits: Dataset, tmp_path: Path) -> None:
    checkpoint = untrained(notation)
    model = export_integer_c(checkpoint, quantise(checkpoint, digits.train.images), digits.validation)
    (tmp_path / "twice.c").write_text(REPEATED)
    build(model, tmp_path, [compiler, "-x", "c", "-std=c99", "-O1", "twice.c", "-o", "twice"])
    assert subprocess.run([tmp_path / "twice"], check=False).returncode == 0


def test_a_buffer_that_is_a_byte_smaller_changes_logits(compiler: str, digits: Dataset) -> None:
    """The maps of a net that share the buffer touch: moved by a byte, one overwrites what is still read."""
    checkpoint = untrained("8s:br 8s:br p flat fc10")
    images = digits.validation
    layers = quantise(checkpoint, digits.train.images)
    model = export_integer_c(checkpoint, layers, images)
    expected = integer_logits(layers, images.images)
    assert np.array_equal(run_c(model, images.images), expected)
    row = re.search(r"\{([^}]*)\}, /\* 8s:br \*/", model.source)
    assert row
    cells = row[1].split(", ")
    moved = ", ".join([*cells[:4], str(int(cells[4]) - 1), *cells[5:]])
    second = model.source.index("/* 8s:br p */") - len(model.source)
    source = model.source.replace(row[1], moved, 1)
    before, after = source[:second], source[second:]
    start = before.rindex("{") + 1
    numbers = before[start:].split(", ")
    source = before[:start] + ", ".join([*numbers[:3], str(int(numbers[3]) - 1), *numbers[4:]]) + after
    assert not np.array_equal(run_c(replace(model, source=source), images.images), expected)
