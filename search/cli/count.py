"""The command count."""

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

EXAMPLE = example("python -m search count '8s:br p 12v:br gap fc10+'", "python -m search count 12")


def count(
    model: Model,
    study: Study = None,
    storage: Storage = DEFAULT_STORAGE,
    dataset: OfDataset = None,
    image_size: ImageSize = None,
    grey: Grey = False,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Show the layers of a net: shapes, parameters, receptive fields, multiply-accumulates and memory."""
    from search.models.layers import print_layers
    from search.models.names import find_architecture

    kind = kind_of_dataset(dataset, image_size=image_size, grey=grey, data_root=data_root)
    print_layers(find_architecture(model, storage=storage, study=study, kind=kind), as_json=as_json)
