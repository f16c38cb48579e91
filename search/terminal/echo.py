"""What a terminal shows of the keys that are pressed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def no_echo_of_interrupts() -> Iterator[None]:
    """Keep the terminal from writing ``^C`` into what is drawn on it; does nothing where stdin is no terminal."""
    try:
        import termios

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (ImportError, AttributeError, OSError, ValueError, termios.error):
        yield
        return
    changed = [*before]
    changed[3] &= ~termios.ECHOCTL
    with suppress(termios.error):
        termios.tcsetattr(descriptor, termios.TCSANOW, changed)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
