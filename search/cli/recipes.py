"""The command recipes."""

from search.cli.options import AsJson, example

EXAMPLE = example("python -m search recipes")


def recipes(as_json: AsJson = False) -> None:
    """List the reference systems: parameters, claimed and measured accuracy, notation, and what is assumed of them."""
    from search.models.recipes import print_recipes

    print_recipes(as_json=as_json)
