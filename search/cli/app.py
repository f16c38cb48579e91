"""The commands as one program: what they are called, how errors become one line, exit codes.

Whatever is slow to import is imported by the command that needs it. Results go to stdout, progress and errors to
stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from search.cli import (
    analyse,
    check,
    confirm,
    count,
    dashboard,
    evaluate,
    export,
    front,
    recipes,
    run,
    space,
    status,
    train,
)
from space.errors import SearchError

CONSOLE_SCRIPT = "small-model-search"
FIND, NETS, USE = "Search", "One net", "Use the result"
"""The panels of commands."""


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """``--json`` takes no value, and its help shall not say ``<bool>``."""
    for parameter in parameters:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    return parameters


class _Command(TyperCommand):
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
    (FIND, status.status, status.EXAMPLE),
    (FIND, front.front, front.EXAMPLE),
    (FIND, confirm.confirm, confirm.EXAMPLE),
    (FIND, dashboard.dashboard, dashboard.EXAMPLE),
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
    sys.exit(_main())


def _main() -> int:
    try:
        # Without standalone mode errors arrive here, to become one line each, and an exit code is returned.
        return int(app(prog_name=_program_name(), standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _fail(error.format_message(), error.exit_code)
    except SearchError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of stdout, such as head, has what it wanted. Python would complain at exit when it flushes.
        sys.stdout = None
        return 0
    except OSError as error:
        return _fail(str(error), 1)
    except Exception as error:
        from studies.storage import store_failure

        if failure := store_failure(error):
            return _fail(failure, 1)
        raise


def _program_name() -> str:
    """What the person typed: the console script, or the module."""
    return CONSOLE_SCRIPT if Path(sys.argv[0]).name == CONSOLE_SCRIPT else "python -m search"


def _fail(message: str, exit_code: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return exit_code
