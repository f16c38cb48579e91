"""The one-line text of an architecture: one token per layer, separated by spaces (grammar in docs/notation.md).

In front of them stands the shape of the images, unless it is that of MNIST's.
"""

import difflib
import re

from space.errors import InputError
from space.layers import (
    INPUT_SHAPE,
    AveragePool,
    Conv,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    Shape,
    format_shape,
    read_shape,
)

# No layer needs more than nine digits, and Python refuses to read very long numbers with an error of its own.
_INT = "[0-9]{1,9}"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?|\.[0-9]+"
_CONV = re.compile(
    rf"(?P<separable>sep)?(?P<width>{_INT})(?:k(?P<kernel>{_INT}))?(?P<padding>s|v|p{_INT})?(?:/(?P<stride>{_INT}))?"
    rf"(?P<bias>\+)?"
    rf"(?::(?P<ops>[br]*)(?:(?P<kind>[dD])(?P<rate>{_NUMBER}))?)?"
)
_POOL = re.compile(rf"(?P<average>a)?p(?P<size>{_INT})?")
_SHAPE = re.compile(rf"{_INT}(?:x{_INT})+")
_LINEAR = re.compile(rf"fc(?P<width>{_INT})(?P<bias>\+)?(?P<relu>:r)?")

_FORMS = (
    "a layer is [sep]WIDTH[kKERNEL]s|v|pN[/2][+][:br|rb|b|r][d|D RATE] (convolution), p[SIZE] (max-pool), "
    "ap[SIZE] (average pool), gap, flat or fcWIDTH[+][:r]"
)
# What people write who do not know the tokens, by runs of letters.
_WORDS = (
    {"bn": "b", "batchnorm": "b", "relu": "r", "bnrelu": "br", "conv": "", "flatten": "flat"}
    | dict.fromkeys(("dense", "linear", "full"), "fc")
    | dict.fromkeys(("pool", "max", "maxpool", "maxpooling"), "p")
    | dict.fromkeys(("avg", "avgpool", "average", "averagepool", "apool", "mean"), "ap")
    | dict.fromkeys(("global", "globalavgpool", "globalaveragepool", "globalpool"), "gap")
    | dict.fromkeys(("dw", "dws", "dwsep", "depthwise", "separable", "sepconv"), "sep")
)
# Examples of every form, to find the one that was probably meant; of several that are as near, the first.
_EXAMPLES = (
    *(
        f"{separable}8{padding}{after}"
        for separable in ("", "sep")
        for after in ("", ":br", ":rb", ":b", ":r", ":brd0.05")
        for padding in ("s", "v", "k5s", "k5v")
    ),
    *("gap", "flat", "p", "ap", "p3", "ap3", "fc10", "fc10+", "fc10:r", "fc10+:r"),
)
_SIMILARITY = 0.5
"""From 0 to 1, as `difflib` measures it: what is less like every example is not taken for any of them."""


def parse_net(text: str) -> tuple[Shape, tuple[Layer, ...]]:
    """Read the shape of the images and the layers in ``text``.

    Raises `InputError` with the token that is invalid and its position; positions count layers alone.
    """
    tokens = text.split()
    shape = _parse_shape(tokens.pop(0)) if tokens and _SHAPE.fullmatch(tokens[0]) else INPUT_SHAPE
    layers = []
    for position, token in enumerate(tokens, start=1):
        try:
            layers.append(_parse_layer(token))
        except InputError as error:
            raise InputError(f"layer {position} '{token}': {error}") from None
    return shape, tuple(layers)


def format_net(shape: Shape, layers: tuple[Layer, ...]) -> str:
    tokens = [layer.token for layer in layers]
    return " ".join(tokens if shape == INPUT_SHAPE else [format_shape(shape), *tokens])


def _parse_shape(token: str) -> Shape:
    sizes = [int(size) for size in token.split("x")]
    if len(sizes) != 3:
        raise InputError(f"'{token}': the shape of the images is written CHANNELSxHEIGHTxWIDTH, such as 3x32x32")
    return read_shape(sizes)


def _parse_layer(token: str) -> Layer:
    layer = _read_layer(token)
    if layer is None and _SHAPE.fullmatch(token):
        raise InputError("the shape of the images stands before the first layer")
    if layer is None:
        meant = _nearest_token(token)
        raise InputError(f"unknown token{f' (did you mean {meant!r}?)' if meant else ''}; {_FORMS}")
    return layer


def _read_layer(token: str) -> Layer | None:
    """Return the layer, or None for a token of no known form. Raises `InputError` for one that cannot be."""
    if token == "gap":
        return GlobalAveragePool()
    if token == "flat":
        return Flatten()
    if match := _POOL.fullmatch(token):
        pool = AveragePool if match["average"] else MaxPool
        return pool(int(match["size"] or 2))
    if match := _LINEAR.fullmatch(token):
        return Linear(int(match["width"]), bias=bool(match["bias"]), relu=bool(match["relu"]))
    if match := _CONV.fullmatch(token):
        kernel = int(match["kernel"] or 3)
        return Conv(
            width=int(match["width"]),
            kernel=kernel,
            padding=_parse_padding(match["padding"], kernel),
            bias=bool(match["bias"]),
            ops=match["ops"] or "",
            dropout=float(match["rate"] or 0.0),
            dropout2d=match["kind"] == "D",
            separable=bool(match["separable"]),
            stride=int(match["stride"] or 1),
        )
    return None


def _nearest_token(token: str) -> str | None:
    """Return what was probably meant by an unknown token, with its numbers and in its short form; None if unclear."""
    text = re.sub(r"(?<=[0-9]),(?=[0-9])", ".", token[:100].lower())
    if spaced := _read_all(re.split(r"[^a-z0-9.:+]+", text)):
        return spaced
    text = re.sub(r"(?<=[a-z])[-_](?=[a-z])", "", text)
    text = re.sub("[a-z]+", lambda word: _WORDS.get(word[0], word[0]), text)
    number = re.compile(_NUMBER)
    pattern = number.sub("#", text)

    def similarity(example: str) -> float:
        return difflib.SequenceMatcher(None, pattern, number.sub("#", example)).ratio()

    nearest = max((example for example in _EXAMPLES if "sep" in example or "sep" not in text), key=similarity)
    if similarity(nearest) < _SIMILARITY:
        return None
    given = iter(number.findall(text))
    return _read_all([number.sub(lambda example: next(given, example[0]), nearest)])


def _read_all(tokens: list[str]) -> str | None:
    """Return the tokens in their short form, or None if one of them is no layer."""
    try:
        layers = [_read_layer(token) for token in tokens]
    except InputError:
        return None
    return " ".join(layer.token for layer in layers if layer) if all(layers) else None


def _parse_padding(text: str | None, kernel: int) -> int:
    if text is None:
        if kernel == 1:
            return 0
        raise InputError("a convolution says its padding: s (same), v (valid) or pN")
    if text == "s":
        return kernel // 2
    return 0 if text == "v" else int(text[1:])
