import json
from collections.abc import Callable

import pytest

from search.models.layers import layers_text, print_layers
from space.architecture import ArchitectureSpec

STEP3 = "8v:rbd0.05 16v:rbd0.05 p 8k1 16v:rbd0.05 16v:rbd0.05 16v:rbd0.05 gap fc10"

# Worked out by hand: layer, output shape, parameters, receptive field, multiply-accumulates
STEP3_LAYERS: list[tuple[str, list[int], int, int, int]] = [
    ("8v:rbd0.05", [8, 26, 26], 88, 3, 48_672),
    ("16v:rbd0.05", [16, 24, 24], 1_184, 5, 663_552),
    ("p", [16, 12, 12], 0, 6, 0),
    ("8k1", [8, 12, 12], 128, 6, 18_432),
    ("16v:rbd0.05", [16, 10, 10], 1_184, 10, 115_200),
    ("16v:rbd0.05", [16, 8, 8], 2_336, 14, 147_456),
    ("16v:rbd0.05", [16, 6, 6], 2_336, 18, 82_944),
    ("gap", [16, 1, 1], 0, 28, 0),
    ("fc10", [10, 1, 1], 160, 28, 160),
]


def test_a_count_as_json(printed: Callable[..., str]) -> None:
    count = json.loads(printed(print_layers, ArchitectureSpec.from_text(STEP3), as_json=True))
    layers = count.pop("layers")
    assert count == {
        "notation": STEP3,
        "num_params": 7_416,
        "num_macs": 1_076_416,
        "weights_bytes": 4 * 7_416,
        "inference_activation_bytes": 4 * (8 * 26 * 26 + 16 * 12 * 12),
        "all_activation_bytes": 4 * 22_090,
        "flash_bytes": 7_272 + 4 * (90 + 72) + 5 * 90 + 7 * 48,
        "ram_bytes": 8 * 26 * 26 + 16 * 12 + 9 * 8 + 4 * 16,
    }
    assert [
        (row["layer"], row["output_shape"], row["num_params"], row["receptive_field"], row["num_macs"])
        for row in layers
    ] == STEP3_LAYERS
    assert [row["share"] for row in layers] == pytest.approx([num / 7_416 for _, _, num, _, _ in STEP3_LAYERS])


def test_a_count_as_a_table(printed: Callable[..., str]) -> None:
    text = printed(print_layers, ArchitectureSpec.from_text(STEP3), as_json=False)
    header, *rows, _, memory, on_device = text.splitlines()
    assert header.split() == ["layer", "output", "shape", "parameters", "share", "receptive", "field", "MACs"]
    assert [" ".join(row.split()) for row in rows] == [
        "8v:rbd0.05 8x26x26 88 1.2 % 3x3 48,672",
        "16v:rbd0.05 16x24x24 1,184 16.0 % 5x5 663,552",
        "p 16x12x12 0 0.0 % 6x6 0",
        "8k1 8x12x12 128 1.7 % 6x6 18,432",
        "16v:rbd0.05 16x10x10 1,184 16.0 % 10x10 115,200",
        "16v:rbd0.05 16x8x8 2,336 31.5 % 14x14 147,456",
        "16v:rbd0.05 16x6x6 2,336 31.5 % 18x18 82,944",
        "gap 16x1x1 0 0.0 % 28x28 0",
        "fc10 10x1x1 160 2.2 % 28x28 160",
        "total 7,416 100.0 % 1,076,416",
    ]
    for part in ("weights 29.0 KiB", "activations at most 30.1 KiB at a time", "86.3 KiB in all"):
        assert part in memory
    assert on_device == "As C with integers, without code and stack: flash 8,706 bytes, RAM 5,736 bytes, 1,076,416 MACs"


def test_a_count_of_nothing(printed: Callable[..., str]) -> None:
    count = json.loads(printed(print_layers, ArchitectureSpec.from_text("p gap"), as_json=True))
    assert (count["num_params"], count["num_macs"]) == (0, 0)
    assert [row["share"] for row in count["layers"]] == [0.0, 0.0]
    assert "total" in printed(print_layers, ArchitectureSpec.from_text("p gap"), as_json=False)


@pytest.mark.parametrize("notation", [STEP3, "p gap", " ".join(["8s:brd0.05"] * 40 + ["gap fc10+"])])
def test_a_file_gets_what_is_printed_however_narrow_the_terminal_is(
    notation: str, printed: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    architecture = ArchitectureSpec.from_text(notation)
    assert layers_text(architecture) == printed(print_layers, architecture, as_json=False)
