"""Standard streams that make no command fail for want of a reader, an encoding or a stream: results may be unread."""

import io
import os
import sys
from typing import Any, TextIO, cast

from space.errors import SearchFailedError


def prepare_streams() -> None:
    """Make stdout and stderr safe to write to.

    Characters that their encoding lacks are replaced. Output to a stream that was closed before the start is discarded;
    its descriptor is reserved, since otherwise the next file opened would get it and receive the output of libraries.
    Output without a reader is discarded, as after ``head`` has read enough: no work is lost, and the exit code is what
    it would be. Where results, which go to stdout, can't be written for another reason, such as a full disk,
    `SearchFailedError` is raised.
    """
    _fill_closed_descriptors()
    if not isinstance(sys.stdout, WatchedStream):
        sys.stdout = cast(TextIO, WatchedStream(_opened(sys.stdout), has_results=True))
    if not isinstance(sys.stderr, WatchedStream):
        sys.stderr = cast(TextIO, WatchedStream(_opened(sys.stderr), has_results=False))


class WatchedStream:
    """A text stream that discards output without a reader, and stops at results that find no room."""

    def __init__(self, stream: TextIO, *, has_results: bool) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        self._stream = stream
        self._has_results = has_results

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._go_quiet(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._go_quiet(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _go_quiet(self, error: OSError) -> None:
        # The descriptor itself is replaced, since Python flushes it at exit and libraries also write to it.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if self._has_results and not isinstance(error, BrokenPipeError):
            raise SearchFailedError(f"the results can't be written: {error.strerror or error}") from None


def _fill_closed_descriptors() -> None:
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _opened(stream: TextIO | None) -> TextIO:
    return open(os.devnull, "w", encoding="utf-8") if stream is None else stream
