"""The command count."""

from search.cli.options import AsJson, Model, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search count '8s:br p 12v:br gap fc10+'", "python -m search count 12")


def count(model: Model, study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """Show the layers of a net: shapes, parameters, receptive fields, multiply-accumulates and memory."""
    from search.models.layers import print_layers
    from search.models.names import find_architecture

    print_layers(find_architecture(model, storage=storage, study=study), as_json=as_json)
