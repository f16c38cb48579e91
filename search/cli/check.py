"""The command check."""

from typing import Annotated

import typer

from search.cli.options import (
    AsJson,
    DataRoot,
    Grey,
    ImageSize,
    Model,
    OfDataset,
    Storage,
    Study,
    example,
    kind_of_dataset,
)
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search check my-model/model.safetensors --max-params 8000 --require batchnorm,gap")


def check(
    model: Model,
    max_params: Annotated[int | None, typer.Option(metavar="N", help="Require at most this many parameters.")] = None,
    require: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Require these parts, separated by commas: batchnorm, dropout, gap."),
    ] = None,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: OfDataset = None,
    image_size: ImageSize = None,
    grey: Grey = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Check a net against rules; the exit code is 1 if it breaks one, so that a build can fail."""
    from search.models.check import print_check

    if not print_check(
        model,
        storage=storage,
        study=study,
        max_params=max_params,
        require=require,
        kind=kind_of_dataset(dataset, image_size=image_size, grey=grey, data_root=data_root),
        as_json=as_json,
    ):
        raise typer.Exit(1)
