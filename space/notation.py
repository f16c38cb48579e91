"""The one-line text of an architecture: one token per layer, separated by spaces (grammar in docs/notation.md)."""

import difflib
import re

from space.errors import InputError
from space.layers import AveragePool, Conv, Flatten, GlobalAveragePool, Layer, Linear, MaxPool

# No layer needs more than nine digits, and Python refuses to read very long numbers with an error of its own.
_INT = "[0-9]{1,9}"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?|\.[0-9]+"
_CONV = re.compile(
    rf"(?P<separable>sep)?(?P<width>{_INT})(?:k(?P<kernel>{_INT}))?(?P<padding>s|v|p{_INT})?(?P<bias>\+)?"
    rf"(?::(?P<ops>[br]*)(?:(?P<kind>[dD])(?P<rate>{_NUMBER}))?)?"
)
_POOL = re.compile(rf"(?P<average>a)?p(?P<size>{_INT})?")
_LINEAR = re.compile(rf"fc(?P<width>{_INT})(?P<bias>\+)?(?P<relu>:r)?")

_FORMS = (
    "a layer is [sep]WIDTH[kKERNEL]s|v|pN[+][:br|rb|b|r][d|D RATE] (convolution), p[SIZE] (max-pool), "
    "ap[SIZE] (average pool), gap, flat or fcWIDTH[+][:r]"
)
# Tokens as people write them, with # for each number, to suggest the one that was probably meant.
_KNOWN = (
    *("gap", "flat", "p", "ap", "p#", "ap#", "fc#", "fc#+", "fc#:r", "fc#+:r"),
    *(
        f"{sep}#{padding}{ops}"
        for sep in ("", "sep")
        for padding in ("s", "v", "k#s", "k#v")
        for ops in ("", ":br", ":brd#")
    ),
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
        )
    meant = _nearest_token(token)
    raise InputError(f"unknown token{f' (did you mean {meant!r}?)' if meant else ''}; {_FORMS}")


def _nearest_token(token: str) -> str | None:
    """Return the known token that is most like ``token``, with its numbers, or None if none is like it."""
    number = re.compile(_NUMBER)
    close = difflib.get_close_matches(number.sub("#", token[:100].lower()), _KNOWN, n=1, cutoff=0.5)
    if not close:
        return None
    numbers = number.findall(token)
    return "".join(numbers.pop(0) if part == "#" and numbers else part for part in close[0]).replace("#", "8")


def _parse_padding(text: str | None, kernel: int) -> int:
    if text is None:
        if kernel == 1:
            return 0
        raise InputError("a convolution says its padding: s (same), v (valid) or pN")
    if text == "s":
        return kernel // 2
    return 0 if text == "v" else int(text[1:])
