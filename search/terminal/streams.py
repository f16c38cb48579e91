"""Standard streams that never make a command fail, whatever their encoding, even if closed or without a reader."""

import io
import os
import sys
from typing import Any, TextIO, cast


def prepare_streams() -> None:
    """Make stdout and stderr safe to write to.

    Characters that their encoding lacks are replaced. Output to a stream that was closed before the start is discarded;
    its descriptor is reserved, since otherwise the next file opened would get it and receive the output of libraries.
    When the reader of stderr is gone, its output is discarded, so that no work is lost. When the reader of stdout is
    gone, as after ``head`` has read enough, the program ends with exit code 0.
    """
    _fill_closed_descriptors()
    if not isinstance(sys.stdout, WatchedStream):
        sys.stdout = cast(TextIO, WatchedStream(_opened(sys.stdout), ends_program=True))
    if not isinstance(sys.stderr, WatchedStream):
        sys.stderr = cast(TextIO, WatchedStream(_opened(sys.stderr), ends_program=False))


class WatchedStream:
    """A text stream that discards output once its reader is gone, and then may end the program."""

    def __init__(self, stream: TextIO, *, ends_program: bool) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        self._stream = stream
        self._ends_program = ends_program

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._go_quiet()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._go_quiet()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _go_quiet(self) -> None:
        # The descriptor itself is replaced, since Python flushes it at exit and libraries also write to it.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if self._ends_program:
            raise SystemExit(0)


def _fill_closed_descriptors() -> None:
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _opened(stream: TextIO | None) -> TextIO:
    return open(os.devnull, "w", encoding="utf-8") if stream is None else stream
