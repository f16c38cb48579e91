"""The command front."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import OUTPUT, AsJson, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search front", "python -m search front --confirmed --csv front.csv")


def front(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    confirmed: Annotated[
        bool,
        typer.Option(
            "--confirmed",
            help="Show the front as it was confirmed, with test accuracies.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a CSV file instead.", rich_help_panel=OUTPUT)
    ] = None,
) -> None:
    """Show the Pareto front: the trials that no other beats with at most as many parameters."""
    from search.models.selection import require_confirmed_front
    from search.reports.fronts import print_confirmed_front, print_front, write_front_csv
    from studies.records import read_front
    from studies.storage import Store

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    if csv is not None:
        write_front_csv(require_confirmed_front(store, name) if confirmed else read_front(store.database, name), csv)
    elif confirmed:
        print_confirmed_front(require_confirmed_front(store, name), as_json=as_json)
    else:
        print_front(read_front(store.database, name), as_json=as_json)
