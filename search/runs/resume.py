"""Finding the study that a call continues, and the settings it takes from it, before anything is written."""

from dataclasses import replace
from typing import Any

from mnist_core.data import Dataset
from mnist_core.datasets.sources import ImageSource
from search.runs.config import RunConfig
from space.search_space import SearchSpace
from studies.fingerprints import fingerprint_differences, read_fingerprint
from studies.storage import Store


def settle_if_new(config: RunConfig) -> RunConfig:
    """Return the settings; if there is no study to continue, they keep their own space.

    Raises `InputError` in that case if no net of the space is within the budget, before any data are loaded. The space
    for images of one's own is not known before.
    """
    if isinstance(config.dataset, ImageSource):
        return config
    store = Store.find(config.storage)
    names = () if store is None else store.study_names()
    if config.study_name in names or (config.study is None and config.short_study_name in names):
        return config
    return replace(config, uses_stored_space=False)


def settle(config: RunConfig, data: Dataset) -> RunConfig:
    """Return the settings with the name and the space of their study.

    An existing study keeps its own space and limits unless the call names others, so that a new default space does not
    reject it. A study that an earlier version named ``DATASET-BUDGET`` keeps that name. Raises `InputError` if no net
    of the space is within the budget.
    """
    store = Store.find(config.storage)

    def stored_as(name: str) -> dict[str, Any] | None:
        return None if store is None else read_fingerprint(store, name)

    def with_space_of(fingerprint: dict[str, Any] | None) -> SearchSpace:
        if config.uses_stored_space and fingerprint is not None and "space" in fingerprint:
            return config.weighted(SearchSpace.from_stored(fingerprint["space"]))
        return config.space

    name = config.study_name
    stored, short = stored_as(name), stored_as(config.short_study_name)
    if config.study is None and stored is None and short is not None:
        under_short_name = replace(config, space=with_space_of(short))
        if not fingerprint_differences(short, under_short_name.fingerprint(data)):
            name, stored = config.short_study_name, short
    limits = config.limits.completed_by(stored or {})
    return replace(config, study=name, space=with_space_of(stored), limits=limits, uses_stored_space=False)
