"""--help of the program and of every command: complete and quick."""

import subprocess
import sys

import pytest
import typer

from search.cli.app import app

COMMANDS = sorted(typer.main.get_command(app).commands)
SLOW_IMPORTS = {"torch", "optuna", "pandas", "sqlalchemy", "scipy", "sklearn", "onnx", "numpy"}


EVERY_HELP = """
import sys
from search.cli.app import main

for arguments in ([], *([command] for command in sys.argv[1:])):
    sys.argv = ["search", *arguments, "--help"]
    try:
        main()
    except SystemExit:
        pass
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_help_is_complete(search_here, command: str | None) -> None:
    arguments = ["--help"] if command is None else [command, "--help"]
    result = search_here(*arguments, COLUMNS="200", NO_COLOR="1")
    assert (result.returncode, result.stderr) == (0, "")
    if command is None:
        assert "Usage: python -m search [OPTIONS] COMMAND" in result.stdout
        assert all(f" {name} " in result.stdout for name in COMMANDS)
    else:
        assert f"Usage: python -m search {command} " in result.stdout
        for parameter in typer.main.get_command(app).commands[command].params:
            assert all(f" {option} " in result.stdout for option in parameter.opts if option.startswith("--"))
            assert parameter.help, f"{command} does not say what {parameter.opts[0]} is"
            assert parameter.help.split()[0] in result.stdout
    assert list(search_here.folder.iterdir()) == []


def test_no_help_imports_anything_slow(search) -> None:
    result = subprocess.run(
        [sys.executable, "-c", EVERY_HELP, *COMMANDS],
        cwd=search.folder,
        env=search.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert all(f"Usage: python -m search {command} " in result.stdout for command in ("[OPTIONS]", *COMMANDS))
    imported = {module.partition(".")[0] for module in result.stderr.split()}
    assert "typer" in imported
    assert imported & SLOW_IMPORTS == set()


def test_no_command_at_all_shows_the_help(search) -> None:
    result = search()
    assert result.returncode == 2
    assert "Usage: python -m search [OPTIONS] COMMAND" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
