"""The command export."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import OUTPUT, DataRoot, Force, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example(
    "python -m search export --max-params 5000 --out my-model",
    "python -m search export --max-ram 4k --format c-int8 --out firmware",
    "python -m search export --trial 12 --out best.onnx",
    "python -m search export --min-accuracy 0.99 --out sure",
)
SELECTION = "Which trial"


def export(
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="Folder to create, or a file: one that ends in .safetensors, .onnx or .pt2, or any with --format "
            "(for C, a folder).",
            rich_help_panel=OUTPUT,
        ),
    ],
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="Export this trial.", rich_help_panel=SELECTION)
    ] = None,
    max_params: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Export the most accurate point of the front within this many parameters.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    max_flash: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Export the most accurate point of the front within this much flash as C with integers, such as 16k.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    max_ram: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Export the most accurate point of the front within this much RAM as C with integers, such as 8k.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    max_macs: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Export the most accurate point of the front within this many MACs for an image, such as 1M.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Export the smallest point of the front that reaches this accuracy, such as 0.99.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            help="Required confidence on a confirmed front. If omitted, 0.95.",
            rich_help_panel=SELECTION,
        ),
    ] = None,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    data_root: DataRoot = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Write one format: safetensors, onnx, onnx-int8, pt2, c or c-int8.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a trained model to files, by default the one that is expected to be the most accurate."""
    from search.export.export import export_model
    from search.models.selection import select_trial
    from search.terminal.output import say
    from space.limits import parse_limits
    from studies.storage import Store

    limits = parse_limits(max_flash, max_ram, max_macs)
    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    selection = select_trial(
        store,
        name,
        trial=trial,
        max_params=max_params,
        limits=limits,
        min_accuracy=min_accuracy,
        confidence=confidence,
    )
    if selection.remark is not None:
        say(selection.remark)
    for line in export_model(
        store, name, selection.trial, out, file_format=file_format, force=force, data_root=data_root
    ):
        print(line)
