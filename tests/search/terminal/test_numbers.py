import pytest

from search.terminal.numbers import counted, format_accuracy, format_kib, format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (0.4, "0:00"),
        (9, "0:09"),
        (59.4, "0:59"),
        (59.6, "1:00"),
        (61, "1:01"),
        (3_599.6, "1:00:00"),
        (3_661, "1:01:01"),
        (360_000, "100:00:00"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("accuracy", "text"), [(0.0, "0.00 %"), (0.98765, "98.77 %"), (0.9943, "99.43 %"), (1.0, "100.00 %")]
)
def test_accuracies(accuracy: float, text: str) -> None:
    assert format_accuracy(accuracy) == text


@pytest.mark.parametrize(
    ("num_bytes", "text"), [(0, "0.0 KiB"), (51, "0.0 KiB"), (52, "0.1 KiB"), (1_024, "1.0 KiB"), (10**6, "976.6 KiB")]
)
def test_sizes(num_bytes: int, text: str) -> None:
    assert format_kib(num_bytes) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 trials"), (1, "1 trial"), (2, "2 trials"), (1_200, "1,200 trials")]
)
def test_numbers_of_things(number: int, text: str) -> None:
    assert counted(number, "trial") == text
