"""The command front."""

from dataclasses import replace
from typing import Annotated

import typer

from search.cli.options import OUTPUT, AsJson, CsvFile, Storage, Study, check_one_format, example
from search.defaults import DEFAULT_STORAGE, METRIC_NAMES
from space.errors import InputError

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
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Plot the front in the terminal, above the table.", rich_help_panel=OUTPUT),
    ] = False,
    as_json: AsJson = False,
    csv: CsvFile = None,
) -> None:
    """Show the Pareto front: the trials that no other beats with at most as many parameters."""
    check_one_format(as_json=as_json, csv=csv)
    if plot and (as_json or csv is not None):
        raise InputError("--plot is for a table: leave out --json and --csv")
    from search.models.selection import require_confirmed_front
    from search.reports.fronts import (
        confirmed_csv,
        front_csv,
        print_confirmed_front,
        print_front,
        print_plot,
        print_unconfirmed,
    )
    from search.sampling.estimates import read_estimates
    from search.terminal.output import write_csv
    from studies.confirmations import read_confirmed_front
    from studies.fingerprints import read_metric
    from studies.records import read_front
    from studies.storage import Store

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    if confirmed:
        members = require_confirmed_front(store, name)
        if csv is not None:
            write_csv(confirmed_csv(members), csv)
        else:
            if plot:
                print_plot(
                    store, name, [replace(member.front_point, val_accuracy=member.accuracy) for member in members]
                )
            print_confirmed_front(members, as_json=as_json)
    else:
        points = read_front(store.database, name)
        estimates = read_estimates(store, name, [point.trial for point in points])
        if csv is not None:
            write_csv(front_csv(points, estimates), csv)
        else:
            confirmed_points = [] if as_json else read_confirmed_front(store.database, name)
            if plot:
                print_plot(store, name, points)
            is_balanced = read_metric(store, name) == METRIC_NAMES[1]
            print_front(points, estimates, as_json=as_json, is_balanced=is_balanced)
            print_unconfirmed(points, confirmed_points)
