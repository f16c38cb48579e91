"""The one-line text of an architecture: one token per layer, separated by spaces (grammar in docs/notation.md)."""

import re

from space.errors import InputError
from space.layers import Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool

# No layer needs more than nine digits, and Python refuses to read very long numbers with an error of its own.
_INT = "[0-9]{1,9}"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?|\.[0-9]+"
_CONV = re.compile(
    rf"(?P<width>{_INT})(?:k(?P<kernel>{_INT}))?(?P<padding>s|v|p{_INT})?(?P<bias>\+)?"
    rf"(?::(?P<ops>[br]*)(?:(?P<kind>[dD])(?P<rate>{_NUMBER}))?)?"
)
_POOL = re.compile(rf"p(?P<size>{_INT})?")
_LINEAR = re.compile(rf"fc(?P<width>{_INT})(?P<bias>\+)?(?P<relu>:r)?")

_FORMS = (
    "a layer is WIDTH[kKERNEL]s|v|pN[+][:br|rb|b|r][d|D RATE] (convolution), p[SIZE] (max-pool), "
    "gap, flat or fcWIDTH[+][:r]"
)


def parse_layers(text: str) -> tuple[Layer, ...]:
    """Read the layers in ``text``. Raises `InputError` with the token that is invalid and its position."""
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
