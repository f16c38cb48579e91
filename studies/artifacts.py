"""The folder of model files beside a study store: their names, owners and hashes."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound
from sqlalchemy.engine import Connection

MAX_QUOTED_NAME = 100
"""Characters of a study's name, quoted, in the name of a file: longer ones, which few file systems take, are hashed."""


@dataclass(frozen=True)
class StoredWeights:
    """A model file and the hash that the store has recorded for it."""

    path: Path
    sha256: str | None
    """SHA-256 of the file's content when it was written; None if it was written before hashes were kept."""

    def is_intact(self) -> bool:
        """Return whether the file exists and matches its recorded hash, if there is one."""
        return self.path.is_file() and self.sha256 in (None, sha256_of(self.path))


class StudyArtifacts:
    """The folder of a store's model files, as an Optuna artifact store.

    The folder of ``studies.db`` is ``studies.db.artifacts``. Earlier versions used ``studies.artifacts``, which a
    ``studies.sqlite3`` beside it would share: nothing is written there any more, but files in it are still found.
    """

    def __init__(self, database: Path) -> None:
        self.folder = database.with_name(f"{database.name}.artifacts")
        self._earlier_folder = database.with_suffix(".artifacts")

    @property
    def where(self) -> str:
        """The place of the files, for messages."""
        return str(self.folder)

    def find(self, name: str) -> Path:
        """Return the path of a file with the content that is kept under ``name``, or a path at which there is none."""
        path, earlier = self.folder / name, self._earlier_folder / name
        return earlier if earlier.is_file() and not path.is_file() else path

    def new_file(self, name: str) -> Path:
        """Return the path at which a new file is written, before it is given to `keep`."""
        return self.folder / name

    def keep(self, path: Path) -> None:
        """Keep a file that was written at the path that `new_file` returned."""

    def save(self, connection: Connection, name: str, write: Callable[[Path], None]) -> None:
        """Let ``write`` write a file whole to a path and keep it, in the transaction of ``connection`` if possible."""
        write(self.new_file(name))

    def local_file(self, name: str) -> Path | None:
        """Return where a file waits on this machine while the server is away; None where there is no server."""
        return None

    def open_reader(self, artifact_id: str) -> BinaryIO:
        try:
            return FileSystemArtifactStore(self.folder).open_reader(artifact_id)
        except ArtifactNotFound:
            return FileSystemArtifactStore(self._earlier_folder).open_reader(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        FileSystemArtifactStore(self.folder).write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        try:
            FileSystemArtifactStore(self.folder).remove(artifact_id)
        except ArtifactNotFound:
            FileSystemArtifactStore(self._earlier_folder).remove(artifact_id)

    def discard(self, names: Iterable[str]) -> int:
        """Remove those of the files that are there; returns their number."""
        paths = [path for path in map(self.find, names) if path.is_file()]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths)

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Return the sizes in bytes of those of the files that are there."""
        return {name: path.stat().st_size for name in names if (path := self.find(name)).is_file()}

    def checkpoint(self, study_name: str, trial: int) -> Path:
        """Return the path of a trial's checkpoint, which exists from its first finished epoch to its end."""
        return self.folder / checkpoint_file(study_name, trial)

    def checkpoints(self, study_name: str) -> dict[int, str]:
        """Return the names of the checkpoints that a study has, by the numbers of their trials."""
        return checkpoint_numbers(study_name, (path.name for path in self.folder.glob("checkpoint-*")))


def confirmed_file(study_name: str, trial: int, seed: int) -> str:
    """The name of the file with the model that a confirmation trains of a trial, with a seed."""
    return f"confirmed-{_quoted(study_name)}-{trial}-{seed}.safetensors"


def checkpoint_file(study_name: str, trial: int) -> str:
    """The name of the file with the state of a trial's training after its last finished epoch."""
    return f"checkpoint-{_quoted(study_name)}-{trial}.safetensors"


def checkpoint_numbers(study_name: str, names: Iterable[str]) -> dict[int, str]:
    """Return those of ``names`` that are of checkpoints of a study, by the numbers of their trials."""
    before, after = checkpoint_file(study_name, 0).rsplit("0", 1)
    found = {name.removeprefix(before).removesuffix(after): name for name in names}
    return {int(number): name for number, name in found.items() if number.isdecimal()}


def _quoted(study_name: str) -> str:
    quoted = quote(study_name, safe="")
    return quoted if len(quoted) <= MAX_QUOTED_NAME else hashlib.sha256(study_name.encode()).hexdigest()[:16]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
