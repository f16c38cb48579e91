"""Handling of Ctrl-C and SIGTERM within a block of code."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handling_interrupts(
    handle: Callable[[int, FrameType | None], object], numbers: Sequence[signal.Signals] = INTERRUPTS
) -> Iterator[None]:
    """Call ``handle`` on each of the signals; the handlers that were there before are put back at the end.

    Raises `ValueError` outside the main thread, which alone may set handlers.
    """
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def raising_interrupts() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise KeyboardInterrupt, so that the caller can end processes and remove files."""
    with handling_interrupts(signal.default_int_handler):
        yield


@contextmanager
def deferring_interrupts() -> Iterator[None]:
    """Defer SIGINT and SIGTERM to the end of the block, and spare the processes that are started in it a Ctrl-C.

    A Ctrl-C reaches the whole process group, so the new processes inherit a block of SIGINT. The block holds for the
    calling thread alone, and a signal that another thread receives is handled in the main thread: there, signals are
    noted and handled at the end.
    """
    noted: list[int] = []
    # Ignored signals stay ignored, as they do in the new processes.
    numbers = [number for number in INTERRUPTS if callable(signal.getsignal(number))]
    is_main = threading.current_thread() is threading.main_thread()
    noting = handling_interrupts(lambda number, _: noted.append(number), numbers) if is_main else nullcontext()
    try:
        with noting:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                yield
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    finally:
        for number in noted:
            signal.raise_signal(number)
