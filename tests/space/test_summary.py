import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings

from mnist_core.checkpoint import Checkpoint, cpu_weights
from mnist_core.data import Split, load_dataset
from mnist_core.formats.c_model import CModel
from mnist_core.formats.c_source import export_c
from mnist_core.model import build_model
from space.architecture import ArchitectureSpec, num_params
from space.candidate import CandidateSpec
from space.summary import all_activation_bytes, describe_layer, inference_steps, peak_activation_bytes, summarise
from tests.space.conftest import REFERENCE_SYSTEMS
from tests.strategies import architectures


@given(architectures())
def test_summary_adds_up_to_the_whole(architecture: ArchitectureSpec) -> None:
    rows = summarise(architecture)
    assert [row.layer for row in rows] == list(architecture.layers)
    assert sum(row.num_params for row in rows) == num_params(architecture)
    assert rows[0].input_shape == architecture.input_shape
    assert [row.input_shape for row in rows[1:]] == [row.output_shape for row in rows[:-1]]
    assert rows[-1].output_shape == architecture.output_shape
    # A map of many pixels may see no more after a layer than before it, but never less.
    fields = [1, *(row.receptive_field for row in rows)]
    assert fields == sorted(fields)


def test_summary_matches_the_table_published_with_system_003() -> None:
    rows = summarise(ArchitectureSpec.from_text(REFERENCE_SYSTEMS["003"][1]))
    assert [(str(row.layer.token), row.output_shape, row.num_params) for row in rows] == [
        ("8v:br", (8, 26, 26), 88),
        ("12v:br", (12, 24, 24), 888),
        ("16v:br", (16, 22, 22), 1_760),
        ("20v:br", (20, 20, 20), 2_920),
        ("p", (20, 10, 10), 0),
        ("12k1+:br", (12, 10, 10), 276),
        ("16s:br", (16, 10, 10), 1_760),
        ("16s:br", (16, 10, 10), 2_336),
        ("16s:br", (16, 10, 10), 2_336),
        ("gap", (16, 1, 1), 0),
        ("fc10+", (10, 1, 1), 170),
    ]


# The first two follow the tables published with the systems; the last also sees through its average pool.
RECEPTIVE_FIELDS = {
    "002-optimized": [3, 5, 6, 10, 14, 16, 24, 32, 56],
    "001": [3, 5, 6, 10, 14, 16, 24, 32, 40, 40],
    "004-v2": [3, 5, 7, 9, 10, 14, 18, 22, 24, 24, 32, 56, 56],
}


@pytest.mark.parametrize("name", RECEPTIVE_FIELDS)
def test_receptive_fields(name: str) -> None:
    rows = summarise(ArchitectureSpec.from_text(REFERENCE_SYSTEMS[name][1]))
    assert [row.receptive_field for row in rows] == RECEPTIVE_FIELDS[name]


def test_a_flattened_map_is_seen_whole() -> None:
    # 3x3 on 28x28, then pools of 3 and 2 leave 4x4 values, each 6 pixels apart.
    rows = summarise(ArchitectureSpec.from_text("5k5s p3 p flat fc10"))
    assert [row.receptive_field for row in rows] == [5, 7, 10, 10 + 3 * 6, 10 + 3 * 6]


def test_receptive_fields_and_counts_of_separable_layers_and_average_pools_are_those_of_their_windows() -> None:
    rows = summarise(ArchitectureSpec.from_text("6s:br sep8k5v:br ap sep11v+:br gap fc10+"))
    plain = summarise(ArchitectureSpec.from_text("6s:br 8k5v:br p 11v+:br gap fc10+"))
    fields = [(row.kernel, row.stride, row.receptive_field, row.output_shape) for row in rows]
    assert fields == [(row.kernel, row.stride, row.receptive_field, row.output_shape) for row in plain]
    assert [row.num_params for row in rows] == [66, 6 * 25 + 6 * 8 + 16, 0, 8 * 9 + 8 * 11 + 33, 0, 120]
    assert [row.num_macs for row in rows] == [54 * 784, (150 + 48) * 24 * 24, 0, (72 + 88) * 10 * 10, 0, 110]


def test_macs_of_a_net_computed_by_hand() -> None:
    rows = summarise(ArchitectureSpec.from_text("4v+:br p 6k1:brd0.1 p3 flat fc20+:r fc10"))
    assert [row.num_macs for row in rows] == [
        26 * 26 * 4 * 1 * 9,
        0,
        13 * 13 * 6 * 4 * 1,
        0,
        0,
        (6 * 4 * 4) * 20,
        20 * 10,
    ]


# Memory


def stored_checkpoint(architecture: ArchitectureSpec) -> Checkpoint:
    weights = cpu_weights(build_model(architecture))
    return Checkpoint(CandidateSpec(architecture), weights, 0.13, 0.31, "mnist", "0" * 64, None, seed=0)


@pytest.fixture(scope="module")
def examples() -> Split:
    return load_dataset("digits", None, train_size=60).validation


@settings(max_examples=30, deadline=None)
@given(architecture=architectures())
@example(architecture=ArchitectureSpec.from_text("gap"))
@example(architecture=ArchitectureSpec.from_text("p3 p2 flat fc20+:r fc10"))
@example(architecture=ArchitectureSpec.from_text("3s:rb p p3 5k5p4 gap fc16:r fc10"))
@example(architecture=ArchitectureSpec.from_text("2s flat fc1 fc2 fc3"))
@example(architecture=ArchitectureSpec.from_text("sep3s:br ap p sep40s gap fc10"))
def test_peak_memory_is_that_of_the_exported_c_code(examples: Split, architecture: ArchitectureSpec) -> None:
    channels, height, width = architecture.input_shape
    images = np.resize(examples.images[:4], (4, height, width, channels))
    model = export_c(stored_checkpoint(architecture), replace(examples, images=images))
    (num_floats,) = re.findall(r"^static float \w+\[(\d+)\];$", model.source, re.MULTILINE)
    assert peak_activation_bytes(architecture) == model.ram_bytes == 4 * int(num_floats)
    assert f"RAM: {model.ram_bytes:,} bytes" in model.header
    assert int(num_floats) == max(floats_by_layer(model))


def floats_by_layer(model: CModel) -> Iterator[int]:
    """What each layer of the C code reads and writes at a time, by its own table of them."""
    (table,) = re.findall(r"^static const Layer layers\[\d+\] = \{\n(.*?)^\};", model.source, re.MULTILINE | re.DOTALL)
    rows = [[int(number) for number in row.split(", ")] for row in re.findall(r"\{(.+)\}", table)]
    for row in rows:
        in_channels, out_channels, in_height, in_width, out_height, out_width, *flags = row[3:]
        separable, takes_mean = flags[4], flags[-1]
        written = out_channels * (1 if takes_mean else out_height * out_width)
        scratch = separable * (in_channels + takes_mean * out_channels)
        # The last one writes into the caller's memory.
        yield in_channels * in_height * in_width + scratch + (0 if row is rows[-1] else written)


# Floats, worked out by hand: the input, and what is stored of a net that pools as it computes.
PEAKS = {
    "gap": 784,
    "flat": 784,
    "flat fc10+": 784,  # into the caller's memory
    "flat fc50+:r fc10+": 784 + 50,
    "flat fc50 fc900 fc10": 50 + 900,
    "8s:br gap": 784,
    "8s:br gap fc10+": 784 + 8,
    "8s:br p gap fc10+": 784 + 8,
    "8s:br flat fc10": 784 + 8 * 784,
    "8s:br p flat fc10": 784 + 8 * 196,
    "8s:br p p flat fc10": 784 + 8 * 49,
    "8s:br 12s:br gap fc10": 784 + 8 * 784,
    "8s:br p 12s:br 16s:br gap fc10": (8 + 12) * 196,
    "p 8s:br gap fc10": 784 + 196,
    "2s p p 99k1 gap fc10": 784 + 2 * 49,
    "8s:br ap gap fc10+": 784 + 8,
    "8s:br ap ap flat fc10": 784 + 8 * 49,
    # A pool of another kind than the one before it is a step of its own.
    "8s:br ap p flat fc10": 784 + 8 * 196,
    "3s ap p5 4k1 gap": 784 + 3 * 196,
    "ap p gap fc10": 784 + 196,
    # One place of a separable convolution: the depthwise value of each input channel, and what is added to the means.
    "sep8s:br flat fc10": 784 + 1 + 8 * 784,
    "sep8s:br ap flat fc10": 784 + 1 + 8 * 196,
    "sep8s:br gap fc10": 784 + 1 + 8 + 8,
    "8s:br ap sep12s:br flat fc10": 8 * 196 + 8 + 12 * 196,
    "2s:br ap sep999s:br p gap fc10": 2 * 196 + 2 + 999 + 999,
    "2s:br p4 p sep999s:br gap": 2 * 9 + 2 + 999,
}


@pytest.mark.parametrize(("text", "num_floats"), PEAKS.items())
def test_peak_memory_worked_out_by_hand(text: str, num_floats: int) -> None:
    assert peak_activation_bytes(ArchitectureSpec.from_text(text)) == 4 * num_floats


def test_the_net_of_each_step() -> None:
    text = "sep8s:br ap ap p 12s:br p gap fc10"
    steps = inference_steps(ArchitectureSpec.from_text(text))
    assert [" ".join(layer.token for layer in step.layers) for step in steps] == [
        *("sep8s:br ap ap", "p", "12s:br p gap", "fc10")
    ]
    assert [step.output_shape for step in steps] == [(8, 7, 7), (8, 3, 3), (12, 1, 1), (10, 1, 1)]
    assert [step.input_shape for step in steps] == [(1, 28, 28), *(step.output_shape for step in steps[:-1])]


def test_training_keeps_the_input_and_the_output_of_every_layer() -> None:
    architecture = ArchitectureSpec.from_text("8s:br p 12v:br p3 flat fc20+:r fc10")
    outputs = [8 * 28 * 28, 8 * 14 * 14, 12 * 12 * 12, 12 * 4 * 4, 12 * 4 * 4, 20, 10]
    assert [row.activation_bytes for row in summarise(architecture)] == [4 * size for size in outputs]
    assert all_activation_bytes(architecture) == 4 * (784 + sum(outputs))
    separable = ArchitectureSpec.from_text("8s:br ap sep12v:br gap")
    depthwise = 8 * 12 * 12
    assert all_activation_bytes(separable) == 4 * (784 + 8 * 784 + 8 * 196 + depthwise + 12 * 144 + 12)


@given(architectures())
def test_inference_never_takes_more_memory_than_training(architecture: ArchitectureSpec) -> None:
    input_bytes = 4 * math.prod(architecture.input_shape)
    assert input_bytes <= peak_activation_bytes(architecture) <= all_activation_bytes(architecture)


# Rows


@given(architectures())
def test_shares_are_of_all_parameters(architecture: ArchitectureSpec) -> None:
    rows = summarise(architecture)
    total = num_params(architecture)
    assert sum(row.share for row in rows) == pytest.approx(1 if total else 0)
    assert all(row.share * total == pytest.approx(row.num_params) for row in rows)
    assert sum(row.param_bytes for row in rows) == 4 * total


def test_a_net_without_parameters_has_no_shares() -> None:
    assert [row.share for row in summarise(ArchitectureSpec.from_text("p gap"))] == [0, 0]


def test_rows_as_json() -> None:
    rows = summarise(ArchitectureSpec.from_text("4v+:br p gap fc10"))
    assert json.loads(json.dumps([row.to_json() for row in rows]))[:2] == [
        {
            "layer": "4v+:br",
            "output_shape": [4, 26, 26],
            "num_params": 48,
            "share": 48 / 88,
            "num_macs": 26 * 26 * 4 * 9,
            "param_bytes": 192,
            "activation_bytes": 4 * 4 * 26 * 26,
            "kernel": 3,
            "stride": 1,
            "receptive_field": 3,
        },
        {
            "layer": "p",
            "output_shape": [4, 13, 13],
            "num_params": 0,
            "share": 0.0,
            "num_macs": 0,
            "param_bytes": 0,
            "activation_bytes": 4 * 4 * 13 * 13,
            "kernel": 2,
            "stride": 2,
            "receptive_field": 4,
        },
    ]
    assert [(row.kernel, row.stride) for row in rows[2:]] == [(13, 1), (1, 1)]


@pytest.mark.parametrize(
    ("token", "description"),
    [
        ("8s:brd0.1", "3×3 convolution, BatchNorm, ReLU, dropout 0.1"),
        ("8k5s:rbD0.2", "5×5 convolution, ReLU, BatchNorm, dropout of channels 0.2"),
        ("p3", "3×3 max-pooling"),
        ("ap", "2×2 average pooling"),
        ("sep8k5v+:brd0.1", "5×5 separable convolution, BatchNorm, ReLU, dropout 0.1"),
    ],
)
def test_layers_are_put_in_words(token: str, description: str) -> None:
    assert describe_layer(ArchitectureSpec.from_text(f"{token} gap").layers[0]) == description
