"""Options that several commands share, grouped as `--help` shows them."""

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from space.errors import InputError

if TYPE_CHECKING:
    from space.image_kinds import ImageKind

SEARCH, TRAINING, STORAGE, OUTPUT = "Budget and space", "Training", "Data and storage", "Output"
"""Panels in which `--help` groups the options."""


def example(*lines: str) -> str:
    """Return the examples that `--help` shows below the options, separated by empty lines to prevent joining."""
    return "\n\n".join(("Examples:" if len(lines) > 1 else "Example:", *lines))


def storage_url(storage: str) -> str:
    """A plain path is an SQLite file; a URL stays as it is."""
    if "://" in storage or not storage.strip():
        return storage
    return f"sqlite:///{storage.replace('%', '%25').replace('?', '%3F')}"


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A reference system such as 000-step3, the number of a trial, a model file, or the notation of a net.",
    ),
]
Storage = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="SEARCH_STORAGE",
        callback=storage_url,
        help="Where the studies are: an SQLite file, as a path or a URL, or postgresql://USER@HOST/DATABASE.",
        rich_help_panel=STORAGE,
    ),
]
Study = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="SEARCH_STUDY",
        help="Name of the study; optional if the store holds only one.",
        rich_help_panel=STORAGE,
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder that holds MNIST/raw and the like. If omitted: SEARCH_DATA_ROOT, or else ./data or "
        "../shared/data. What is missing is downloaded into it, or into ./data.",
        rich_help_panel=STORAGE,
    ),
]
DATASET_HELP = (
    "Your own images: a folder with a folder for each class, or an .npz, CSV or IDX file. Or a name: mnist, "
    "fashion-mnist, kmnist, digits, emnist-balanced, emnist-letters, cifar10, svhn."
)
Dataset = Annotated[str, typer.Option(metavar="DATASET", help=DATASET_HELP, rich_help_panel=STORAGE)]
OfDataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="DATASET", help=DATASET_HELP, rich_help_panel=STORAGE),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Stretch your images to this size in pixels: 32, or HEIGHTxWIDTH such as 24x32.",
        rich_help_panel=STORAGE,
    ),
]
Grey = Annotated[bool, typer.Option("--grey", help="Convert your images to grey.", rich_help_panel=STORAGE)]
SkipCorrupt = Annotated[
    bool,
    typer.Option(
        "--skip-corrupt", help="Leave out image files that can't be read, and count them.", rich_help_panel=STORAGE
    ),
]
SpaceFile = Annotated[
    Path | None,
    typer.Option(
        "--space",
        metavar="FILE",
        help="TOML file with ranges that replace the default ones. If omitted, an existing study keeps its own ranges.",
        rich_help_panel=SEARCH,
    ),
]
TrainSize = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Train on this many images. If omitted, on all but the validation images.",
        rich_help_panel=TRAINING,
    ),
]
Device = Annotated[
    str,
    typer.Option(metavar="NAME", help="Where to train: auto, cpu, cuda, xpu or mps.", rich_help_panel=TRAINING),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="Training engine: native (compiled C++, CPU only), torch, or auto (native if possible).",
        rich_help_panel=TRAINING,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of processes that train. If omitted, one per core that has memory for it, or one on an "
        "accelerator.",
        rich_help_panel=TRAINING,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.", rich_help_panel=OUTPUT)]
Force = Annotated[bool, typer.Option("--force", help="Replace what an earlier call wrote.", rich_help_panel=OUTPUT)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.", rich_help_panel=OUTPUT)]
CsvFile = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        metavar="[FILE]",
        help="Write CSV instead of a table: to a new file, or without FILE to stdout.",
        rich_help_panel=OUTPUT,
    ),
]


def kind_of_dataset(
    dataset: str | None, *, image_size: str | None, grey: bool, data_root: Path | None
) -> "ImageKind | None":
    """Return the shape and number of classes of the images that ``--dataset`` names; None if it is not given."""
    if dataset is None:
        if image_size is not None or grey:
            raise InputError("--image-size and --grey need --dataset, since they say how it is read")
        return None
    from mnist_core.data import find_kind
    from mnist_core.datasets.sources import parse_source
    from search.terminal.output import say

    return find_kind(parse_source(dataset, image_size=image_size, grey=grey), data_root, tell=say)


def check_one_format(*, as_json: bool, csv: Path | None) -> None:
    """Raise `InputError` if both JSON and CSV are asked for."""
    if as_json and csv is not None:
        raise InputError("give one of --json and --csv, not both")


def with_stdout_for_csv(arguments: list[str]) -> list[str]:
    """Name stdout after each ``--csv`` without a file: the parser knows no options whose value may be omitted."""
    named = []
    for argument, following in itertools.zip_longest(arguments, arguments[1:]):
        named.append(argument)
        if argument == "--csv" and (following is None or (following.startswith("-") and following != "-")):
            named.append("-")
    return named
