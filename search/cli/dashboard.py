"""The command dashboard."""

from typing import Annotated

import typer

from search.cli.options import Storage, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search dashboard --port 8081")


def dashboard(
    storage: Storage = DEFAULT_STORAGE,
    port: Annotated[int, typer.Option(metavar="N", help="Serve on this port of this machine.")] = 8080,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let its pages change and delete studies, trials and files.")
    ] = False,
) -> None:
    """Serve optuna-dashboard on a store, model files included, to this machine alone."""
    from search.dashboard import serve

    serve(storage, port, writable=writable)
