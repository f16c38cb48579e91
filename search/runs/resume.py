"""Which study a call goes on with, and what it takes over from it: found out before anything is written."""

from dataclasses import replace
from typing import Any

from mnist_core.data import Dataset
from search.runs.config import RunConfig
from space.search_space import SearchSpace
from studies.storage import Store, store_exists
from studies.study import fingerprint_differences, read_fingerprint


def settle(config: RunConfig, data: Dataset) -> RunConfig:
    """The call with the name and the space of its study.

    A study that exists goes on with its own space, unless the call names another, so that a new default refuses no old
    study. One that an earlier version named ``DATASET-BUDGET`` goes on under that name. Raises `InputError` for a
    budget that no net of the space is within.
    """
    store = Store.open_read_only(config.storage) if store_exists(config.storage) else None

    def stored_as(name: str) -> dict[str, Any] | None:
        return None if store is None else read_fingerprint(store, name)

    def with_space_of(fingerprint: dict[str, Any] | None) -> SearchSpace:
        keeps = config.keeps_space and fingerprint is not None and "space" in fingerprint
        return SearchSpace.from_toml(fingerprint["space"]) if keeps and fingerprint is not None else config.space

    name = config.study_name
    stored, short = stored_as(name), stored_as(config.short_study_name)
    if config.study is None and stored is None and short is not None:
        under_short_name = replace(config, space=with_space_of(short))
        if not fingerprint_differences(short, under_short_name.fingerprint(data)):
            name, stored = config.short_study_name, short
    return replace(config, study=name, space=with_space_of(stored), keeps_space=False)
