"""The command train."""

from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    OUTPUT,
    TRAINING,
    DataRoot,
    Dataset,
    Device,
    EngineName,
    Grey,
    ImageSize,
    Model,
    Quiet,
    SkipCorrupt,
    Storage,
    Study,
    TrainSize,
    example,
)
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example(
    "python -m search train 000-step3 --out step3",
    "python -m search train '8s:br p 12v:br gap fc10+' --out mine --set weight_decay=0 --seeds 3",
)


def train(
    model: Model,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for everything that is written; a training that is found there is continued.",
            rich_help_panel=OUTPUT,
        ),
    ],
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Number of epochs. If omitted, that of MODEL, otherwise 15.", rich_help_panel=TRAINING
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Images per step. If omitted, those of MODEL, otherwise 32.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    max_lr: Annotated[
        float | None,
        typer.Option(metavar="X", help="The highest, or constant, learning rate.", rich_help_panel=TRAINING),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set any other setting of training; may be given several times.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the first training.", rich_help_panel=TRAINING)] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Train this many times with consecutive seeds, each in a folder of its own.",
            rich_help_panel=TRAINING,
        ),
    ] = 1,
    train_size: TrainSize = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    dataset: Dataset = "mnist",
    image_size: ImageSize = None,
    grey: Grey = False,
    skip_corrupt: SkipCorrupt = False,
    data_root: DataRoot = None,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    tensorboard: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write TensorBoard logs to this folder.", rich_help_panel=OUTPUT),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train one net, as a reference system was trained or as a search would, and keep everything about it."""
    from mnist_core.datasets.sources import parse_source
    from search.training.request import TrainRequest, train_model

    train_model(
        TrainRequest(
            model=model,
            out=out,
            storage=storage,
            study=study,
            epochs=epochs,
            batch_size=batch_size,
            max_lr=max_lr,
            settings=tuple(setting or ()),
            seed=seed,
            num_seeds=seeds,
            dataset=parse_source(dataset, image_size=image_size, grey=grey, skip_corrupt=skip_corrupt),
            data_root=data_root,
            train_size=train_size,
            device=device,
            engine=engine,
            tensorboard=tensorboard,
            quiet=quiet,
        )
    )
