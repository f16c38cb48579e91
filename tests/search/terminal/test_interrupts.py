import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from search.terminal.interrupts import INTERRUPTS, deferring_interrupts, handling_interrupts, raising_interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_signals_raise_even_where_they_were_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), raising_interrupts():
            signal.raise_signal(number)
        # As it was before, whichever way it was left.
        assert signal.getsignal(number) == signal.SIG_IGN
        with raising_interrupts():
            assert signal.getsignal(number) == signal.default_int_handler
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_each_handler_of_nested_ones_gets_what_arrives_within_it() -> None:
    before = [signal.getsignal(number) for number in INTERRUPTS]
    outer: list[int] = []
    inner: list[int] = []
    with handling_interrupts(lambda number, _: outer.append(number)):
        signal.raise_signal(signal.SIGTERM)
        with handling_interrupts(lambda number, _: inner.append(number), [signal.SIGINT]):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
    assert (outer, inner) == ([signal.SIGTERM, signal.SIGTERM, signal.SIGINT], [signal.SIGINT])
    assert [signal.getsignal(number) for number in INTERRUPTS] == before


def test_another_thread_than_the_main_one_can_handle_nothing() -> None:
    def handle() -> None:
        with handling_interrupts(lambda *_: None):
            raise AssertionError

    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="only works in main thread"):
        pool.submit(handle).result()


def is_blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_ctrl_c_while_processes_start_is_heeded_when_they_have() -> None:
    assert not is_blocked()
    begun = []
    with pytest.raises(KeyboardInterrupt), deferring_interrupts():
        signal.raise_signal(signal.SIGINT)
        begun.append(is_blocked())
    assert begun == [True]
    assert not is_blocked()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_receives_waits_too(number: signal.Signals) -> None:
    """The block holds for one thread, and Python runs the handler in the main one whichever receives the signal."""
    begun, ended = [], threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        with raising_interrupts(), pytest.raises(KeyboardInterrupt), deferring_interrupts():
            signal.pthread_kill(other.ident, number)
            for _ in range(100):  # time for the handler, were it to run here
                begun.append(is_blocked())
                time.sleep(0.001)
    finally:
        ended.set()
        other.join()
    assert begun == [True] * 100
    assert not is_blocked()


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferring_interrupts():
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_while_processes_start_leaves_ctrl_c_as_it_was() -> None:
    with pytest.raises(OSError, match="no memory"), deferring_interrupts():
        raise OSError("no memory")
    assert not is_blocked()


def test_processes_that_are_started_so_begin_with_ctrl_c_blocked() -> None:
    program = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    with deferring_interrupts():
        started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert started.stdout == "True\n"
