import pytest

from search.confirmation.progress import ConfirmProgress

ENDED = "interrupted: the same command continues with what was not finished\n"


def test_each_training_is_a_line_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with ConfirmProgress(quiet=False) as progress:
        progress.line("stage 1: which of 6 contenders are on the front")
        progress.begin("stage 1", 8, 12)
        progress.trained("trial 3     98.50 %    0:07", 9, 12, 3_725.0)
        progress.trained("trial 12    97.00 %    0:06", 12, 12, 0.0)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "stage 1: which of 6 contenders are on the front",
        " 9/12  trial 3     98.50 %    0:07, about 1:02:05 left",
        "12/12  trial 12    97.00 %    0:06",
    ]


@pytest.mark.parametrize("quiet", [False, True])
def test_an_interruption_is_told_even_where_all_else_is_quiet(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), ConfirmProgress(quiet=quiet) as progress:
        progress.line("stage 1")
        progress.begin("stage 1", 0, 2)
        progress.trained("trial 3", 1, 2, 1.0)
        raise KeyboardInterrupt
    printed = capsys.readouterr()
    assert (printed.out, printed.err.endswith(ENDED)) == ("", True)
    assert (printed.err == ENDED) == quiet


def test_another_error_is_no_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="wrong"), ConfirmProgress(quiet=False):
        raise ValueError("wrong")
    assert capsys.readouterr().err == ""
