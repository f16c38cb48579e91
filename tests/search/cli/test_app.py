"""The program around the commands: version, short help, completion, and the installed script."""

import sys
from importlib.metadata import entry_points, version

import pytest
import typer

from search.cli import app as program
from search.cli.app import CONSOLE_SCRIPT, app, main

GROUP = typer.main.get_command(app)


def called(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_the_version_is_the_installed_one(capsys, monkeypatch) -> None:
    assert called(["search", "--version"], capsys, monkeypatch) == (0, f"{CONSOLE_SCRIPT} {version(CONSOLE_SCRIPT)}\n")


@pytest.mark.parametrize("command", [None, *GROUP.commands], ids=str)
def test_help_is_short_too_groups_options_and_gives_an_example(command, capsys, monkeypatch) -> None:
    arguments = [] if command is None else [command]
    (code, short), (_, long) = (called(["search", *arguments, flag], capsys, monkeypatch) for flag in ("-h", "--help"))
    assert (code, short) == (0, long)
    assert f"python -m search {command or 'run'}" in short.partition("Example")[2]
    assert "<bool>" not in short
    if command not in (None, "space", "recipes", "check", "dashboard"):
        assert any(panel in short for panel in ("Budget and space", "Training", "Data and storage", "Output"))


def test_the_console_script_calls_the_same_program(capsys, monkeypatch) -> None:
    (script,) = entry_points(group="console_scripts", name=CONSOLE_SCRIPT)
    assert script.load() is program.main
    _, shown = called([f"/some/bin/{CONSOLE_SCRIPT}", "run", "-h"], capsys, monkeypatch)
    assert f"Usage: {CONSOLE_SCRIPT} run" in shown


def test_completion_can_be_installed() -> None:
    options = {option for parameter in GROUP.params for option in parameter.opts}
    assert {"--install-completion", "--show-completion", "--version"} <= options
