import io
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from search.terminal.bar import LinesAboveBar

COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))


def use(bar: LinesAboveBar) -> None:
    """All that a command does with one."""
    bar.line("first")
    bar.update(1, total=4, description="stage 1", left="")
    bar.start()
    bar.update(2)
    bar.line("second")
    bar.update(3, left=", about 0:10 left")
    bar.stop()


def test_lines_alone_are_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    use(LinesAboveBar(*COLUMNS, quiet=False))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "first\nsecond\n")


def test_a_line_is_shown_as_it_is_and_stays_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = f"[bold]a net[/bold] :smile: {' '.join(['48s:brd0.05'] * 30)} 1/2"
    LinesAboveBar(*COLUMNS, quiet=False).line(text)
    assert capsys.readouterr().err == f"{text}\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_shows_nothing(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    use(LinesAboveBar(*COLUMNS, quiet=True))
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_on_a_terminal_a_bar_stays_below_the_lines_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()

    def terminal(**_: Any) -> Console:
        return Console(file=output, force_terminal=True, width=80, color_system=None)

    monkeypatch.setattr("search.terminal.bar.Console", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    use(LinesAboveBar(*COLUMNS, quiet=False))
    shown = output.getvalue()
    # What is set stays until it is set again: the word before the bar, and the number of steps in all.
    begun, _, ended = shown.partition("second\n")
    assert "first\n" in begun
    assert "stage 1" in begun
    assert "1/4" in begun
    assert "stage 1" in ended
    assert "3/4 , about 0:10 left" in ended
    # Erasing the line that it was in is the last thing that is done.
    assert shown.endswith("\x1b[2K")
