"""Handling of Ctrl-C and SIGTERM: ending at once or in an orderly way."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_at_once(say: Callable[[], None]) -> Iterator[None]:
    """On SIGINT or SIGTERM, call ``say`` and end the process with exit code 130.

    Python's own handlers would wait until the native trainer returns after an epoch. Therefore a thread reads the
    signal's number, which is written as soon as it arrives. Files stay valid, as they do when the process is killed.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)

    def watch() -> None:
        while received := os.read(receiver, 1):
            if received[0] in numbers:
                try:
                    say()
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(130)

    handlers = [signal.signal(number, lambda *_: None) for number in numbers]
    descriptor = signal.set_wakeup_fd(sender)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
        os.close(sender)
        thread.join()
        os.close(receiver)


class StopRequest:
    """Handles SIGINT and SIGTERM during a search: the first sets `asked`, the second raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._handle) for number in numbers]
        try:
            yield self
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
