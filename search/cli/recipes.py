"""The command recipes."""

from search.cli.options import AsJson, DataRoot, Grey, ImageSize, OfDataset, example, kind_of_dataset

EXAMPLE = example("python -m search recipes", "python -m search recipes --dataset my-images")


def recipes(
    dataset: OfDataset = None,
    image_size: ImageSize = None,
    grey: Grey = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """List the reference systems: parameters, claimed and measured accuracy, notation, and what is assumed of them."""
    from search.models.recipes import print_recipes

    kind = kind_of_dataset(dataset, image_size=image_size, grey=grey, data_root=data_root)
    print_recipes(kind=kind, as_json=as_json)
