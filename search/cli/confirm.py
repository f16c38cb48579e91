"""The command confirm."""

from typing import Annotated

import typer

from search.cli.options import (
    TRAINING,
    AsJson,
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

EXAMPLE = example("python -m search confirm --top 40")


def confirm(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    data_root: DataRoot = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seeds per member, and the most per contender. If omitted, the number that the confirmation was "
            "started with, otherwise 5.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Keep at most this many contenders. If omitted, as many as the confirmation was started with, "
            "otherwise 20.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew",
            help="Choose contenders again, reusing finished trainings.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    device: Device = "auto",
    engine: EngineName = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure how good a front really is: train it again with fresh seeds, then open the sealed test set once."""
    from search.confirmation.confirm import ConfirmRequest, confirm_front
    from search.confirmation.optimism import describe_optimism
    from search.reports.fronts import print_confirmed_front
    from studies.storage import Store

    request = ConfirmRequest(
        storage=storage,
        study=study,
        num_seeds=seeds,
        top=top,
        anew=anew,
        data_root=data_root,
        device=device,
        engine=engine,
        workers=workers,
        quiet=quiet,
    )
    print_confirmed_front(confirm_front(request), as_json=as_json)
    store = Store.open_read_only(storage)
    if not as_json and (line := describe_optimism(store, store.resolve_study_name(study))) is not None:
        print(line)
