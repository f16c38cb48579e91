"""The one-line text of an architecture: one token per layer, separated by spaces (grammar in docs/notation.md)."""

import re

from space.errors import InputError
from space.layers import Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool

_NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?|\.\d+"
_CONV = re.compile(
    r"(?P<width>\d+)(?:k(?P<kernel>\d+))?(?P<padding>s|v|p\d+)?(?P<bias>\+)?"
    rf"(?::(?P<ops>[br]*)(?:(?P<kind>[dD])(?P<rate>{_NUMBER}))?)?"
)
_POOL = re.compile(r"p(?P<size>\d+)?")
_LINEAR = re.compile(r"fc(?P<width>\d+)(?P<bias>\+)?(?P<relu>:r)?")

_FORMS = (
    "a layer is WIDTH[kKERNEL]s|v|pN[+][:br|rb|b|r][d|D RATE] (convolution), p[SIZE] (max-pool), "
    "gap, flat or fcWIDTH[+][:r]"
)


def parse_layers(text: str) -> tuple[Layer, ...]:
    """Read the tokens of ``text``. Raises `InputError` naming the token that cannot be read or built, and its place."""
    layers = []
    for position, token in enumerate(text.split(), start=1):
        try:
            layers.append(_parse_layer(token))
        except InputError as error:
            raise InputError(f"layer {position} '{token}': {error}") from None
    return tuple(layers)


def format_layers(layers: tuple[Layer, ...]) -> str:
    return " ".join(layer.token for layer in layers)


def _parse_layer(token: str) -> Layer:
    if token == "gap":
        return GlobalAveragePool()
    if token == "flat":
        return Flatten()
    if match := _POOL.fullmatch(token):
        return MaxPool(int(match["size"] or 2))
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
        )
    raise InputError(f"unknown token; {_FORMS}")


def _parse_padding(text: str | None, kernel: int) -> int:
    if text is None:
        if kernel == 1:
            return 0
        raise InputError("a convolution says its padding: s (same), v (valid) or pN")
    if text == "s":
        return kernel // 2
    return 0 if text == "v" else int(text[1:])
