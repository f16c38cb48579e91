"""The names of the studies in a store: those of searches, those that are gone, and copies that other programs made."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.engine import Engine

from space.errors import DamagedStoreError, InputError
from studies.tables import optuna_studies, optuna_study_attributes, searches

CURVES_SUFFIX = ".curves"


def search_names(database: Engine) -> list[str]:
    """Return the names of the searches whose Optuna study is there."""
    return _searches(database, gone=False)


def latest_name(database: Engine) -> str | None:
    """Return the name of the search that was begun last, if there is one."""
    study = optuna_studies.c
    made_here = study.study_name.in_(select(searches.c.study_name))
    with database.connect() as connection:
        return connection.scalar(select(study.study_name).where(made_here).order_by(study.study_id.desc()).limit(1))


def gone_names(database: Engine) -> list[str]:
    """Return the names of the searches whose Optuna study another program deleted or renamed."""
    return _searches(database, gone=True)


def copied_names(database: Engine) -> list[str]:
    """Return the names of Optuna studies that another program copied, or renamed, from the study of a search."""
    made_here = {*_searches(database, gone=False)}
    return [name for name in _names_with_settings(database) if name not in made_here]


def gone_study(database: Engine, url: str, name: str) -> DamagedStoreError:
    """Return the error for a search whose Optuna study is not there any more."""
    copies = copied_names(database)
    there = list_names(search_names(database)) + (f", and copies of studies: {', '.join(copies)}" if copies else "")
    return DamagedStoreError(
        f"study {name!r} is gone from {url}: another program deleted or renamed it; {there}; "
        "'python -m search run' with its name begins it anew"
    )


def copied_study(database: Engine, url: str, name: str) -> InputError:
    """Return the error for an Optuna study that another program copied, or renamed, from the study of a search."""
    gone = gone_names(database)
    original = f", {' or '.join(map(repr, gone))}, which is gone" if gone else ""
    return InputError(
        f"study {name!r} in {url} is a copy that another program made, without epochs, front and confirmation: name "
        f"the original, or let Optuna copy it back to the name of the original{original}"
    )


def describe_foreign(database: Engine, tables: set[str]) -> str:
    """Say what is in a database that is not a study store, to be appended to a message."""
    if not {optuna_studies.name, optuna_study_attributes.name} <= tables:
        return ""
    if copies := _names_with_settings(database):
        return (
            f": Optuna copied {' and '.join(map(repr, copies))} to it, without epochs, front and model files; copy the "
            "whole file of the store instead, and the folder of model files beside it"
        )
    with database.connect() as connection:
        names = connection.scalars(select(optuna_studies.c.study_name).order_by(optuna_studies.c.study_name)).all()
    return f"; of Optuna's studies, {list_names(names)}"


def list_names(names: Sequence[str]) -> str:
    return f"there are: {', '.join(names)}" if names else "there are none"


def _searches(database: Engine, *, gone: bool) -> list[str]:
    there = searches.c.study_name.in_(select(optuna_studies.c.study_name))
    query = select(searches.c.study_name).where(~there if gone else there).order_by(searches.c.study_name)
    with database.connect() as connection:
        return list(connection.scalars(query))


def _names_with_settings(database: Engine) -> list[str]:
    """Return the names of the Optuna studies that carry the settings of a search, without those of curves."""
    study, attribute = optuna_studies.c, optuna_study_attributes.c
    query = select(study.study_name).where(attribute.study_id == study.study_id, attribute.key == "fingerprint")
    with database.connect() as connection:
        names = connection.scalars(query.order_by(study.study_name))
        return [name for name in names if not name.endswith(CURVES_SUFFIX)]
