"""The command run."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import (
    OUTPUT,
    SEARCH,
    STORAGE,
    TRAINING,
    AsJson,
    DataRoot,
    Dataset,
    Device,
    EngineName,
    Grey,
    ImageSize,
    Quiet,
    SkipCorrupt,
    SpaceFile,
    Storage,
    TrainSize,
    Workers,
    example,
    storage_url,
)
from search.defaults import DEFAULT_CONFIRM_SEEDS, DEFAULT_STORAGE, DEFAULT_TRIALS, MAX_EPOCHS, SAMPLER_NAMES
from space.errors import InputError

EXAMPLE = example(
    "python -m search run --budget 8000",
    "python -m search run --budget 8000 --max-ram 8k --max-macs 1M",
    "python -m search run --budget 3000 --dataset digits --trials 6 --epochs 4",
    "python -m search run --budget 8000 --dataset my-images --image-size 32",
)


def _with_url(warm_start: str | None) -> str | None:
    """The store of ``STORE#STUDY`` may be a path, as in ``--storage``."""
    store, is_study, study = (warm_start or "").partition("#")
    if not is_study or not store or Path(warm_start or "").exists():
        return warm_start
    return f"{storage_url(store)}#{study}"


def run(
    budget: Annotated[
        int,
        typer.Option(metavar="N", help="Allow nets of at most this many trainable parameters.", rich_help_panel=SEARCH),
    ],
    max_flash: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Allow nets of at most this much flash as C with integers, without the code: bytes, such as 16k.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    max_ram: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Allow nets of at most this much RAM as C with integers, without the stack: bytes, such as 8k.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    max_macs: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Allow nets of at most this many multiply-accumulates for an image, such as 1M.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Stop when the study has this many trained trials, over all calls.",
            rich_help_panel=SEARCH,
        ),
    ] = DEFAULT_TRIALS,
    space: SpaceFile = None,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Sampler: front fills the front by a model of the errors, tpe is Optuna's TPE, random learns nothing.",
            rich_help_panel=SEARCH,
        ),
    ] = SAMPLER_NAMES[0],
    warm_start: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            callback=_with_url,
            help="Start near known nets: SOURCE is a file with one notation per line, the word recipes for the "
            "reference systems, or STORE#STUDY for the front of another study.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the study.", rich_help_panel=SEARCH)] = 0,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="End this call after this time, once the running epochs are finished.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    epochs: Annotated[
        int, typer.Option(metavar="1..15", help="Train each trial for this many epochs.", rich_help_panel=TRAINING)
    ] = MAX_EPOCHS,
    pruner: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="size-aware stops trials that are far behind the front; none stops no trial.",
            rich_help_panel=TRAINING,
        ),
    ] = "size-aware",
    metric: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What to maximise: accuracy, or balanced-accuracy, the mean of the accuracies on each class.",
            rich_help_panel=TRAINING,
        ),
    ] = "accuracy",
    class_weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="balanced weighs the loss of each class by the inverse of its number of images; none does not.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    train_size: TrainSize = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    workers: Workers = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Train on a Ray cluster instead, with one worker for each of its CPUs: HOST:PORT, ray://HOST:PORT, or "
            "auto for the cluster that this machine belongs to.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm",
            help="When the study has all its trials, confirm its front, as the command confirm does.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    confirm_seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Seeds of each point that is confirmed. If omitted, as many as its confirmation began with, or 5.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="SEARCH_STUDY",
            help="The study to start or continue. If omitted, it is named after the dataset, the budget and the "
            "settings that are not the default.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: Dataset = "mnist",
    image_size: ImageSize = None,
    grey: Grey = False,
    skip_corrupt: SkipCorrupt = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also append a line for each event and each trained trial to this file.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Search for the best nets within a budget; the same command again continues where it ended."""
    from mnist_core.datasets.sources import parse_source
    from search.runs.cluster import check_ray, place_workers
    from search.runs.config import RunConfig
    from search.runs.progress import LoggedDisplay, make_display
    from search.runs.search import join_search, search_and_confirm
    from search.runs.summary import print_run
    from search.terminal.output import open_log
    from space.limits import parse_limits
    from space.search_space import SearchSpace

    planned_seeds = DEFAULT_CONFIRM_SEEDS if confirm_seeds is None else confirm_seeds
    config = RunConfig(
        budget=budget,
        limits=parse_limits(max_flash, max_ram, max_macs),
        trials=trials,
        epochs=epochs,
        timeout=timeout,
        study=study,
        storage=storage,
        dataset=parse_source(dataset, image_size=image_size, grey=grey, skip_corrupt=skip_corrupt),
        data_root=data_root,
        space=SearchSpace.default() if space is None else SearchSpace.from_file(space),
        uses_stored_space=space is None,
        class_weights=class_weights,
        sampler=sampler,
        pruner=pruner,
        metric=metric,
        seed=seed,
        device=device,
        engine=engine,
        workers=workers,
        cluster=cluster,
        train_size=train_size,
        warm_start=warm_start,
        confirm_seeds=planned_seeds if confirm else None,
    )
    if confirm_seeds is not None and not confirm:
        raise InputError("--confirm-seeds requires --confirm")
    if cluster is not None:
        check_ray()
    display = make_display(quiet=quiet)
    with nullcontext() if log is None else open_log(log) as lines:
        shown = display if lines is None else LoggedDisplay(display, lines)
        summary, confirmed = search_and_confirm(
            config,
            shown,
            confirm_seeds=confirm_seeds,
            quiet=quiet,
            place_workers=None if cluster is None else partial(place_workers, join_search),
        )
    print_run(summary, config, confirmed, as_json=as_json)
    if summary.interrupted:
        raise typer.Exit(130)
