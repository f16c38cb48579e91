"""Ending on a signal: in an orderly way, or at once even within one long call."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.workers.signals import StopRequest, ending_at_once

ROOT = Path(__file__).resolve().parents[3]
BOTH = [signal.SIGINT, signal.SIGTERM]


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("second", BOTH)
def test_the_first_signal_asks_and_the_second_raises(first: signal.Signals, second: signal.Signals) -> None:
    before = handlers()
    stop = StopRequest()
    with stop.listening() as listening:
        assert listening is stop
        assert not stop.asked
        signal.raise_signal(first)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)
    assert handlers() == before
    assert stop.asked


def test_handlers_are_put_back_after_an_error_too() -> None:
    before = handlers()
    for listening in (StopRequest().listening(), ending_at_once(lambda: None)):
        with pytest.raises(ValueError, match="an error"), listening:
            assert handlers() != before
            raise ValueError("an error")
        assert handlers() == before


def test_without_a_signal_nothing_is_said_and_nothing_is_left() -> None:
    said: list[str] = []
    descriptors = sorted(os.listdir("/dev/fd"))
    with ending_at_once(lambda: said.append("interrupted")):
        # Another signal than the two is not its business.
        before = signal.signal(signal.SIGUSR1, lambda *_: said.append("other"))
        signal.raise_signal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, before)
    assert said == ["other"]
    assert sorted(os.listdir("/dev/fd")) == descriptors
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    assert descriptor == -1


# A call of some minutes in which Python runs no handler, as an epoch of the native trainer is.
LONG_CALL = """
import hashlib
from search.workers.signals import ending_at_once

def say():
    print("interrupted")
    {after}

with ending_at_once(say):
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""


@pytest.mark.parametrize("after", ["pass", "raise OSError('the disk is full')"])
@pytest.mark.parametrize("number", BOTH)
def test_a_signal_ends_a_process_in_the_middle_of_a_long_call(number: signal.Signals, after: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_CALL.format(after=after)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("interrupted\n", None)
        assert process.returncode == 130
    finally:
        process.kill()
        process.wait()
