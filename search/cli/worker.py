"""The command worker."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    SEARCH,
    STORAGE,
    DataRoot,
    Device,
    EngineName,
    Quiet,
    Storage,
    Study,
    Workers,
    example,
)
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example(
    "python -m search worker --study mnist-8000 --storage postgresql://me@db.example/studies",
    "python -m search worker --study mnist-8000 --storage studies.db --workers 1",
)


def worker(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    workers: Workers = None,
    data_root: DataRoot = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where the study's own images are on this machine, if not where they were when it was begun.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Leave after this time, once the running epochs are finished.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    quiet: Quiet = False,
) -> None:
    """Join a study and train until it has its trials; everything about it is read from the store."""
    from search.runs.joining import JoinRequest, settings_of
    from search.runs.progress import PlainDisplay, QuietDisplay
    from search.runs.search import run_search

    request = JoinRequest(
        storage=storage,
        study=study,
        data_root=data_root,
        device=device,
        engine=engine,
        workers=workers,
        quiet=quiet,
        timeout=timeout,
        images=images,
    )
    config = settings_of(request)
    summary = run_search(config, QuietDisplay() if quiet else PlainDisplay())
    print(f"{summary.study}: {summary.num_trained} of {config.trials} trials are trained")
    if summary.interrupted:
        raise typer.Exit(130)
