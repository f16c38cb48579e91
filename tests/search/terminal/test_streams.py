import io
import os
import sys

import pytest

from search.terminal.streams import WatchedStream, prepare_streams


def test_what_an_encoding_lacks_is_replaced() -> None:
    output = io.BytesIO()
    watched = WatchedStream(io.TextIOWrapper(output, encoding="ascii"), has_results=True)
    assert watched.write("98.50 % ± 0.08\n") == 15
    watched.flush()
    assert output.getvalue() == b"98.50 % ? 0.08\n"


def test_all_else_is_the_streams_own() -> None:
    stream = io.StringIO()
    watched = WatchedStream(stream, has_results=True)
    print("a line", file=watched)  # type: ignore[call-overload]
    assert stream.getvalue() == "a line\n"
    assert (watched.isatty(), watched.encoding) == (False, None)
    with pytest.raises(AttributeError):
        _ = watched.unknown


def test_streams_are_prepared_once_and_one_that_was_closed_takes_what_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(sys, "stderr", None)
    num_open = len(os.listdir("/dev/fd"))
    prepare_streams()
    first = sys.stdout, sys.stderr
    prepare_streams()
    assert (sys.stdout, sys.stderr) == first
    assert len(os.listdir("/dev/fd")) == num_open + 1
    print("result")
    print("progress", file=sys.stderr, flush=True)
    assert output.getvalue() == "result\n"
    sys.stderr.close()
