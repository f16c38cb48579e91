"""--help of the program and of every command: there, quick, and complete."""

import subprocess
import sys

import pytest
import typer

from search.cli.app import app

COMMANDS = sorted(typer.main.get_command(app).commands)
SLOW_IMPORTS = {"torch", "optuna", "pandas", "sqlalchemy", "scipy", "sklearn", "onnx", "numpy"}


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_help_is_complete_and_imports_nothing_slow(search, command: str | None) -> None:
    arguments = ["--help"] if command is None else [command, "--help"]
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "search", *arguments],
        cwd=search.folder,
        env=search.environment | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # Each line of importtime ends in a module: "import time:   120 |   130 |   numpy.linalg".
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "typer" in imported
    assert imported & SLOW_IMPORTS == set()
    if command is None:
        assert "Usage: python -m search [OPTIONS] COMMAND" in result.stdout
        assert all(f" {name} " in result.stdout for name in COMMANDS)
    else:
        assert f"Usage: python -m search {command} " in result.stdout
        for parameter in typer.main.get_command(app).commands[command].params:
            assert all(f" {option} " in result.stdout for option in parameter.opts if option.startswith("--"))
            assert parameter.help, f"{command} does not say what {parameter.opts[0]} is"
            assert parameter.help.split()[0] in result.stdout
    assert list(search.folder.iterdir()) == []


def test_no_command_at_all_shows_the_help(search) -> None:
    result = search()
    assert result.returncode == 2
    assert "Usage: python -m search [OPTIONS] COMMAND" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
