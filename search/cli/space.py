"""The command space."""

from typing import Annotated

import typer

from search.cli.options import (
    SEARCH,
    DataRoot,
    Grey,
    ImageSize,
    OfDataset,
    SpaceFile,
    example,
    kind_of_dataset,
)

EXAMPLE = example("python -m search space > my.toml", "python -m search space --dataset my-images --budget 20000")


def space(
    space: SpaceFile = None,
    dataset: OfDataset = None,
    image_size: ImageSize = None,
    grey: Grey = False,
    data_root: DataRoot = None,
    budget: Annotated[
        int,
        typer.Option(metavar="N", help="With --dataset: fit the widths to this budget.", rich_help_panel=SEARCH),
    ] = 8_000,
) -> None:
    """Print the ranges that candidates are sampled from, as TOML that --space takes."""
    from space.architecture import MAX_PARAMS
    from space.errors import InputError
    from space.search_space import SearchSpace

    if not 1 <= budget <= MAX_PARAMS:
        raise InputError(f"--budget must be from 1 to {MAX_PARAMS:,}, not {budget}")
    shown = SearchSpace.default() if space is None else SearchSpace.from_file(space)
    kind = kind_of_dataset(dataset, image_size=image_size, grey=grey, data_root=data_root)
    if kind is not None:
        from space.fitted import default_space

        if space is None:
            shown = default_space(kind.shape, kind.num_classes, budget, dataset=kind.name)
        else:
            shown = shown.for_images(kind.shape, kind.num_classes)
    print(shown.to_toml(), end="")
