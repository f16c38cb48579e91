"""What a terminal does by itself when a key is pressed, kept away from what is drawn on it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def whole_frames_at_interrupts() -> Iterator[None]:
    """Keep the terminal from writing ``^C`` into what is drawn on it, and from dropping what it has not shown yet.

    A terminal drops that on Ctrl-C, also in the middle of a character. Does nothing where stdin is no terminal.
    """
    try:
        import termios

        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (ImportError, AttributeError, OSError, ValueError, termios.error):
        yield
        return
    changed = [*before]
    changed[3] = (changed[3] & ~termios.ECHOCTL) | termios.NOFLSH
    with suppress(termios.error):
        termios.tcsetattr(descriptor, termios.TCSANOW, changed)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
