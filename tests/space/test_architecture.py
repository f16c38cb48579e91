import pytest
import torch
from hypothesis import given, settings

from mnist_core.model import build_model
from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.layers import Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool
from space.summary import summarise
from tests.strategies import architectures

REFERENCE_SYSTEMS = {
    "000-step1": (71_274, "10v:r 16v:r p 16v:r 20v:r flat fc50+:r fc10+"),
    "000-step2": (7_416, "8v:rbd0.05 16v:rbd0.05 p 8k1 16v:rbd0.05 16v:rbd0.05 16v:rbd0.05 gap fc10"),
    "001": (19_210, "6s+:br 10s+:brD0.25 p 16s+:br 18s+:brD0.25 p 32v+:br 24v+:br 10v+ gap"),
    "002-original": (6_379_786, "32s+:r 64s+:r p 128s+:r 256s+:r p 512v+:r 1024v+:r 10v+:r flat"),
    "002-optimized": (18_962, "10s:br 18s:brd0.05 p 18s:br 28s:brd0.05 p 28s:br 10s:br gap"),
    "003": (12_534, "8v:br 12v:br 16v:br 20v:br p 12k1+:br 16s:br 16s:br 16s:br gap fc10+"),
    # Reconstructions: only the totals and the words about the layers are known.
    "004-v0": (21_538, "8v:r 8v:r 12v:r 16v:r 16v:r p 24v:r 24v:r 24v:r flat fc10+"),
    "004-v1": (6_308, "8v:br 10v:br p 10v:br 10v:br 10v:br 16v:br 8v:br gap fc10"),
    "004-v2": (7_718, "8s:br 10s:br 12s:br 10s:br p 12s:br 10s:br 12s:br p 12k1:br 10s:br gap fc10+"),
}


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_reference_systems_have_their_published_counts_and_ten_classes(name: str) -> None:
    published, notation = REFERENCE_SYSTEMS[name]
    architecture = ArchitectureSpec.from_text(notation)
    assert num_params(architecture) == published
    assert architecture.num_classes == 10


@pytest.mark.parametrize("name", REFERENCE_SYSTEMS)
def test_built_reference_systems_hold_as_many_parameters_as_counted(name: str) -> None:
    published, notation = REFERENCE_SYSTEMS[name]
    assert _built_params(ArchitectureSpec.from_text(notation)) == published


@settings(max_examples=2_000, deadline=None)
@given(architectures())
def test_count_equals_the_built_models_parameters(architecture: ArchitectureSpec) -> None:
    assert num_params(architecture) == _built_params(architecture)


@settings(max_examples=100, deadline=None)
@given(architectures())
def test_built_model_gives_the_specs_output_shape(architecture: ArchitectureSpec) -> None:
    model = build_model(architecture).eval()
    with torch.inference_mode():
        output = model(torch.zeros(2, 1, 28, 28))
    # After flat or gap the maps are 1x1, and the model gives plain features.
    assert architecture.output_shape == (architecture.num_classes, 1, 1)
    assert output.shape == (2, architecture.num_classes)


@given(architectures())
def test_json_round_trip(architecture: ArchitectureSpec) -> None:
    assert ArchitectureSpec.from_json(architecture.to_json()) == architecture


@given(architectures())
def test_summary_adds_up_to_the_whole(architecture: ArchitectureSpec) -> None:
    rows = summarise(architecture)
    assert [row.layer for row in rows] == list(architecture.layers)
    assert sum(row.num_params for row in rows) == num_params(architecture)
    assert rows[0].input_shape == (1, 28, 28)
    assert [row.input_shape for row in rows[1:]] == [row.output_shape for row in rows[:-1]]
    assert rows[-1].output_shape == architecture.output_shape
    # A map of many pixels may see no more after a layer than before it, but never less.
    fields = [1, *(row.receptive_field for row in rows)]
    assert fields == sorted(fields)


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
    (Linear(10, bias=True), 60, 610),
    (Linear(10, bias=False, relu=True), 60, 600),
    (MaxPool(), 3, 0),
    (GlobalAveragePool(), 3, 0),
    (Flatten(), 3, 0),
]


@pytest.mark.parametrize(("layer", "channels", "count"), COUNTS)
def test_layer_parameters(layer: Layer, channels: int, count: int) -> None:
    assert layer.num_params((channels, 4, 4)) == count


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


IMPOSSIBLE = [
    ("", "an architecture ends in a head: gap or flat"),
    ("8s:br p", "an architecture ends in a head: gap or flat"),
    ("8s:br fc10", "layer 2 'fc10': fully connected layers come after gap or flat"),
    ("8s:br gap 8s:br", "layer 3 '8s:br': only fully connected layers may follow 'gap'"),
    ("8s:br flat p fc10", "layer 3 'p': only fully connected layers may follow 'flat'"),
    ("8s:br gap gap", "layer 3 'gap': only fully connected layers may follow 'gap'"),
    ("8s:br gap flat", "layer 3 'flat': only fully connected layers may follow 'gap'"),
    ("p p p p p gap", "layer 5 'p': the spatial size must stay at least 1, but 1x1 would become 0x0"),
    ("p3 p3 8k5v gap", "layer 3 '8k5v': the spatial size must stay at least 1, but 3x3 would become -1x-1"),
    ("p3 p3 8k5p1 gap", None),
    ("p p p 8v gap", None),
    ("p p p 8v 8v gap", "layer 5 '8v': the spatial size must stay at least 1, but 1x1 would become -1x-1"),
]


@pytest.mark.parametrize(("text", "refusal"), IMPOSSIBLE)
def test_nets_that_cannot_be_built_are_refused_by_rule_and_layer(text: str, refusal: str | None) -> None:
    if refusal is None:
        assert _built_params(ArchitectureSpec.from_text(text)) > 0
        return
    with pytest.raises(InputError) as error:
        ArchitectureSpec.from_text(text)
    assert str(error.value).startswith(refusal)


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
    (MaxPool, {"size": 1}, "a pool's size must be at least 2, not 1"),
    (Linear, {"width": 0}, "width must be from 1 to 99999, not 0"),
]


@pytest.mark.parametrize(("kind", "fields", "refusal"), BAD_LAYERS)
def test_impossible_layers_are_refused(kind: type[Layer], fields: dict[str, object], refusal: str) -> None:
    with pytest.raises(InputError) as error:
        kind(**fields)
    assert refusal in str(error.value)


BAD_JSON = [
    ([{"kind": "lstm"}], "layer 1: kind must be one of conv, max_pool, gap, flatten, linear, not 'lstm'"),
    ([{"kind": ["gap"]}], "not ['gap']"),
    ([{"width": 8}], "layer 1: kind must be one of"),
    (["gap"], "layer 1: kind must be one of"),
    ([{"kind": "gap"}, {"kind": "linear"}], "layer 2 (linear): "),
    ([{"kind": "conv", "width": 8, "stride": 2}], "layer 1 (conv): "),
    (
        [{"kind": "conv", "width": "8"}, {"kind": "gap"}],
        "layer 1 (conv): width must be a whole number, not '8'",
    ),
    ([{"kind": "conv", "width": 0}, {"kind": "gap"}], "layer 1 (conv): "),
    ([{"kind": "conv", "width": 8}], "an architecture ends in a head"),
]


@pytest.mark.parametrize(("layers", "refusal"), BAD_JSON)
def test_malformed_json_is_refused(layers: list[object], refusal: str) -> None:
    with pytest.raises(InputError) as error:
        ArchitectureSpec.from_json(layers)
    assert refusal in str(error.value)
    assert "\n" not in str(error.value)


def _built_params(architecture: ArchitectureSpec) -> int:
    return sum(parameter.numel() for parameter in build_model(architecture).parameters())
