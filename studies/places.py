"""Where an SQLite store keeps its model files, and whether this user may write to all that it consists of."""

from pathlib import Path

from space.errors import InputError
from studies.addresses import is_sqlite
from studies.artifacts import StudyArtifacts
from studies.failures import naming_store
from studies.locks import LOCK_FILES
from studies.sqlite_files import sqlite_path, unwritable_of


def artifacts_of(url: str) -> StudyArtifacts:
    """Return the folder of model files of an SQLite store, which lies beside the file that a link leads to.

    An earlier version put it beside the link, where it stays if there is none beside the file.
    """
    path = sqlite_path(url)
    named = StudyArtifacts(path)
    if not path.is_symlink():
        return named
    real = StudyArtifacts(path.resolve())
    return named if named.folder.is_dir() and not real.folder.is_dir() else real


def check_writable(url: str) -> None:
    """Raise `InputError` if this user may not write to the store, or may not create it where there is none."""
    with naming_store(url):
        if not is_sqlite(url) or (unwritable := find_unwritable(url)) is None:
            return
        path = sqlite_path(url)
    what = "can't be written" if path.exists() else "can't be created"
    advice = f", or copy {path.name} and {artifacts_of(url).folder.name} to one" if path.exists() else ""
    raise InputError(
        f"--storage {url} {what}: you may not write to {unwritable}; name a store in a folder of your own{advice}"
    )


def find_unwritable(url: str) -> Path | None:
    """Return a file or folder of an SQLite store that a writer would write to and this user may not, or None."""
    artifacts = artifacts_of(url).folder
    return unwritable_of(sqlite_path(url), (artifacts, *(artifacts / name for name in LOCK_FILES)))
