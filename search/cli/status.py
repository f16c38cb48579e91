"""The command status."""

from search.cli.options import AsJson, Storage, Study, example
from search.defaults import DEFAULT_STORAGE

EXAMPLE = example("python -m search status --study mnist-8000")


def status(study: Study = None, storage: Storage = DEFAULT_STORAGE, as_json: AsJson = False) -> None:
    """Show how far a study is: its trials by outcome, the best of them, and the time they took."""
    from search.reports.status import print_status
    from studies.storage import Store

    store = Store.open_read_only(storage)
    print_status(store, store.resolve_study_name(study), as_json=as_json)
