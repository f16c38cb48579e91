"""Limits of a device, beside the budget of parameters: flash, RAM and multiply-adds, and the sizes that name them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError, shortened
from space.footprint import Footprint, footprint

MAX_LIMIT = 10**15
"""Largest limit that is accepted, far above any useful one."""
BYTES_STEP, MACS_STEP = 1_024, 1_000
"""What k stands for in a size in bytes, and in a number of multiply-adds; M is its square."""
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,6})?)([kKM]?)")


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What a net may take on a device, each inclusive; None means no limit. Sizes are those of `Footprint`."""

    max_flash: int | None = None
    max_ram: int | None = None
    max_macs: int | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.max_flash, self.max_ram, self.max_macs))

    @property
    def given(self) -> dict[str, int]:
        """The limits that there are, by the names of their fields."""
        return {name: limit for name, limit in asdict(self).items() if limit is not None}

    def excesses(self, architecture: ArchitectureSpec) -> dict[str, float]:
        """Return for each limit, by its name, how far a net is over it, as a share of it; below 0 within the limit."""
        if not self:
            return {}
        taken = measures_of(footprint(architecture))
        return {name: taken[name] / limit - 1 for name, limit in self.given.items()}

    def allow(self, architecture: ArchitectureSpec) -> bool:
        """Return whether a net is within all limits, exactly at a limit included."""
        return all(excess <= 0 for excess in self.excesses(architecture).values())

    def broken(self, architecture: ArchitectureSpec) -> list[str]:
        """Say of each limit that a net is over by how much it is."""
        taken = measures_of(footprint(architecture))
        return [
            f"{describe(name, taken[name])} is over the limit of {limit:,}"
            for name, limit in self.given.items()
            if taken[name] > limit
        ]

    @property
    def options(self) -> str:
        """The options to raise where nothing fits, that of the budget first."""
        return " or ".join(["--budget", *map(option_of, self.given)])

    def completed_by(self, stored: Mapping[str, Any]) -> "DeviceLimits":
        """Return these limits, and where there is none, that of a study's stored settings."""
        return DeviceLimits(**{name: self.given.get(name, stored.get(name)) for name in asdict(self)})

    def __str__(self) -> str:
        return ", ".join(describe(name, limit, most=True) for name, limit in self.given.items())


NO_LIMITS = DeviceLimits()


def fits(candidate: CandidateSpec, budget: int, limits: DeviceLimits) -> bool:
    """Return whether a candidate is within the budget of parameters and all limits, exactly at one included."""
    return candidate.num_params <= budget and limits.allow(candidate.architecture)


def measures_of(taken: Footprint) -> dict[str, int]:
    """Return what a net takes by the name of its limit."""
    return {"max_flash": taken.flash_bytes, "max_ram": taken.ram_bytes, "max_macs": taken.num_macs}


def option_of(name: str) -> str:
    """Return the command-line option of a limit, such as ``--max-ram``."""
    return f"--{name.replace('_', '-')}"


def describe(name: str, size: int, *, most: bool = False) -> str:
    """Return a size with what it is of, by the name of its limit; with ``most`` as an upper limit."""
    at_most = "at most " if most else ""
    return {
        "max_flash": f"flash of {at_most}{size:,} bytes",
        "max_ram": f"RAM of {at_most}{size:,} bytes",
        "max_macs": f"{at_most}{size:,} MACs",
    }[name]


def short(name: str, limit: int) -> str:
    """Return a limit as a part of a study's name, such as ``ram8k``."""
    step = MACS_STEP if name == "max_macs" else BYTES_STEP
    for suffix, unit in (("M", step**2), ("k", step)):
        if limit % unit == 0:
            return f"{name.removeprefix('max_')}{limit // unit}{suffix}"
    return f"{name.removeprefix('max_')}{limit}"


def parse_limits(max_flash: str | None, max_ram: str | None, max_macs: str | None) -> DeviceLimits:
    """Read the limits of the command line: ``16k``, ``1M`` or a plain number. Raises `InputError` for anything else."""
    return DeviceLimits(
        max_flash=_parse("--max-flash", max_flash, BYTES_STEP),
        max_ram=_parse("--max-ram", max_ram, BYTES_STEP),
        max_macs=_parse("--max-macs", max_macs, MACS_STEP),
    )


def _parse(option: str, text: str | None, step: int) -> int | None:
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        what = "MACs" if step == MACS_STEP else "bytes"
        raise InputError(f"{option} is a number of {what}, such as 8192, 16k or 1M, not {shortened(text)}")
    size = Decimal(found[1]) * {"": 1, "k": step, "K": step, "M": step**2}[found[2]]
    if not 1 <= size <= MAX_LIMIT or size != int(size):
        raise InputError(f"{option} must be a whole number from 1 to {MAX_LIMIT:,}, not {shortened(text)}")
    return int(size)
