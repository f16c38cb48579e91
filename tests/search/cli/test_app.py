"""The program around the commands: version, short help, completion, and the installed script."""

import os
import shlex
import signal
import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest
import typer

import search.__main__
from search.cli.app import CONSOLE_SCRIPT, _fail, app, main
from search.terminal.streams import WatchedStream
from space.errors import MAX_ECHO

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
    assert script.load() is search.__main__.main
    _, shown = called([f"/some/bin/{CONSOLE_SCRIPT}", "run", "-h"], capsys, monkeypatch)
    assert f"Usage: {CONSOLE_SCRIPT} run" in shown


def test_completion_can_be_installed() -> None:
    options = {option for parameter in GROUP.params for option in parameter.opts}
    assert {"--install-completion", "--show-completion", "--version"} <= options


# Whatever the terminal is


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_every_encoding_is_written_to(encoding: str, search) -> None:
    result = search("recipes", PYTHONIOENCODING=encoding)
    assert (result.returncode, result.stderr) == (0, "")
    assert "000-step3" in result.stdout
    assert ("±" in result.stdout) == (encoding == "utf-8")


@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_end_no_command(closed: str, search) -> None:
    line = shlex.join(search.line("count", "8s:br gap fc10+"))
    result = subprocess.run(
        ["sh", "-c", f"{line} {closed}"], cwd=search.folder, env=search.environment, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert (b"8s:br" in result.stdout) == (">&-" not in closed.replace("2>&-", ""))


def test_a_reader_that_leaves_is_no_error(search) -> None:
    line = shlex.join(search.line("recipes"))
    script = f"{{ {line}; echo $? >code; }} | head -1"
    result = subprocess.run(["sh", "-c", script], cwd=search.folder, env=search.environment, capture_output=True)
    assert result.stderr == b""
    assert (search.folder / "code").read_text() == "0\n"


@pytest.mark.parametrize("has_results", [True, False])
def test_output_without_a_reader_goes_nowhere(has_results: bool) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as stream:
        quiet = WatchedStream(stream, has_results=has_results)
        for _ in range(3):
            assert quiet.write("line\n") == 5
            quiet.flush()
        assert quiet.fileno() == writer


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_results_that_find_no_room_are_an_error(search) -> None:
    line = shlex.join(search.line("check", "8s:br gap fc10+", "--max-params", 8_000))
    result = subprocess.run(
        ["sh", "-c", f"{line} >/dev/full"], cwd=search.folder, env=search.environment, capture_output=True, check=False
    )
    told = b"error: the results can't be written: No space left on device\n"
    assert (result.returncode, result.stderr) == (1, told)


def test_a_broken_rule_is_told_without_a_reader_too(search) -> None:
    line = shlex.join(search.line("check", "8s:br gap fc10+", "--max-params", 10))
    script = f"{{ {line}; echo $? >code; }} | true"
    subprocess.run(["sh", "-c", script], cwd=search.folder, env=search.environment, check=True)
    assert (search.folder / "code").read_text() == "1\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_is_imported_ends_it_quietly(number: signal.Signals, search) -> None:
    # What a command imports first is made to wait for the signal.
    (search.folder / "typer.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        search.line("count", "8s gap"),
        cwd=search.folder,
        env=search.environment | {"PYTHONPATH": f"{search.folder}:{search.environment['PYTHONPATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")


# What errors repeat


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--budget", "9" * 400],
        ["run", "--budget=" + "x" * 5_000],
        ["count", "8s:br " * 2_000],
        ["check", "x" * 3_000, "--max-params", "1"],
        ["front", "--storage", "sqlite:///" + "y" * 3_000],
        ["status", "--study", "ä" * 2_000, "--storage", "sqlite:///none.db"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_errors_repeat_little_of_what_was_given(arguments: list[str], search_here) -> None:
    refused = search_here(*arguments)
    assert refused.returncode == 2
    assert len(refused.stderr) < 200 + 400
    assert not any(text in refused.stderr for text in ("9" * 201, "x" * 201, "y" * 201, "ä" * 201, "8s:br " * 60))


def test_no_command_shows_the_help_and_no_error(search_here) -> None:
    shown = search_here()
    assert "Usage: python -m search" in shown.stdout + shown.stderr
    assert "error" not in shown.stderr


def test_a_password_of_any_length_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Long words are shortened only after that, since half an address is not known as one."""
    token = "t" * 3 * MAX_ECHO
    assert _fail(f"the server of postgresql://me:{token}@host/db is away", 1) == 1
    assert capsys.readouterr().err == "error: the server of postgresql://me:***@host/db is away\n"
