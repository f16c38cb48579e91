"""Limits of a device: sizes as they are written, and nets that are within them or over them."""

import pytest

from space.architecture import ArchitectureSpec
from space.errors import InputError
from space.footprint import footprint
from space.limits import NO_LIMITS, DeviceLimits, parse_limits, short

NET = ArchitectureSpec.from_text("4s:br p 8s:br gap fc10+")
TAKEN = footprint(NET)
EXACT = DeviceLimits(TAKEN.flash_bytes, TAKEN.ram_bytes, TAKEN.num_macs)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("8192", 8_192), ("8k", 8_192), ("8K", 8_192), ("1M", 1_048_576), ("1.5k", 1_536), ("0.5M", 524_288)],
)
def test_sizes_in_bytes_count_in_steps_of_1024(text: str, size: int) -> None:
    assert parse_limits(text, None, None) == DeviceLimits(max_flash=size)
    assert parse_limits(None, text, None) == DeviceLimits(max_ram=size)


@pytest.mark.parametrize(
    ("text", "number"), [("900", 900), ("750k", 750_000), ("1M", 1_000_000), ("1.5M", 1_500_000), ("4.1M", 4_100_000)]
)
def test_macs_count_in_steps_of_1000(text: str, number: int) -> None:
    assert parse_limits(None, None, text) == DeviceLimits(max_macs=number)


@pytest.mark.parametrize("text", ["16q", "-1", "", "k", "1e3", "16 kB", "0x10", "1_000", "٣", "M1", "1.k"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--max-ram is a number of bytes, such as 8192, 16k or 1M, not "):
        parse_limits(None, text, None)
    with pytest.raises(InputError, match=r"^--max-macs is a number of MACs, such as "):
        parse_limits(None, None, text)


@pytest.mark.parametrize("text", ["0", "0k", "0.3", "1.0001k", "999999999999999999", "9999999999M"])
def test_sizes_that_no_device_has_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--max-flash must be a whole number from 1 to 1,000,000,000,000,000, not "):
        parse_limits(text, None, None)


def test_a_net_at_its_limits_is_within_them() -> None:
    assert EXACT.allow(NET)
    assert EXACT.broken(NET) == []
    assert EXACT.excesses(NET) == {"max_flash": 0, "max_ram": 0, "max_macs": 0}


@pytest.mark.parametrize("name", ["max_flash", "max_ram", "max_macs"])
def test_a_net_a_byte_over_one_limit_is_over_that_one(name: str) -> None:
    limit = EXACT.given[name] - 1
    over = DeviceLimits(**{**EXACT.given, name: limit})
    assert not over.allow(NET)
    (reason,) = over.broken(NET)
    assert f"{limit + 1:,}" in reason
    assert reason.endswith(f" is over the limit of {limit:,}")
    excesses = over.excesses(NET)
    assert excesses.pop(name) == pytest.approx(1 / limit)
    assert set(excesses.values()) == {0}
    alone = DeviceLimits(**{name: limit})
    assert list(alone.excesses(NET)) == [name]


def test_no_limits_allow_everything() -> None:
    assert not NO_LIMITS
    assert NO_LIMITS.allow(NET)
    assert NO_LIMITS.excesses(NET) == {}
    assert str(NO_LIMITS) == ""


def test_a_call_keeps_the_limits_of_its_study_that_it_does_not_name() -> None:
    stored = {"budget": 8_000, "max_ram": 4_096, "max_macs": 10}
    assert NO_LIMITS.completed_by(stored) == DeviceLimits(max_ram=4_096, max_macs=10)
    assert DeviceLimits(max_ram=1, max_flash=2).completed_by(stored) == DeviceLimits(2, 1, 10)


def test_limits_in_names_and_sentences() -> None:
    assert short("max_ram", 8_192) == "ram8k"
    assert short("max_flash", 2**20) == "flash1M"
    assert short("max_macs", 1_000_000) == "macs1M"
    assert short("max_macs", 8_192) == "macs8192"
    assert str(DeviceLimits(1_000, 8_192, 10**6)) == (
        "flash of at most 1,000 bytes, RAM of at most 8,192 bytes, at most 1,000,000 MACs"
    )
