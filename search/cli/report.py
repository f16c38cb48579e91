"""The command report."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import OUTPUT, Force, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example(
    "python -m search report --out report.html",
    "python -m search report --out report.html --target 0.994 --max-params 8000",
)


def report(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.", rich_help_panel=OUTPUT)],
    target: Annotated[
        float | None,
        typer.Option(metavar="ACCURACY", help="Say whether a net reaches this accuracy, a fraction such as 0.994."),
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(metavar="N", help="Consider nets of at most this many parameters. If omitted, of the budget."),
    ] = None,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    force: Force = False,
) -> None:
    """Write a report on a study as one HTML page that needs nothing else."""
    from search.study_report.report import write_report

    for line in write_report(out, study=study, storage=storage, target=target, max_params=max_params, force=force):
        print(line)
