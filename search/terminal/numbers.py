"""Formatting of accuracies, times and sizes for people."""

from space.footprint import Footprint


def format_accuracy(accuracy: float) -> str:
    """Format a fraction in per cent, such as ``98.50 %``."""
    return f"{100 * accuracy:.2f} %"


def format_seconds(seconds: float) -> str:
    """Format a time as ``1:23`` or, from an hour on, as ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_kib(num_bytes: int) -> str:
    return f"{num_bytes / 1024:.1f} KiB"


def describe_footprint(taken: Footprint) -> str:
    """Say what a net takes on a device, to the byte."""
    return f"flash {taken.flash_bytes:,} bytes, RAM {taken.ram_bytes:,} bytes, {taken.num_macs:,} MACs"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 trial``, ``1,200 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
