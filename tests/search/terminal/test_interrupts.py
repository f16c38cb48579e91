import signal

import pytest

from search.terminal.interrupts import raising_interrupts


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
