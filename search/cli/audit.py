"""The command audit."""

from typing import Annotated

import typer

from search.cli.options import TRAINING, AsJson, DataRoot, Device, EngineName, Quiet, Storage, Study, Workers, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search audit --sample 10")


def audit(
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    data_root: DataRoot = None,
    sample: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Number of pruned trials, drawn at random, that are trained to the end.",
            rich_help_panel=TRAINING,
        ),
    ] = 10,
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="Seed with which they are drawn.", rich_help_panel=TRAINING),
    ] = 0,
    device: Device = "auto",
    engine: EngineName = "auto",
    workers: Workers = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what pruning cost: train a random sample of the pruned trials to the end. The study stays as it is."""
    from search.confirmation.audit import AuditRequest, audit_pruning
    from search.reports.audits import print_audit

    request = AuditRequest(
        storage=storage,
        study=study,
        sample=sample,
        seed=seed,
        data_root=data_root,
        device=device,
        engine=engine,
        workers=workers,
        quiet=quiet,
    )
    print_audit(audit_pruning(request), as_json=as_json)
