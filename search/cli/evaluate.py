"""The command evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import STORAGE, AsJson, DataRoot, Grey, ImageSize, Model, SkipCorrupt, Storage, Study, example
from search.defaults import DEFAULT_STORAGE
from space.errors import InputError

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
            metavar="DATASET",
            help="Evaluate on the validation images of this dataset. If omitted, of the one that the model was trained "
            "on.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    image_size: ImageSize = None,
    grey: Grey = False,
    skip_corrupt: SkipCorrupt = False,
    data_root: DataRoot = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Classify these images instead: a PNG, JPEG, BMP, WebP or .npy file, or a folder of them.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Refuse images that are not as the model's data are, rather than fit their size, colour and polarity.",
            rich_help_panel=STORAGE,
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a trained model on validation images, or classify images of your own."""
    from mnist_core.datasets.sources import parse_source
    from search.models.evaluate import print_evaluation

    given = (image_size is not None, grey, skip_corrupt)
    if dataset is None and any(given):
        raise InputError("--image-size, --grey and --skip-corrupt need --dataset, since they say how it is read")
    if images is None and strict:
        raise InputError("--strict needs --images")
    print_evaluation(
        model,
        study=study,
        storage=storage,
        dataset=None
        if dataset is None
        else parse_source(dataset, image_size=image_size, grey=grey, skip_corrupt=skip_corrupt),
        data_root=data_root,
        images=images,
        strict=strict,
        as_json=as_json,
    )
