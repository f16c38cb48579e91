"""The settings that a study was made with, and the names that studies may have."""

from typing import Any

from sqlalchemy import select

from space.errors import DamagedStoreError, InputError
from space.limits import NO_LIMITS, DeviceLimits
from space.search_space import SearchSpace, space_differences
from studies.damage import reading, shown
from studies.names import CURVES_SUFFIX
from studies.storage import Store
from studies.tables import searches

_TYPES: dict[str, type] = {
    **dict.fromkeys(("dataset", "dataset_sha256", "space"), str),
    **dict.fromkeys(("budget", "train_size", "seed", "max_flash", "max_ram", "max_macs"), int),
}
_IN_WORDS = {
    "dataset_sha256": "the SHA-256 of the images",
    "training_version": "the way in which this program trains (its number, None for the first)",
}
MAX_NAME_LENGTH = 200
"""Characters of a study's name."""


def check_study_name(name: str) -> None:
    """Raises `InputError` for a name that no search can have."""
    if not name.strip():
        raise InputError(f"--study must be a name, not {name!r}")
    if not name.isprintable():  # which bytes that are no UTF-8 are not either
        raise InputError(f"--study must consist of printable characters, not {name!r}")
    if len(name) > MAX_NAME_LENGTH:
        raise InputError(f"--study must have at most {MAX_NAME_LENGTH} characters, not {len(name)}")
    if name.endswith(CURVES_SUFFIX):
        raise InputError(f"--study must not end in {CURVES_SUFFIX}, which names a study's curves, as {name!r} does")


def read_fingerprint(store: Store, name: str) -> dict[str, Any] | None:
    """Return the settings that a study was made with, or None if there is no such study, or it is gone."""
    if name not in store.study_names():
        return None
    query = select(searches.c.fingerprint).where(searches.c.study_name == name)
    with reading(store.database, f"study {name!r} in table searches"), store.database.connect() as connection:
        fingerprint: dict[str, Any] = dict(connection.execute(query).scalar_one())
        for key, kind in _TYPES.items():
            if not isinstance(fingerprint.get(key, kind()), kind):
                raise ValueError(f"{key} is {shown(fingerprint[key])}")
        if "space" in fingerprint:
            SearchSpace.from_stored(fingerprint["space"])
        return fingerprint


def read_metric(store: Store, name: str) -> str | None:
    """Return the metric that a study maximises, or None for accuracy.

    None too where the settings are damaged: what needs no more of them than a name for its numbers still works.
    """
    try:
        metric: str | None = (read_fingerprint(store, name) or {}).get("metric")
    except DamagedStoreError:
        return None
    return metric


def read_limits(store: Store, name: str) -> DeviceLimits:
    """Return the limits of a device that a study was made with; none where the settings are damaged."""
    try:
        return NO_LIMITS.completed_by(read_fingerprint(store, name) or {})
    except DamagedStoreError:
        return NO_LIMITS


def check_fingerprint(name: str, stored: dict[str, Any], given: dict[str, Any]) -> None:
    """Raise `InputError` with each difference between the settings a study was created with and the given ones."""
    if differences := fingerprint_differences(stored, given):
        raise InputError(
            f"study {name!r} was made differently: {'; '.join(differences)}; use its settings, "
            "or choose another name with --study"
        )


def fingerprint_differences(stored: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Describe each setting that differs. Spaces are compared by meaning: either may omit a key at its default."""
    differences = []
    for key in sorted({*stored, *given} - {"source"}):  # own images may move: their hash is compared
        was, now = stored.get(key), given.get(key)
        if key == "space" and isinstance(was, str) and isinstance(now, str):
            different = space_differences(SearchSpace.from_stored(was), SearchSpace.from_stored(now))
            differences += [f"space: {difference}" for difference in different]
        elif was != now:
            name = _IN_WORDS.get(key, key)
            differences.append(f"{name} was {was!r} and is now {now!r}")
    return differences
