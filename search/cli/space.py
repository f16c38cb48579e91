"""The command space."""

from search.cli.options import SpaceFile, example

EXAMPLE = example("python -m search space > my.toml")


def space(space: SpaceFile = None) -> None:
    """Print the ranges that candidates are sampled from, as TOML that --space takes."""
    from space.search_space import SearchSpace

    shown = SearchSpace.default() if space is None else SearchSpace.from_file(space)
    print(shown.to_toml(), end="")
