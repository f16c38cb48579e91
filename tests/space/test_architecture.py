from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from mnist_core.model import build_model
from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from tests.space.conftest import REFERENCE_SYSTEMS
from tests.strategies import architectures


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


@settings(max_examples=500, deadline=None)
@given(architectures())
def test_count_equals_the_built_models_parameters(architecture: ArchitectureSpec) -> None:
    assert num_params(architecture) == _built_params(architecture)


@settings(max_examples=100, deadline=None)
@given(architectures())
def test_built_model_gives_the_specs_output_shape(architecture: ArchitectureSpec) -> None:
    model = build_model(architecture).eval()
    with torch.inference_mode():
        output = model(torch.zeros(2, *architecture.input_shape))
    # After flat or gap the maps are 1x1, and the model gives plain features.
    assert architecture.output_shape == (architecture.num_classes, 1, 1)
    assert output.shape == (2, architecture.num_classes)


@given(architectures())
def test_json_round_trip(architecture: ArchitectureSpec) -> None:
    assert ArchitectureSpec.from_json(architecture.to_json()) == architecture


def test_the_shape_of_the_images_is_stored_where_it_is_not_mnists() -> None:
    coloured = ArchitectureSpec.from_text("3x32x24 8s:br gap fc5")
    assert coloured.to_json()[0] == {"kind": "input", "shape": [3, 32, 24]}
    assert ArchitectureSpec.from_json(coloured.to_json()) == coloured
    assert coloured.to_json()[1:] == ArchitectureSpec.from_text("8s:br gap fc5").to_json()
    assert coloured != replace(coloured, input_shape=(3, 24, 32))


@pytest.mark.parametrize("shape", [None, [3, 32], [3.0, 32, 32], [True, 32, 32], "3x32x32", [3, 32, 2000]])
def test_a_shape_that_is_none_is_refused(shape: object) -> None:
    with pytest.raises(InputError, match=r"must be a list of channels, height and width|not 3x32x2000"):
        ArchitectureSpec.from_json([{"kind": "input", "shape": shape}, {"kind": "gap"}])


def test_a_field_that_came_later_is_stored_only_where_it_says_something() -> None:
    plain, pool, separable, average = ArchitectureSpec.from_text("8s:br p sep8s:br ap gap").to_json()[:4]
    fields = "kind", "width", "kernel", "padding", "bias", "ops", "dropout", "dropout2d"
    assert plain == dict(zip(fields, ("conv", 8, 3, 1, False, "br", 0.0, False), strict=True))
    assert separable == plain | {"separable": True}
    assert (pool, average) == ({"kind": "max_pool", "size": 2}, {"kind": "average_pool", "size": 2})


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
    ("p p p ap p gap", "layer 5 'p': the spatial size must stay at least 1, but 1x1 would become 0x0"),
    ("p3 p3 ap3 ap gap", "layer 4 'ap': the spatial size must stay at least 1, but 1x1 would become 0x0"),
    ("p3 p3 sep8k5v gap", "layer 3 'sep8k5v': the spatial size must stay at least 1, but 3x3 would become -1x-1"),
    ("8s gap ap", "layer 3 'ap': only fully connected layers may follow 'gap'"),
    ("p3 p3 sep8k5p1 ap gap", "layer 4 'ap': the spatial size must stay at least 1, but 1x1 would become 0x0"),
    ("ap3 ap3 sep8k5p1 gap", None),
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


BAD_JSON = [
    ([{"kind": "lstm"}], "layer 1: kind must be one of conv, max_pool, average_pool, gap, flatten, linear, not 'lstm'"),
    ([{"kind": ["gap"]}], "not ['gap']"),
    ([{"width": 8}], "layer 1: kind must be one of"),
    (["gap"], "layer 1: kind must be one of"),
    ([{"kind": "gap"}, {"kind": "linear"}], "layer 2 (linear): "),
    ([{"kind": "conv", "width": 8, "stride": 3}], "layer 1 (conv): "),
    (
        [{"kind": "conv", "width": "8"}, {"kind": "gap"}],
        "layer 1 (conv): width must be a whole number, not '8'",
    ),
    ([{"kind": "conv", "width": 0}, {"kind": "gap"}], "layer 1 (conv): "),
    (
        [{"kind": "conv", "width": 8, "separable": "yes"}, {"kind": "gap"}],
        "layer 1 (conv): separable must be true or false, not 'yes'",
    ),
    ([{"kind": "average_pool", "size": 1}], "layer 1 (average_pool): a pool's size must be at least 2, not 1"),
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
