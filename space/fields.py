"""The types of a record's fields, checked where its values may come from a file."""

import math
from dataclasses import fields
from typing import Any, get_args

from space.errors import InputError

_NAMES = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}


def check_types(record: Any) -> None:
    """Raise `InputError` for a value of another type than its field's, and for one that is not finite.

    A whole number where a float belongs becomes one, and -0.0 becomes 0.0, so that equal records are written alike.
    """
    for item in fields(record):
        kinds = get_args(item.type) or (item.type,)
        value = getattr(record, item.name)
        if float in kinds and type(value) in (int, float):
            value = float(value) + 0.0
            object.__setattr__(record, item.name, value)
        if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
            raise InputError(f"{item.name} must be {_NAMES[kinds[0]]}, not {value!r}")
