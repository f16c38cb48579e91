"""The exported C that computes in floats, against PyTorch."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnist_core.checkpoint import Checkpoint
from mnist_core.data import Dataset
from mnist_core.formats.c_model import SOURCE_FILE, run_c
from mnist_core.formats.c_source import export_c
from space.architecture import ArchitectureSpec
from tests.mnist_core.formats.conftest import SEPARABLE, build, resized, torch_logits, untrained
from tests.strategies import architectures

pytestmark = pytest.mark.usefixtures("one_thread")


def assert_near(logits: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
    assert logits.shape == expected.shape
    assert np.abs(logits - expected).max() <= 1e-4 * max(1, np.abs(expected).max())


@settings(max_examples=12, deadline=None)
@given(architectures(), st.integers(0, 1000))
@example(ArchitectureSpec.from_text("flat"), 0)
@example(ArchitectureSpec.from_text("p28 3k5p4+:rb 2k3p2 flat fc10"), 0)
@example(ArchitectureSpec.from_text("4k5v:rb p3 p2 3k5p3+:b p5 2k1:r flat"), 0)
@example(ArchitectureSpec.from_text(SEPARABLE), 0)
@example(ArchitectureSpec.from_text("sep5k5p4+:r ap p ap sep40s:b ap gap"), 0)
@example(ArchitectureSpec.from_text("2s sep3v:r ap2 ap3 gap"), 0)
@example(ArchitectureSpec.from_text("3x20x33 4k5v/2:br p sep6s/2+:rb ap sep5s flat fc5+:r fc3"), 0)
@example(ArchitectureSpec.from_text("4x7x9 flat"), 0)
def test_every_net_gives_the_logits_of_pytorch(
    compiler: str, digits: Dataset, architecture: ArchitectureSpec, seed: int
) -> None:
    checkpoint = untrained(architecture, seed=seed)
    split = resized(digits.validation, checkpoint, 5)
    assert_near(run_c(export_c(checkpoint, split), split.images), torch_logits(checkpoint, split.images))


def test_a_trained_model_is_as_good_in_c(compiler: str, digits: Dataset, trained: Checkpoint) -> None:
    split = digits.validation
    logits = run_c(export_c(trained, split), split.images)
    assert_near(logits, torch_logits(trained, split.images, mean=trained.mean, std=trained.std))
    assert trained.val_accuracy is not None
    assert trained.val_accuracy > 0.5
    assert np.mean(logits.argmax(1) == split.labels) == pytest.approx(trained.val_accuracy, abs=0.02)


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
        export_c(replace(checkpoint, mean=0.0), images),
        tmp_path,
        [compiler, "-x", "c", "-std=c99", "dump.c", "-o", "dump"],
    )
    dumped = subprocess.run([tmp_path / "dump"], capture_output=True, check=True).stdout
    tensors = [checkpoint.weights[f"{number}.{name}"] for name in ("weight", "bias") for number in (0, 1, 4)]
    assert dumped == torch.cat([tensor.flatten() for tensor in tensors]).numpy().tobytes()


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
    model = export_c(untrained(notation), digits.validation)
    assert model.flash_bytes == 4 * (num_weights + num_channels + num_scales) + 40 * num_layers
    assert model.ram_bytes == 4 * num_activations


def test_sizes_of_a_separable_convolution(digits: Dataset) -> None:
    # Kernels for 4 channels, then 6 x 4 weights; one bias for each channel of what is stored.
    num_weights, num_biases = 36 + (4 * 9 + 6 * 4) + 10 * 6 * 14 * 14, 4 + 6 + 10
    model = export_c(untrained("4s:br ap sep6s:br flat fc10"), digits.validation)
    assert model.flash_bytes == 4 * (num_weights + num_biases) + 40 * 3
    # One place of the depthwise values: one of each of 4 channels.
    assert model.ram_bytes == 4 * (4 * 196 + 4 + 6 * 196)
