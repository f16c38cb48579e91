"""The command analyse."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import OUTPUT, DataRoot, Force, Model, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search analyse 12 --out report")


def analyse(
    model: Model,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to create.", rich_help_panel=OUTPUT)],
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    data_root: DataRoot = None,
    force: Force = False,
) -> None:
    """Write a report on a trained model as one HTML page, with its pictures and tables; a recipe is trained first."""
    from search.analysis.analyse import write_analysis

    for line in write_analysis(model, out, study=study, storage=storage, data_root=data_root, force=force):
        print(line)
