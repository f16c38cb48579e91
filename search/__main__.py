"""Entry point of the command line, which ends quietly on a signal that arrives during imports."""

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line. SIGINT and SIGTERM end it with exit code 130 unless a command handles them itself."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _end)
    from search.cli.app import main as run_command

    run_command()


def _end(_signal: int, _frame: FrameType | None) -> None:
    os._exit(130)


if __name__ == "__main__":
    main()
