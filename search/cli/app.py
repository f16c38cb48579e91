"""The command-line program: its commands, one-line error messages and exit codes.

Modules that are slow to import are imported only by the commands that need them. Results go to stdout, progress and
errors to stderr. Exit codes: 0 success, 1 failure, 2 wrong usage or input, 130 interrupted.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from search.cli import (
    analyse,
    audit,
    check,
    confirm,
    count,
    curves,
    dashboard,
    evaluate,
    export,
    front,
    recipes,
    report,
    run,
    space,
    status,
    studies,
    train,
    trials,
    worker,
)
from search.cli.options import with_stdout_for_csv
from search.terminal.streams import prepare_streams
from space.errors import MAX_ECHO, SearchError, without_password

CONSOLE_SCRIPT = "small-model-search"
FIND, NETS, USE = "Search", "One net", "Use the result"
"""Panels in which `--help` groups the commands."""


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """Remove ``<bool>`` from the help of flags such as ``--json``, which take no value."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_stdout_for_csv(args))

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


app = typer.Typer(
    cls=_Group,
    help="Find the best tiny neural network under a parameter budget.",
    epilog="Example: python -m search run --budget 8000",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: tuple[tuple[str, Callable[..., None], str], ...] = (
    (FIND, run.run, run.EXAMPLE),
    (FIND, worker.worker, worker.EXAMPLE),
    (FIND, status.status, status.EXAMPLE),
    (FIND, front.front, front.EXAMPLE),
    (FIND, trials.trials, trials.EXAMPLE),
    (FIND, curves.curves, curves.EXAMPLE),
    (FIND, studies.studies, studies.EXAMPLE),
    (FIND, confirm.confirm, confirm.EXAMPLE),
    (FIND, audit.audit, audit.EXAMPLE),
    (FIND, dashboard.dashboard, dashboard.EXAMPLE),
    (FIND, report.report, report.EXAMPLE),
    (FIND, space.space, space.EXAMPLE),
    (NETS, count.count, count.EXAMPLE),
    (NETS, check.check, check.EXAMPLE),
    (NETS, train.train, train.EXAMPLE),
    (NETS, recipes.recipes, recipes.EXAMPLE),
    (USE, export.export, export.EXAMPLE),
    (USE, evaluate.evaluate, evaluate.EXAMPLE),
    (USE, analyse.analyse, analyse.EXAMPLE),
)
for panel, command, text in COMMANDS:
    app.command(cls=_Command, rich_help_panel=panel, epilog=text)(command)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"{CONSOLE_SCRIPT} {version(CONSOLE_SCRIPT)}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    prepare_streams()
    sys.exit(_flushed(_main()))


def _main() -> int:
    try:
        # Without standalone mode, errors are raised here, to be printed as one line, and the exit code is returned.
        return int(app(prog_name=_program_name(), standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except SearchError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except OSError as error:
        return _fail(str(error), 1)
    except Exception as error:
        from studies.failures import store_failure

        if failure := store_failure(error):
            return _fail(failure, 1)
        raise


def _flushed(exit_code: int) -> int:
    """Write what has been printed; returns the exit code, which is another one if that fails."""
    try:
        sys.stdout.flush()
    except SearchError as error:
        return _fail(str(error), error.exit_code)
    return exit_code


def _program_name() -> str:
    """Return the program name as the user typed it: the console script or the module."""
    return CONSOLE_SCRIPT if Path(sys.argv[0]).name == CONSOLE_SCRIPT else "python -m search"


def _fail(message: str, exit_code: int) -> int:
    """Print an error as one line, or nothing if the help was printed instead; returns the exit code."""
    if line := _without_long_echoes(without_password(" ".join(message.split()))):
        print(f"error: {line}", file=sys.stderr)
    return exit_code


def _without_long_echoes(message: str) -> str:
    """Shorten values from the command line and the environment, and long words from files, to `MAX_ECHO` characters."""
    given = [*sys.argv[1:], *(value for name, value in os.environ.items() if name.startswith("SEARCH_"))]
    values = [part for text in given for part in (text, text.partition("=")[2])]
    for value in sorted(values, key=len, reverse=True):
        for text in (value, repr(value)[1:-1], " ".join(value.split())):
            if len(text) > MAX_ECHO:
                message = message.replace(text, f"{text[:MAX_ECHO]}...")
    return re.sub(rf"(\S{{{MAX_ECHO}}})\S{{4,}}", r"\1...", message)
