import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from studies.sqlite_files import copy_in_memory, unwritable_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store" / "studies.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A process that has written a row, which is still in the write-ahead log."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE numbers (number)")
        connection.execute("INSERT INTO numbers VALUES (1)")
        connection.commit()
        yield connection


def rows_of(path: Path) -> list[int]:
    with closing(copy_in_memory(path)) as copy:
        return [number for (number,) in copy.execute("SELECT number FROM numbers")]


def files_beside(path: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Each file with its owner, time and content; SQLite's own notes of who reads are left out of the content."""
    return {
        file.name: (
            status.st_uid,
            status.st_ino,
            status.st_size,
            b"" if file.suffix == ".db-shm" else file.read_bytes(),
        )
        for file in path.parent.iterdir()
        for status in [file.stat()]
    }


def left_by_a_killed_writer(path: Path, folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        shutil.copyfile(path.with_name(name), folder / name)
    return folder / path.name


def test_a_store_that_nobody_uses(path: Path, writer: sqlite3.Connection) -> None:
    writer.close()
    before = files_beside(path)
    assert set(before) == {"studies.db"}
    assert rows_of(path) == [1]
    assert files_beside(path) == before


def test_a_store_that_is_being_written_with_what_is_in_its_log(path: Path, writer: sqlite3.Connection) -> None:
    writer.execute("INSERT INTO numbers VALUES (2)")  # not committed
    before = set(path.parent.iterdir())
    assert rows_of(path) == [1]
    writer.commit()
    assert rows_of(path) == [1, 2]
    assert set(path.parent.iterdir()) == before


@pytest.mark.parametrize("has_shared_memory", [True, False])
def test_what_a_killed_writer_left_in_the_log_counts(
    path: Path, writer: sqlite3.Connection, tmp_path: Path, has_shared_memory: bool
) -> None:
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as without_log:
        assert without_log.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    names = ["studies.db", "studies.db-wal", *(["studies.db-shm"] if has_shared_memory else [])]
    left = left_by_a_killed_writer(path, tmp_path / "left", *names)
    before = files_beside(left)
    assert rows_of(left) == [1]
    assert files_beside(left) == before


def test_a_log_that_is_removed_while_it_is_copied(
    path: Path, writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_by_a_killed_writer(path, tmp_path / "left", "studies.db", "studies.db-wal")
    real = shutil.copyfile

    def copy_slowly(source: Path, target: Path) -> None:
        real(source, target)
        with closing(sqlite3.connect(left)) as other:  # its end writes the log into the file and removes it
            other.execute("SELECT count(*) FROM numbers").fetchall()

    monkeypatch.setattr(shutil, "copyfile", copy_slowly)
    assert rows_of(left) == [1]
    assert [file.name for file in left.parent.iterdir()] == ["studies.db"]


def test_a_page_that_is_half_written_while_it_is_copied_counts_only_if_nobody_writes(
    path: Path, writer: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_by_a_killed_writer(path, tmp_path / "left", "studies.db", "studies.db-wal")
    real, is_written, times = shutil.copyfile, True, iter(range(1, 10))

    def copy_half(source: Path, target: Path) -> None:
        if is_written and next(times) > 1:
            real(source, target)
            return
        target.write_bytes(b"half a page" * 100)
        if is_written:
            os.utime(left, ns=(0, 0))

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    assert rows_of(left) == [1]
    is_written = False
    with pytest.raises(sqlite3.DatabaseError):
        rows_of(left)


def test_copies_of_a_store_that_is_written_all_the_time_are_whole(path: Path, writer: sqlite3.Connection) -> None:
    writer.close()
    stop = threading.Event()

    def write() -> None:
        number = 1
        while not stop.is_set():  # as processes that come and go: each close empties the log and removes it
            with closing(sqlite3.connect(path, timeout=60)) as connection:
                for _ in range(5):
                    number += 1
                    connection.execute("INSERT INTO numbers VALUES (?)", (number,))
                    connection.commit()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        lengths = []
        for _ in range(100):
            with closing(copy_in_memory(path)) as copy:
                assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                numbers = [number for (number,) in copy.execute("SELECT number FROM numbers ORDER BY number")]
            assert numbers == list(range(1, len(numbers) + 1))
            lengths.append(len(numbers))
    finally:
        stop.set()
        thread.join()
    assert lengths == sorted(lengths)


def test_what_may_not_be_written(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    barred: set[Path] = set()
    real = os.access
    monkeypatch.setattr(os, "access", lambda file, mode: Path(file) not in barred and real(file, mode))
    artifacts = path.with_name("studies.db.artifacts")
    assert unwritable_of(path, [artifacts]) is None
    for name in ("studies.db", "studies.db-wal", "studies.db-shm", artifacts.name):
        barred.clear()
        path.with_name(name).touch()
        barred.add(path.with_name(name))
        assert unwritable_of(path, [artifacts]) == path.with_name(name)
    barred.clear()
    barred.add(path.parent)
    assert unwritable_of(path, [artifacts]) == path.parent
    barred.add(path)
    assert unwritable_of(path, [artifacts]) == path
    assert unwritable_of(path.with_name("new.db"), []) == path.parent
    link = tmp_path / "link.db"
    link.symlink_to(path)
    assert unwritable_of(link, []) == path
    assert unwritable_of(tmp_path / "no" / "new.db", []) is None
