import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.errors import InputError
from space.fields import LEFT_OUT_AT_DEFAULT, check_types, stored_fields


@dataclass(frozen=True, slots=True)
class Record:
    count: int = 1
    rate: float = 0.5
    limit: float | None = None
    patience: int | None = None
    name: str = "sgd"
    fast: bool = True

    def __post_init__(self) -> None:
        check_types(self)


GOOD: list[dict[str, Any]] = [
    {"count": -3},
    {"count": 10**30},
    {"rate": -1e308},
    {"limit": 0.25},
    {"limit": None},
    {"patience": 4},
    {"patience": None},
    {"name": ""},
    {"fast": False},
]


@pytest.mark.parametrize("values", GOOD)
def test_values_of_the_right_types_are_kept(values: dict[str, Any]) -> None:
    record = Record(**values)
    assert {name: getattr(record, name) for name in values} == values


WHOLE, FINITE = "must be a whole number, not", "must be a finite number, not"
NAN, INF = float("nan"), float("inf")
BAD = [
    ({"count": 1.0}, f"count {WHOLE} 1.0"),
    ({"count": "1"}, f"count {WHOLE} '1'"),
    ({"count": True}, f"count {WHOLE} True"),
    ({"count": None}, f"count {WHOLE} None"),
    ({"patience": 1.5}, f"patience {WHOLE} 1.5"),
    ({"patience": False}, f"patience {WHOLE} False"),
    ({"rate": NAN}, f"rate {FINITE} nan"),
    ({"rate": INF}, f"rate {FINITE} inf"),
    ({"rate": True}, f"rate {FINITE} True"),
    ({"rate": None}, f"rate {FINITE} None"),
    ({"rate": [0.5]}, f"rate {FINITE} [0.5]"),
    ({"limit": -INF}, f"limit {FINITE} -inf"),
    ({"limit": "none"}, f"limit {FINITE} 'none'"),
    ({"fast": 1}, "fast must be true or false, not 1"),
    ({"fast": None}, "fast must be true or false, not None"),
    ({"name": b"sgd"}, "name must be text, not b'sgd'"),
    ({"name": None}, "name must be text, not None"),
    ({"rate": 10**400}, f"rate {FINITE} 1000"),
]


@pytest.mark.parametrize(("values", "refusal"), BAD)
def test_values_of_other_types_are_refused_by_field_and_value(values: dict[str, Any], refusal: str) -> None:
    with pytest.raises(InputError) as caught:
        Record(**values)
    assert str(caught.value).startswith(refusal)


def test_the_first_wrong_field_is_named() -> None:
    with pytest.raises(InputError, match=r"^rate must be"):
        Record(rate="x", fast="y")  # type: ignore[arg-type]


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_where_a_float_belongs_becomes_one(number: int) -> None:
    record = Record(rate=number, limit=number)
    assert (record.rate, record.limit) == (number, number)
    assert type(record.rate) is type(record.limit) is float


def test_a_float_of_numpy_becomes_a_plain_one() -> None:
    record = Record(rate=np.float64(0.25))
    assert type(record.rate) is float
    assert record.rate == 0.25


@pytest.mark.parametrize("zero", [-0.0, 0, 0.0])
def test_there_is_one_zero(zero: float) -> None:
    record = Record(rate=zero, limit=zero)
    assert record.limit is not None
    assert [math.copysign(1, value) for value in (record.rate, record.limit)] == [1, 1]
    assert repr(record) == repr(Record(rate=0.0, limit=0.0))


@dataclass(frozen=True)
class Grown:
    """A record that once had ``width`` and ``kernel`` alone."""

    width: int
    kernel: int = 3
    stride: int = field(default=1, metadata=LEFT_OUT_AT_DEFAULT)
    groups: int | None = field(default=None, metadata=LEFT_OUT_AT_DEFAULT)


def test_a_later_field_is_stored_where_it_is_not_at_its_default() -> None:
    first = Grown(8)
    assert stored_fields(first) == {"width": 8, "kernel": 3}, "the first fields are stored at their defaults too"
    assert stored_fields(replace(first, stride=2)) == {"width": 8, "kernel": 3, "stride": 2}
    assert stored_fields(replace(first, groups=0)) == {"width": 8, "kernel": 3, "groups": 0}, "0 is not None"
    assert list(stored_fields(Grown(8, 5, 2, 4))) == ["width", "kernel", "stride", "groups"]


@given(st.builds(Grown, st.integers(), st.integers(), st.integers(-1, 2), st.none() | st.integers()))
def test_what_is_stored_is_enough_to_make_the_record_again(record: Grown) -> None:
    assert Grown(**stored_fields(record)) == record


def test_a_record_without_later_fields_is_stored_whole() -> None:
    assert stored_fields(Record()) == asdict(Record())
