"""The command space."""

from typing import Annotated

import typer

from search.cli.options import SEARCH, STORAGE, DataRoot, SpaceFile, example

EXAMPLE = example("python -m search space > my.toml", "python -m search space --dataset digits --budget 20000")


def space(
    space: SpaceFile = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="Fit the ranges to the size and the classes of these images.",
            rich_help_panel=STORAGE,
        ),
    ] = None,
    data_root: DataRoot = None,
    budget: Annotated[
        int,
        typer.Option(metavar="N", help="With --dataset: fit the widths to this budget.", rich_help_panel=SEARCH),
    ] = 8_000,
) -> None:
    """Print the ranges that candidates are sampled from, as TOML that --space takes."""
    from space.search_space import SearchSpace

    shown = SearchSpace.default() if space is None else SearchSpace.from_file(space)
    if dataset is not None:
        from mnist_core.data import find_data_root, load_dataset
        from space.fitted import default_space

        data = load_dataset(dataset, find_data_root(dataset, data_root))
        if space is None:
            shown = default_space(data.input_shape, data.num_classes, budget, dataset=dataset)
        else:
            shown = shown.for_images(data.input_shape, data.num_classes)
    print(shown.to_toml(), end="")
