"""Model files and checkpoints as rows of a table, in stores on a server, which share no folder."""

import io
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Engine

from studies.artifacts import checkpoint_file, checkpoint_numbers
from studies.frozen_trials import CHUNK
from studies.server_locks import local_folder
from studies.tables import artifacts


class ArtifactTable:
    """The table of a store's model files, as an Optuna artifact store; used as `StudyArtifacts`.

    Whoever needs a file finds a copy in a temporary folder of its process.
    """

    def __init__(self, database: Engine, url: str) -> None:
        self._database = database
        self._waiting = local_folder(url)
        self.where = f"{url}, table {artifacts.name}"

    @cached_property
    def _copies(self) -> "TemporaryDirectory[str]":
        return TemporaryDirectory(prefix="search-")

    def find(self, name: str) -> Path:
        path = self.new_file(name)
        content = self._read(name)
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
        return path

    def new_file(self, name: str) -> Path:
        return Path(self._copies.name) / name

    def keep(self, path: Path) -> None:
        with self._database.begin() as connection:
            _write(connection, path.name, path.read_bytes())

    def save(self, connection: Connection, name: str, write: Callable[[Path], None]) -> None:
        path = self.new_file(name)
        write(path)
        _write(connection, name, path.read_bytes())
        path.unlink()  # in a search that goes on for long, those of all its trials would add up

    def local_file(self, name: str) -> Path:
        return self._waiting / name

    def open_reader(self, artifact_id: str) -> BinaryIO:
        content = self._read(artifact_id)
        if content is None:
            raise ArtifactNotFound(artifact_id)
        return io.BytesIO(content)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        with self._database.begin() as connection:
            _write(connection, artifact_id, content_body.read())

    def remove(self, artifact_id: str) -> None:
        if not self.discard([artifact_id]):
            raise ArtifactNotFound(artifact_id)

    def discard(self, names: Iterable[str]) -> int:
        with self._database.begin() as connection:
            return sum(connection.execute(delete(artifacts).where(chosen)).rowcount for chosen in _chunks(names))

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        query = select(artifacts.c.name, func.length(artifacts.c.content))
        with self._database.connect() as connection:
            rows = [row for chosen in _chunks(names) for row in connection.execute(query.where(chosen))]
        return {name: int(size) for name, size in rows}

    def checkpoint(self, study_name: str, trial: int) -> Path:
        return self.find(checkpoint_file(study_name, trial))

    def checkpoints(self, study_name: str) -> dict[int, str]:
        with self._database.connect() as connection:
            names = connection.scalars(
                select(artifacts.c.name).where(artifacts.c.name.startswith("checkpoint-", autoescape=True))
            ).all()
        return checkpoint_numbers(study_name, names)

    def _read(self, name: str) -> bytes | None:
        with self._database.connect() as connection:
            content: bytes | None = connection.scalar(select(artifacts.c.content).where(artifacts.c.name == name))
        return content


def _chunks(names: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that are true for the names together; a statement may have 65,535 parameters."""
    everything = list(names)
    for first in range(0, len(everything), CHUNK):
        yield artifacts.c.name.in_(everything[first : first + CHUNK])


def _write(connection: Connection, name: str, content: bytes) -> None:
    """Write a file, in place of one that has its name."""
    statement = insert(artifacts).values(name=name, content=content)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"content": statement.excluded.content})
    )
