"""The command dashboard."""

from typing import Annotated

import typer

from search.cli.options import Storage, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search dashboard --port 8081")


def dashboard(
    storage: Storage = DEFAULT_STORAGE,
    port: Annotated[int, typer.Option(metavar="N", help="Serve on this port.")] = 8080,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Serve on this address of this machine; others can reach it only with --token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="SEARCH_DASHBOARD_TOKEN",
            help="Answer only requests that have this secret of at least 16 characters.",
        ),
    ] = None,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let its pages change and delete studies, trials and files.")
    ] = False,
) -> None:
    """Serve the page of each study of a store, which follows a running search, and optuna-dashboard beside it."""
    from search.dashboard.guard import Rules

    rules = Rules(port=port, host=host, token=token, writable=writable)
    from search.dashboard.server import serve

    serve(storage, rules, tell=lambda line: print(line, flush=True))
