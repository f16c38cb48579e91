"""A damaged store: one line that names the store, the trial and what is wrong, and what does not need it goes on."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studies.storage import Store
from tests.damages import DAMAGES, EVERY, PAGE, STORE, Damage, page
from tests.stores import restore_store


@pytest.fixture(scope="module")
def sound_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound-store")
    Store.open(restore_store(folder, 1)).database.dispose()
    return folder


@pytest.fixture
def store(sound_store: Path, tmp_path: Path) -> Path:
    """The store in the folder that the commands are called in."""
    shutil.copytree(sound_store, tmp_path, dirs_exist_ok=True)
    return tmp_path / "studies.db"


def change(store: Path, statements: str) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.executescript(statements)


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.what for damage in DAMAGES])
def test_a_damage_is_told_in_one_line(search_here, store: Path, damage: Damage) -> None:
    change(store, damage.how)
    if damage.bytes_kept is not None:
        store.write_bytes(store.read_bytes()[: damage.bytes_kept])
    assert STORE in damage.line
    for command in damage.commands:
        result = search_here(*command.split())
        assert (result.returncode, result.stdout) == (damage.exit_code, ""), command
        assert result.stderr == f"error: {damage.line}\n", command
    for command in damage.unharmed:
        result = search_here(*command.split())
        assert result.returncode == 0, (command, result.stderr)


@pytest.mark.parametrize("command", EVERY[:-1])
def test_every_command_reads_the_store_as_it_is(search_here, store: Path, command: str) -> None:
    result = search_here(*command.split())
    assert result.returncode == 0, result.stderr


def test_the_page_of_damages_is_up_to_date() -> None:
    assert len(DAMAGES) >= 45
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.damages --write"
