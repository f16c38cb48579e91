"""The command evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import STORAGE, AsJson, DataRoot, Model, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example(
    "python -m search evaluate 12",
    "python -m search evaluate my-model/model.safetensors --images my-digits",
)


def evaluate(
    model: Model,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Evaluate on this dataset. If omitted, on the one that the model was trained on.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    data_root: DataRoot = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Classify these images instead: a PNG, JPEG, BMP or .npy file, or a folder of them.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a trained model on validation images, or classify images of your own."""
    from search.models.evaluate import print_evaluation

    print_evaluation(
        model, study=study, storage=storage, dataset=dataset, data_root=data_root, images=images, as_json=as_json
    )
