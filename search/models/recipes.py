"""The reference systems as a table or JSON, with their claimed accuracies and those measured here."""

from dataclasses import asdict, replace
from typing import Any

from rich.table import Table

from search.terminal.numbers import format_accuracy
from search.terminal.output import print_json, print_table, say
from space.errors import InputError
from space.image_kinds import ImageKind, with_classes, with_shape
from space.measured import Measured, read_measured
from space.recipes import RECIPES, Recipe


def print_recipes(*, as_json: bool, kind: ImageKind | None = None) -> None:
    """Print all recipes; with a ``kind`` of images their nets as they are for those, without those that can't be."""
    measured = read_measured()
    recipes, left_out = _for_images(kind)
    for line in left_out:
        say(line)
    if as_json:
        print_json([_describe(recipe, measured.get(recipe.name)) for recipe in recipes])
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("parameters", "claimed", "measured"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("notation", overflow="fold")
    for recipe in recipes:
        candidate = recipe.candidate
        table.add_row(
            recipe.title,
            f"{candidate.num_params:,}",
            format_accuracy(recipe.claimed_accuracy),
            _format_measured(measured.get(recipe.name)),
            str(candidate.architecture),
        )
    print_table(table)
    of_mnist = "" if kind is None else " on MNIST"
    print(
        f"\nclaimed: test accuracy{of_mnist}, the best epoch's of most; measured: the last epoch's{of_mnist}, mean and "
        "standard deviation"
    )
    print("\nAssumed, since the system's document does not say:")
    width = max(map(len, RECIPES))
    for recipe in recipes:
        if recipe.assumed:
            print(f"{recipe.name:<{width}}  {'; '.join(recipe.assumed)}")


def _for_images(kind: ImageKind | None) -> tuple[list[Recipe], list[str]]:
    """Return the recipes with their nets for a kind of images, and a line about each that has none for them."""
    if kind is None:
        return list(RECIPES.values()), []
    recipes, left_out = [], []
    for recipe in RECIPES.values():
        try:
            architecture = with_classes(with_shape(recipe.candidate.architecture, kind), kind)
        except InputError as error:
            left_out.append(f"note: {recipe.name} is left out: {error}")
        else:
            recipes.append(replace(recipe, candidate=replace(recipe.candidate, architecture=architecture)))
    return recipes, left_out


def _format_measured(measured: Measured | None) -> str:
    if measured is None:
        return "-"
    spread = "" if measured.sd is None else f" ± {100 * measured.sd:.2f}"
    return f"{100 * measured.mean:.2f}{spread} % (n = {measured.n})"


def _describe(recipe: Recipe, measured: Measured | None) -> dict[str, Any]:
    candidate = recipe.candidate
    return {
        "name": recipe.name,
        "reconstruction": recipe.reconstruction,
        "num_params": candidate.num_params,
        "claimed_accuracy": recipe.claimed_accuracy,
        "claim": recipe.claim,
        "measured": measured and asdict(measured),
        "notation": str(candidate.architecture),
        "training": asdict(candidate.training),
        "assumed": recipe.assumed,
    }
