"""Creating the two studies of a search and its row, and deleting all that belongs to a search."""

import warnings
from contextlib import suppress
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from sqlalchemy import delete, insert

from space.errors import InputError
from studies.fingerprints import read_fingerprint
from studies.names import CURVES_SUFFIX, copied_names, copied_study, gone_names
from studies.storage import DIRECTIONS, Store
from studies.tables import metadata, searches, test_openings

METRIC_NAMES = ["val_accuracy", "num_params"]


def open_curves(store: Store, name: str) -> Study:
    """Open the study of the learning curves, or create it if it was deleted: `repair` fills it again."""
    try:
        curves = store.load_curves(name)
    except KeyError:
        curves = optuna.create_study(
            storage=store.storage, study_name=name + CURVES_SUFFIX, directions=DIRECTIONS[:1], load_if_exists=True
        )
    if "fingerprint" not in curves.user_attrs:
        _describe(curves, read_fingerprint(store, name))
    return curves


def discard(store: Store, name: str) -> None:
    """Delete a study, or what one that is gone has left, except for the record of its openings of the test set."""
    for study_name in (name, name + CURVES_SUFFIX):
        with suppress(KeyError):
            optuna.delete_study(study_name=study_name, storage=store.storage)
    with store.database.begin() as connection:
        for table in metadata.sorted_tables[::-1]:
            if "study_name" in table.c and table is not test_openings:
                connection.execute(delete(table).where(table.c.study_name == name))


def create(store: Store, name: str, fingerprint: dict[str, Any]) -> None:
    """Create a search that is not there. Raises `InputError` if another program has a study of its name."""
    if name in gone_names(store.database):
        discard(store, name)
    if name in copied_names(store.database) and store.load_study(name).get_trials(deepcopy=False):
        raise copied_study(store.database, store.url, name)
    for study_name, num_objectives in ((name, 2), (name + CURVES_SUFFIX, 1)):
        study = optuna.create_study(
            storage=store.storage, study_name=study_name, directions=DIRECTIONS[:num_objectives], load_if_exists=True
        )
        if study.directions != DIRECTIONS[:num_objectives] or study.get_trials(deepcopy=False):
            raise InputError(f"{store.url} holds a study {study_name!r} of another program: name another with --study")
        _describe(study, fingerprint)
    # This comes last, since a search counts as created once this row exists.
    with store.database.begin() as connection:
        connection.execute(insert(searches).values(study_name=name, fingerprint=fingerprint))


def _describe(study: Study, fingerprint: dict[str, Any] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(METRIC_NAMES[: len(study.directions)])
    study.set_user_attr("fingerprint", fingerprint)
