from dataclasses import FrozenInstanceError

import pytest

from space.errors import InputError
from space.layers import MAX_WIDTH, AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool

# (layer, input, output); each output was worked out by hand.
SHAPES = [
    (Conv(7), (3, 28, 28), (7, 28, 28)),
    (Conv(7, padding=0), (3, 28, 28), (7, 26, 26)),
    (Conv(7, padding=2), (3, 28, 28), (7, 30, 30)),
    (Conv(7, kernel=1, padding=0), (3, 28, 28), (7, 28, 28)),
    (Conv(7, kernel=5, padding=0), (3, 28, 28), (7, 24, 24)),
    (Conv(7, kernel=5, padding=1), (3, 28, 28), (7, 26, 26)),
    (Conv(7, kernel=5, padding=2), (3, 28, 28), (7, 28, 28)),
    (Conv(7, kernel=5, padding=4), (3, 1, 1), (7, 5, 5)),
    (MaxPool(2), (3, 28, 28), (3, 14, 14)),
    (MaxPool(2), (3, 7, 7), (3, 3, 3)),
    (MaxPool(3), (3, 28, 28), (3, 9, 9)),
    (MaxPool(3), (3, 3, 3), (3, 1, 1)),
    (Conv(7, separable=True), (3, 28, 28), (7, 28, 28)),
    (Conv(7, padding=0, separable=True), (3, 28, 28), (7, 26, 26)),
    (Conv(7, kernel=5, padding=1, separable=True), (3, 28, 28), (7, 26, 26)),
    (Conv(7, stride=2), (3, 28, 27), (7, 14, 14)),
    (Conv(7, padding=0, stride=2), (3, 28, 27), (7, 13, 13)),
    (Conv(7, kernel=5, padding=1, separable=True, stride=2), (3, 6, 5), (7, 2, 2)),
    (AveragePool(2), (3, 28, 28), (3, 14, 14)),
    (AveragePool(2), (3, 7, 7), (3, 3, 3)),
    (AveragePool(3), (3, 28, 28), (3, 9, 9)),
    (GlobalAveragePool(), (3, 7, 7), (3, 1, 1)),
    (Flatten(), (3, 4, 5), (60, 1, 1)),
    (Linear(10), (60, 1, 1), (10, 1, 1)),
]


@pytest.mark.parametrize(("layer", "before", "after"), SHAPES)
def test_output_shape(layer: Layer, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    assert layer.output_shape(before) == after


# (layer, input channels, parameters); each count was worked out by hand.
COUNTS = [
    (Conv(7, ops=""), 3, 189),
    (Conv(7, ops="r"), 3, 189),
    (Conv(7, ops="b"), 3, 203),
    (Conv(7, ops="br"), 3, 203),
    (Conv(7, ops="rb"), 3, 203),
    (Conv(7, ops="", bias=True), 3, 196),
    (Conv(7, ops="br", bias=True, dropout=0.1, dropout2d=True), 3, 210),
    (Conv(7, kernel=1, padding=0, ops=""), 3, 21),
    (Conv(7, kernel=5, padding=2, ops=""), 3, 525),
    # 3 kernels of 9 or 25 weights, without anything after them, then 7 x 3 weights.
    (Conv(7, ops="", separable=True), 3, 27 + 21),
    (Conv(7, ops="br", separable=True), 3, 27 + 21 + 14),
    (Conv(7, ops="rb", bias=True, separable=True), 3, 27 + 21 + 7 + 14),
    (Conv(7, kernel=5, padding=2, ops="", separable=True), 3, 75 + 21),
    (Conv(7, ops="", separable=True), 1, 9 + 7),
    (AveragePool(), 3, 0),
    (Linear(10, bias=True), 60, 610),
    (Linear(10, bias=False, relu=True), 60, 600),
    (MaxPool(), 3, 0),
    (GlobalAveragePool(), 3, 0),
    (Flatten(), 3, 0),
]


@pytest.mark.parametrize(("layer", "channels", "count"), COUNTS)
def test_layer_parameters(layer: Layer, channels: int, count: int) -> None:
    assert layer.num_params((channels, 4, 4)) == count


BAD_LAYERS = [
    (Conv, {"width": 0}, "width must be from 1 to 99999, not 0"),
    (Conv, {"width": 8, "kernel": 4}, "a kernel must be one of 1, 3, 5, not 4"),
    (Conv, {"width": 8, "padding": 3}, "padding must be from 0 to kernel - 1 = 2, not 3"),
    (Conv, {"width": 8, "padding": -1}, "padding must be from 0 to kernel - 1 = 2, not -1"),
    (Conv, {"width": 8, "kernel": 1, "padding": 1}, "padding must be from 0 to kernel - 1 = 0, not 1"),
    (Conv, {"width": 8, "ops": "bb"}, "not 'bb'"),
    (Conv, {"width": 8, "ops": "rbr"}, "not 'rbr'"),
    (Conv, {"width": 8, "dropout": 1.0}, "a dropout rate must be from 0 to below 1, not 1.0"),
    (Conv, {"width": 8, "dropout": -0.1}, "a dropout rate must be from 0 to below 1, not -0.1"),
    (Conv, {"width": 8, "dropout": float("nan")}, "nan"),
    (Conv, {"width": 8, "dropout2d": True}, "2-d dropout needs a rate above 0"),
    (Conv, {"width": 8.5}, "width must be a whole number, not 8.5"),
    (Conv, {"width": "8"}, "width must be a whole number, not '8'"),
    (Conv, {"width": True}, "width must be a whole number, not True"),
    (Conv, {"width": 8, "bias": "no"}, "bias must be true or false, not 'no'"),
    (Conv, {"width": 8, "ops": ["b"]}, "ops must be text, not ['b']"),
    (Conv, {"width": 8, "kernel": 1, "separable": True}, "a separable convolution's kernel must be one of 3, 5, not 1"),
    (Conv, {"width": 8, "kernel": 4, "separable": True}, "a kernel must be one of 1, 3, 5, not 4"),
    (Conv, {"width": 8, "padding": 3, "separable": True}, "padding must be from 0 to kernel - 1 = 2, not 3"),
    (Conv, {"width": 8, "separable": 1}, "separable must be true or false, not 1"),
    (AveragePool, {"size": 1}, "a pool's size must be at least 2, not 1"),
    (AveragePool, {"size": 2.0}, "size must be a whole number, not 2.0"),
    (MaxPool, {"size": 1}, "a pool's size must be at least 2, not 1"),
    (Linear, {"width": 0}, "width must be from 1 to 99999, not 0"),
]


@pytest.mark.parametrize(("kind", "fields", "refusal"), BAD_LAYERS)
def test_impossible_layers_are_refused(kind: type[Layer], fields: dict[str, object], refusal: str) -> None:
    with pytest.raises(InputError) as error:
        kind(**fields)
    assert refusal in str(error.value)


# (layer, input, multiply-adds); each was worked out by hand.
MACS = [
    (Conv(7), (3, 4, 5), 7 * 4 * 5 * 3 * 9),
    (Conv(7, padding=0), (3, 4, 5), 7 * 2 * 3 * 3 * 9),
    (Conv(7, kernel=1, padding=0, bias=True), (3, 4, 5), 7 * 4 * 5 * 3),
    (Conv(7, kernel=5, padding=3), (3, 4, 5), 7 * 6 * 7 * 3 * 25),
    # Each place takes 9 or 25 for each of 3 channels, then 3 for each of 7.
    (Conv(7, separable=True), (3, 4, 5), 4 * 5 * (27 + 21)),
    (Conv(7, padding=0, bias=True, separable=True), (3, 4, 5), 2 * 3 * (27 + 21)),
    (Conv(7, kernel=5, padding=3, separable=True), (3, 4, 5), 6 * 7 * (75 + 21)),
    (AveragePool(), (3, 4, 4), 0),
    (Linear(10, bias=True, relu=True), (60, 1, 1), 600),
    (MaxPool(), (3, 4, 4), 0),
    (GlobalAveragePool(), (3, 4, 4), 0),
    (Flatten(), (3, 4, 4), 0),
]


@pytest.mark.parametrize(("layer", "before", "macs"), MACS)
def test_multiply_adds(layer: Layer, before: tuple[int, int, int], macs: int) -> None:
    assert layer.num_macs(before) == macs


@pytest.mark.parametrize("layer", [Conv(MAX_WIDTH), Linear(MAX_WIDTH), Conv(1), Linear(1), Conv(8, dropout=1e-9)])
def test_the_last_good_layers_are_taken(layer: Conv | Linear) -> None:
    assert layer.output_shape((1, 1, 1))[0] == layer.width


@pytest.mark.parametrize("kind", [Conv, Linear])
def test_a_layer_wider_than_any_can_be_is_refused(kind: type[Conv] | type[Linear]) -> None:
    with pytest.raises(InputError, match=f"width must be from 1 to {MAX_WIDTH}, not {MAX_WIDTH + 1}$"):
        kind(MAX_WIDTH + 1)


@pytest.mark.parametrize(("ops", "expected"), {"": False, "r": False, "b": True, "br": True, "rb": True}.items())
def test_a_convolution_knows_its_batch_norm(ops: str, expected: bool) -> None:
    assert Conv(8, ops=ops).batch_norm == expected


def test_equal_layers_are_one_in_a_set_and_cannot_be_changed() -> None:
    layers = {Conv(8), Conv(8, kernel=3), MaxPool(), MaxPool(2), GlobalAveragePool(), Flatten(), Linear(10)}
    assert len(layers) == 5
    assert len(layers | {Conv(8, separable=True), AveragePool(), AveragePool(2)}) == 7
    with pytest.raises(FrozenInstanceError):
        Conv(8).width = 9  # type: ignore[misc]
