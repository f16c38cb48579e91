"""Fields of dataclasses: checks of their types for values from files, and the choice of those that are stored."""

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from space.errors import InputError, shortened

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_NAMES = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}


def check_types(record: Any) -> None:
    """Raise `InputError` for a value of another type than its field's, and for one that is not finite.

    A whole number where a float belongs becomes one, and -0.0 becomes 0.0, so that equal records are written alike.
    """
    for name, kinds in _kinds_of_fields(record.__class__):
        value = getattr(record, name)
        # NumPy's float64 is a float too; Optuna samples one where a range is a single step of rounding wide.
        if float in kinds and (isinstance(value, float) or type(value) is int):
            try:
                value = float(value) + 0.0
            except OverflowError:
                raise InputError(f"{name} must be {_NAMES[float]}, not {shortened(value)}") from None
            object.__setattr__(record, name, value)
        if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
            raise InputError(f"{name} must be {_NAMES[kinds[0]]}, not {shortened(value)}")


@cache  # a search makes thousands of candidates for one that it trains
def _kinds_of_fields(record: type["DataclassInstance"]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(item.name, get_args(item.type) or (item.type,)) for item in fields(record)]


LEFT_OUT_AT_DEFAULT: Mapping[str, bool] = {"left_out_at_default": True}
"""Metadata for every field that is added to a layer or to the training settings from now on. A field at its default is
not stored, so that the JSON, the key and the fingerprint of an earlier candidate stay the same; the default must mean
what was done before the field existed. The original fields are always stored."""


def stored_fields(instance: "DataclassInstance") -> dict[str, Any]:
    """Return the fields of a dataclass by name, as they are stored and compared."""
    return {
        item.name: getattr(instance, item.name)
        for item in fields(instance)
        if not (item.metadata.get("left_out_at_default") and getattr(instance, item.name) == item.default)
    }
