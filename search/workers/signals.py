"""Handling of Ctrl-C and SIGTERM: ending at once or in an orderly way."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from search.terminal.interrupts import INTERRUPTS, handling_interrupts


@contextmanager
def ending_at_once(say: Callable[[], None]) -> Iterator[None]:
    """On SIGINT or SIGTERM, call ``say`` and end the process with exit code 130.

    Python's own handlers would wait until the native trainer returns after an epoch. Therefore a thread reads the
    signal's number, which is written as soon as it arrives. Files stay valid, as they do when the process is killed.
    """

    def watch() -> None:
        while received := os.read(receiver, 1):
            if received[0] in INTERRUPTS:
                try:
                    say()
                finally:
                    sys.stdout.flush()
                    sys.stderr.flush()
                    os._exit(130)

    with handling_interrupts(lambda *_: None):
        receiver, sender = os.pipe()
        os.set_blocking(sender, False)
        descriptor = signal.set_wakeup_fd(sender)
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(descriptor)
            os.close(sender)
            thread.join()
            os.close(receiver)


class StopRequest:
    """Handles SIGINT and SIGTERM during a search: the first sets `asked`, the second raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        with handling_interrupts(self._handle):
            yield self

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
