import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.layers import INPUT_SHAPE, AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool, Shape
from space.notation import format_net, parse_net
from tests.strategies import architectures

NOTATION_PAGE = Path(__file__).parents[2] / "docs" / "notation.md"

TOKENS = [
    ("8s", Conv(8, ops="")),
    ("8v", Conv(8, padding=0, ops="")),
    ("8p2", Conv(8, padding=2, ops="")),
    ("8k5s", Conv(8, kernel=5, padding=2, ops="")),
    ("8k5p1", Conv(8, kernel=5, padding=1, ops="")),
    ("8k5v", Conv(8, kernel=5, padding=0, ops="")),
    ("8k1", Conv(8, kernel=1, padding=0, ops="")),
    ("8s+", Conv(8, bias=True, ops="")),
    ("8s:br", Conv(8)),
    ("8s:rb", Conv(8, ops="rb")),
    ("8s:b", Conv(8, ops="b")),
    ("8s:r", Conv(8, ops="r")),
    ("8s:d0.05", Conv(8, ops="", dropout=0.05)),
    ("8s:brd0.05", Conv(8, dropout=0.05)),
    ("8s:brd1e-05", Conv(8, dropout=1e-5)),
    ("8k1+:rbD0.25", Conv(8, kernel=1, padding=0, bias=True, ops="rb", dropout=0.25, dropout2d=True)),
    ("sep8s", Conv(8, ops="", separable=True)),
    ("sep8k5v+:brd0.05", Conv(8, kernel=5, padding=0, bias=True, dropout=0.05, separable=True)),
    ("p", MaxPool(2)),
    ("p3", MaxPool(3)),
    ("ap", AveragePool(2)),
    ("ap3", AveragePool(3)),
    ("gap", GlobalAveragePool()),
    ("8s/2:br", Conv(8, stride=2)),
    ("sep8k5v/2+:b", Conv(8, kernel=5, padding=0, bias=True, ops="b", separable=True, stride=2)),
    ("8k1/2", Conv(8, kernel=1, padding=0, ops="", stride=2)),
    ("flat", Flatten()),
    ("fc10", Linear(10, bias=False)),
    ("fc10+", Linear(10)),
    ("fc50:r", Linear(50, bias=False, relu=True)),
    ("fc50+:r", Linear(50, relu=True)),
]


@pytest.mark.parametrize(("token", "layer"), TOKENS)
def test_each_token_is_its_layer_both_ways(token: str, layer: Layer) -> None:
    assert parse_net(token) == (INPUT_SHAPE, (layer,))
    assert format_net(INPUT_SHAPE, (layer,)) == token


OTHER_SPELLINGS = [
    ("8k3s:br", "8s:br"),
    ("1x28x28 8s:br", "8s:br"),
    ("8p1", "8s"),
    ("8s/1:br", "8s:br"),
    ("8p0", "8v"),
    ("8k1s", "8k1"),
    ("8k1v", "8k1"),
    ("8s:", "8s"),
    ("8s:brd.05", "8s:brd0.05"),
    ("8s:brd0", "8s:br"),
    ("p2", "p"),
    ("ap2", "ap"),
    ("sep8k3p1:br", "sep8s:br"),
    ("  8s:br\n\tgap ", "8s:br gap"),
]


@pytest.mark.parametrize(
    ("text", "shape"), [("3x32x32 8s gap", (3, 32, 32)), ("1x20x16 gap", (1, 20, 16)), ("4x1x1024 flat", (4, 1, 1024))]
)
def test_another_shape_of_the_images_stands_in_front(text: str, shape: Shape) -> None:
    assert parse_net(text)[0] == ArchitectureSpec.from_text(text).input_shape == shape
    assert format_net(*parse_net(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3x32 8s gap", "'3x32': the shape of the images is written CHANNELSxHEIGHTxWIDTH, such as 3x32x32"),
        ("5x32x32 gap", "images have from 1 to 4 channels, and .* not 5x32x32"),
        ("3x1025x1 gap", "not 3x1025x1"),
        ("3x0x32 gap", "not 3x0x32"),
        ("8s 3x32x32 gap", "layer 2 '3x32x32': the shape of the images stands before the first layer"),
        ("3x4x4 p p p gap", "layer 3 'p': the spatial size must stay at least 1, but 1x1 would become 0x0"),
    ],
)
def test_shapes_that_no_images_have_are_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        ArchitectureSpec.from_text(text)


@pytest.mark.parametrize(("text", "short"), OTHER_SPELLINGS)
def test_other_spellings_are_written_back_in_the_short_one(text: str, short: str) -> None:
    assert format_net(*parse_net(text)) == short


@given(architectures())
def test_text_round_trip(architecture: ArchitectureSpec) -> None:
    assert ArchitectureSpec.from_text(str(architecture)) == architecture


MALFORMED = [
    ("8", "layer 1 '8': a convolution says its padding: s (same), v (valid) or pN"),
    ("8s:br 8k5:br gap", "layer 2 '8k5:br': a convolution says its padding"),
    ("8s:br 8k4s gap", "layer 2 '8k4s': a kernel must be one of 1, 3, 5, not 4"),
    ("8s:br 0s gap", "layer 2 '0s': a convolution's width must be from 1 to 99999, not 0"),
    ("8p3 gap", "layer 1 '8p3': padding must be from 0 to kernel - 1 = 2, not 3"),
    (
        "8s:bb gap",
        "layer 1 '8s:bb': what follows a convolution must be one of br, rb, b, r or nothing, not 'bb'",
    ),
    ("8s:brd1 gap", "layer 1 '8s:brd1': a dropout rate must be from 0 to below 1, not 1.0"),
    ("8s:brD0 gap", "layer 1 '8s:brD0': 2-d dropout needs a rate above 0"),
    ("8s p1 gap", "layer 2 'p1': a pool's size must be at least 2, not 1"),
    ("8s p0 gap", "layer 2 'p0': a pool's size must be at least 2, not 0"),
    ("8s gap fc0", "layer 3 'fc0': a fully connected layer's width must be from 1 to 99999, not 0"),
    ("sep8k1 gap", "layer 1 'sep8k1': a separable convolution's kernel must be one of 3, 5, not 1"),
    ("sep8 gap", "layer 1 'sep8': a convolution says its padding"),
    ("sep0s gap", "layer 1 'sep0s': a convolution's width must be from 1 to 99999, not 0"),
    ("8s ap1 gap", "layer 2 'ap1': a pool's size must be at least 2, not 1"),
    ("8s pool gap", "layer 2 'pool': unknown token (did you mean 'p'?); a layer is [sep]WIDTH[kKERNEL]s|v|pN"),
    ("8s softmax gap", "layer 2 'softmax': unknown token; a layer is [sep]WIDTH[kKERNEL]s|v|pN"),
    ("8S gap", "layer 1 '8S': unknown token"),
    ("-8s gap", "layer 1 '-8s': unknown token"),
    ("8s:dbr0.1 gap", "layer 1 '8s:dbr0.1': unknown token"),
    ("8s:brd gap", "layer 1 '8s:brd': unknown token"),
    ("8s,gap", "layer 1 '8s,gap': unknown token"),
    ("8s fc gap", "layer 2 'fc': unknown token"),
    ("٣s gap", "layer 1 '٣s': unknown token"),
    ("100000s gap", "layer 1 '100000s': a convolution's width must be from 1 to 99999, not 100000"),
]


@pytest.mark.parametrize(("text", "refusal"), MALFORMED)
def test_malformed_text_is_refused_by_rule_and_token(text: str, refusal: str) -> None:
    with pytest.raises(InputError) as error:
        ArchitectureSpec.from_text(text)
    assert str(error.value).startswith(refusal)


# What was written, and what the message suggests
SUGGESTIONS = [
    *(("8S", "8s"), ("SEP8S:BR", "sep8s:br"), ("GAP", "gap"), ("-8s", "8s")),
    *(("sp8s", "sep8s"), ("8sep:br", "sep8s:br"), ("dw12k5s:br", "sep12k5s:br"), ("separable12", "sep12s")),
    *(("sep12s:brd", "sep12s:brd0.05"), ("sep12kv:br", "sep12k5v:br"), ("sep12k3s:brx", "sep12s:br")),
    *(("avgpool", "ap"), ("avg3", "ap3"), ("ap:3", "ap3"), ("app", "ap"), ("max-pool", "p"), ("maxpool2d", "p")),
    *(("fc", "fc10"), ("fc10:br", "fc10:r"), ("dense10", "fc10"), ("flatten", "flat"), ("global", "gap")),
    *(("8s:relu", "8s:r"), ("8s:dbr0.1", "8s:brd0.1"), ("8s:brd0,05", "8s:brd0.05"), ("conv8", "8s")),
    *(("8s:br,ap,gap", "8s:br ap gap"), ("8s:br->p", "8s:br p")),
    # Nothing is suggested that is like nothing, or that would be refused in its turn.
    *((text, None) for text in ("x", "softmax", "k5s8", "d0.05", "99999999999s", "sep9999999999s:br")),
]


@pytest.mark.parametrize(("token", "meant"), SUGGESTIONS)
def test_the_nearest_known_token_is_suggested(token: str, meant: str | None) -> None:
    with pytest.raises(InputError) as error:
        ArchitectureSpec.from_text(f"4s {token} gap")
    suggestion = re.search(r"unknown token(?: \(did you mean '(.*)'\?\))?; a layer is ", str(error.value))
    assert suggestion is not None
    assert suggestion[1] == meant


@st.composite
def spoiled_notations(draw: st.DrawFn) -> str:
    """Valid notations with a few characters put in, taken out or exchanged."""
    text = str(draw(architectures()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.integers(0, 2))
        text = text[:at] + draw(st.text("0123456789spevkbrdDgaflc+:.- ", max_size=3)) + text[at + gone :]
    return text


@given(st.text() | st.text("0123456789spevkbrdDgaflc+:.- ") | spoiled_notations())
@example("9" * 5_000 + "s gap")
@example("8s gap fc" + "9" * 5_000)
@example("8s:brd" + "9" * 5_000 + " gap")
def test_any_text_is_a_net_or_a_one_line_input_error(text: str) -> None:
    refusal = None
    try:
        architecture = ArchitectureSpec.from_text(text)
    except InputError as error:
        refusal = str(error)
    if refusal is not None:
        assert len(refusal.splitlines()) == 1
        for meant in re.findall(r"did you mean '(.*)'\?\); a layer is", refusal):
            assert parse_net(meant), "what is suggested can be read"
    else:
        # What was read is a whole net: it can be counted, printed and read back.
        assert str(num_params(architecture)).isdigit()
        assert ArchitectureSpec.from_text(str(architecture)) == architecture


def test_every_count_on_the_notation_page_is_right() -> None:
    rows = re.findall(r"^\|[^|]*\| ([\d,]+) \| `([^`]+)` \|$", NOTATION_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 12
    for count, notation in rows:
        architecture = ArchitectureSpec.from_text(notation)
        assert f"{num_params(architecture):,}" == count, notation
        assert str(architecture) == notation
