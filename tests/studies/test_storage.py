import gc
import sqlite3
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import OperationalError

from space.errors import InputError, SearchFailedError, without_password
from studies.locks import WorkerLocks
from studies.records import read_epochs, read_front, trial_rows
from studies.storage import DIRECTIONS, Store
from studies.study import SearchStudy
from studies.tables import SCHEMA_VERSION, schema_version, searches
from tests.stores import FINGERPRINT, NAME, begin, create_search, make_search, run_at_once, train_one

OPENERS = {"open": Store.open, "open_read_only": Store.open_read_only}
ALL_OPENERS = {"create": Store.create, **OPENERS}


@pytest.fixture(params=OPENERS)
def open_store(request: pytest.FixtureRequest) -> Any:
    return OPENERS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "studies.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where anything that a URL makes by mistake would turn up."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def table_names(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names


def make_foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.close()


# Opening


def test_create_makes_both_sets_of_tables_and_the_folder_of_models(path: Path, url: str) -> None:
    store = Store.create(url)
    names = table_names(path)
    assert {"studies", "trials", "trial_values"} <= names
    assert {"searches", "trial_slots", "epochs", "pareto_front", "search_schema_version"} <= names
    assert store.artifacts.folder.is_dir()
    assert store.study_names() == []


def test_create_keeps_what_is_there(tmp_path: Path, url: str) -> None:
    search = make_search(tmp_path)
    number = train_one(search, 4, [0.5, 0.9])
    assert Store.create(url).study_names() == [search.name]
    assert [point.trial for point in read_front(Store.create(url).database, search.name)] == [number]


@pytest.mark.parametrize("opener", [Store.create, Store.open])
def test_writers_use_a_write_ahead_log_and_wait_for_the_disk_no_more_than_it_needs(path: Path, opener: Any) -> None:
    Store.create(f"sqlite:///{path}")
    store = opener(f"sqlite:///{path}")
    with store.database.connect() as first, store.database.connect() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1  # NORMAL


def test_a_store_reads_the_same_through_every_door(tmp_path: Path, url: str, open_store: Any) -> None:
    search = make_search(tmp_path)
    number = train_one(search, 4, [0.5, 0.9])
    store = open_store(url)
    assert store.study_names() == [search.name]
    assert read_front(store.database, search.name) == read_front(search.store.database, search.name)
    assert len(read_epochs(store.database, search.name, [number])[number]) == 2
    assert [row["trial"] for row in trial_rows(store, search.name)] == [number]
    assert len(store.load_curves(search.name).trials) == 1


def test_six_processes_open_a_new_store_at_once(tmp_path: Path) -> None:
    search = create_search(tmp_path)
    imports = "from studies.storage import Store\nfrom studies.study import SearchStudy"
    program = "print(SearchStudy(Store.open(sys.argv[1]), sys.argv[2]).study.ask().number)"
    printed = run_at_once(imports, program, search.store.url, search.name, num_processes=6)
    assert sorted(map(int, printed)) == list(range(6))


# Reading only


def test_reading_changes_nothing(tmp_path: Path, path: Path, url: str) -> None:
    train_one(make_search(tmp_path), 4, [0.5, 0.9])
    gc.collect()  # closes what the writer had open
    before, content, time = entries(tmp_path), path.read_bytes(), path.stat().st_mtime_ns
    store = Store.open_read_only(url)
    assert [row["trial"] for row in trial_rows(store, NAME)] == [0]
    assert len(read_front(store.database, NAME)) == 1
    assert not WorkerLocks(store.lock_path).is_held(1)
    del store
    gc.collect()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, time)
    assert entries(tmp_path) == before


def entries(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_read_only_store_refuses_to_be_written(tmp_path: Path, url: str) -> None:
    search = make_search(tmp_path)
    store = Store.open_read_only(url)
    with pytest.raises(OperationalError, match="readonly"), store.database.begin() as connection:
        connection.execute(delete(schema_version))
    with pytest.raises(optuna.exceptions.StorageInternalError):
        store.load_study(search.name).ask()
    assert reopened_number_of_trials(search) == 0


def reopened_number_of_trials(search: SearchStudy) -> int:
    return len(Store.open(search.store.url).load_study(search.name).trials)


def test_a_reader_sees_the_store_as_it_was_when_it_was_opened(tmp_path: Path, url: str) -> None:
    search = make_search(tmp_path)
    before = Store.open_read_only(url)
    train_one(search, 4, [0.5, 0.9])
    assert read_front(before.database, search.name) == []
    assert len(read_front(Store.open_read_only(url).database, search.name)) == 1


# What can't be opened


def test_a_missing_store_is_refused_and_not_made(url: str, tmp_path: Path, open_store: Any) -> None:
    with pytest.raises(InputError, match=r"there is no study store at .*studies\.db; 'python -m search run' makes one"):
        open_store(url)
    assert list(tmp_path.iterdir()) == []


# (URL, what the message says)
BAD_URLS = {
    "no URL": (
        "studies.db",
        "database URL, such as sqlite:///studies.db or postgresql://user@host/database, not 'studies.db'",
    ),
    "nothing": (
        "",
        "database URL, such as sqlite:///studies.db or postgresql://user@host/database, not ''",
    ),
    "too few slashes": ("sqlite:studies.db", "--storage must be a database URL"),
    "unknown dialect": ("mongodb://host/db", "--storage must be a database URL"),
    "no port": ("postgresql://host:port/db", "--storage must be a database URL"),
    "a web page": ("https://example.com/studies.db", "--storage must be a database URL"),
    "in memory": ("sqlite:///:memory:", "--storage must name a file, such as sqlite:///studies.db"),
    "in memory, short": ("sqlite://", "--storage must name a file"),
}


@pytest.mark.parametrize("name", BAD_URLS)
@pytest.mark.parametrize("opener", ALL_OPENERS)
def test_bad_urls(name: str, opener: str, working_folder: Path) -> None:
    bad_url, message = BAD_URLS[name]
    with pytest.raises(InputError) as caught:
        ALL_OPENERS[opener](bad_url)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(working_folder.iterdir()) == []


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'no' / 'studies.db'}"
    with pytest.raises(InputError, match=r"can't be opened: the folder .*no does not exist"):
        Store.create(url)
    for opener in OPENERS.values():
        with pytest.raises(InputError, match="there is no study store"):
            opener(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("opener", OPENERS)
def test_naming_the_driver_does_not_make_a_missing_store(opener: str, path: Path) -> None:
    with pytest.raises(InputError, match="there is no study store"):
        OPENERS[opener](f"sqlite+pysqlite:///{path}")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("opener", ALL_OPENERS)
def test_a_folder_is_no_store(opener: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder: a file is needed"):
        ALL_OPENERS[opener](f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("opener", ALL_OPENERS)
def test_a_file_that_is_no_database_stays_as_it_is(opener: str, path: Path, url: str) -> None:
    path.write_text("What a fine day. " * 100)
    with pytest.raises(InputError, match="can't be opened: file is not a database"):
        ALL_OPENERS[opener](url)
    assert path.read_text() == "What a fine day. " * 100
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("opener", ALL_OPENERS)
def test_another_programs_database_stays_as_it_is(opener: str, path: Path, url: str) -> None:
    make_foreign_database(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is not a study store of this program"):
        ALL_OPENERS[opener](url)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("opener", ALL_OPENERS)
def test_a_newer_schema_is_left_alone(opener: str, path: Path, url: str) -> None:
    store = Store.create(url)
    with store.database.begin() as connection:
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION + 1))
    store.database.dispose()
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"schema {SCHEMA_VERSION + 1}, newer than {SCHEMA_VERSION}.*: update"):
        ALL_OPENERS[opener](url)
    assert path.read_bytes() == before


def test_an_empty_file_can_become_a_store(path: Path, url: str, open_store: Any) -> None:
    path.touch()
    with pytest.raises(InputError, match="is not a study store of this program"):
        open_store(url)
    assert path.read_bytes() == b""
    assert Store.create(url).study_names() == []
    assert open_store(url).study_names() == []


# Killed while it was made


def test_killed_between_optunas_tables_and_ours(path: Path, url: str, open_store: Any) -> None:
    optuna.create_study(storage=url, study_name="another")
    assert "searches" not in table_names(path)
    with pytest.raises(InputError, match="is not a study store of this program"):
        open_store(url)
    store = Store.create(url)
    assert "searches" in table_names(path)
    assert optuna.get_all_study_names(store.storage) == ["another"]
    assert open_store(url).study_names() == []


def test_killed_before_the_schema_version_was_noted(url: str) -> None:
    store = Store.create(url)
    with store.database.begin() as connection:
        connection.execute(delete(schema_version))
    for _ in range(2):
        with Store.create(url).database.connect() as connection:
            assert connection.execute(schema_version.select()).all() == [(SCHEMA_VERSION,)]


# Names


def make_studies(folder: Path, names: list[str]) -> Store:
    store = Store.create(f"sqlite:///{folder / 'studies.db'}")
    for name in names:
        optuna.create_study(storage=store.storage, study_name=name, directions=DIRECTIONS)
    with store.database.begin() as connection:
        for name in names:
            connection.execute(insert(searches).values(study_name=name, fingerprint=FINGERPRINT))
    return store


def test_studies_are_listed_without_their_companions(tmp_path: Path) -> None:
    make_search(tmp_path)
    assert make_search(tmp_path, "another").store.study_names() == ["another", NAME]


# (stored, asked for, resolved or the message)
NAMES = {
    "given": (["a", "b"], "b", "b"),
    "the only one": (["a"], None, "a"),
    "none": ([], None, "holds 0 studies: choose one with --study; there are none"),
    "several": (["a", "b"], None, "holds 2 studies: choose one with --study; there are: a, b"),
    "misspelt": (["mnist-8000", "mnist-800", "digits"], "mnits-8000", "there are: mnist-8000, mnist-800"),
    "nothing like it": (["mnist-8000", "digits"], "zzz", "no study 'zzz' in"),
    "nothing like it, so all": (["mnist-8000", "digits"], "zzz", "there are: digits, mnist-8000"),
    "none to name": ([], "zzz", "there are none"),
    "a companion": (["a"], "a.curves", "no study 'a.curves' in"),
}


@pytest.mark.parametrize("name", NAMES)
def test_study_names(name: str, tmp_path: Path) -> None:
    stored, asked, expected = NAMES[name]
    store = make_studies(tmp_path, stored)
    if expected in stored:
        assert store.resolve_study_name(asked) == expected
        return
    with pytest.raises(InputError) as caught:
        store.resolve_study_name(asked)
    assert expected in str(caught.value)
    if name == "misspelt":
        assert "digits" not in str(caught.value)


# Paths

# (URL, artifact folder)
ARTIFACTS = [
    ("sqlite:///studies.db", "studies.db.artifacts"),
    ("sqlite:///some/where/mine.db", "some/where/mine.db.artifacts"),
    ("sqlite:////tmp/mine.sqlite3", "/tmp/mine.sqlite3.artifacts"),
    ("sqlite:///noending", "noending.artifacts"),
    ("sqlite+pysqlite:///mine.db", "mine.db.artifacts"),
]


@pytest.mark.parametrize(("path_url", "expected"), ARTIFACTS)
def test_models_lie_beside_the_store(path_url: str, expected: str) -> None:
    store = Store.__new__(Store)
    store.url = path_url
    assert store.artifacts.folder == Path(expected)
    assert store.lock_path == Path(expected) / "workers.lock"


def test_a_link_to_a_store_shares_its_models_and_locks(tmp_path: Path) -> None:
    """Otherwise a worker that was started by one name would seem dead to a call by the other."""
    search = create_search(tmp_path)
    link = tmp_path / "elsewhere/link.db"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "studies.db")
    linked = Store.open(f"sqlite:///{link}")
    assert linked.lock_path == search.store.lock_path
    assert [path.name for path in link.parent.iterdir()] == ["link.db"]


def test_models_that_an_earlier_version_put_beside_a_link_stay_there(tmp_path: Path) -> None:
    create_search(tmp_path).store.database.dispose()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "studies.db")
    (tmp_path / "studies.db.artifacts").rename(tmp_path / "link.db.artifacts")
    assert Store.open(f"sqlite:///{link}").lock_path.parent == tmp_path / "link.db.artifacts"
    assert not (tmp_path / "studies.db.artifacts").exists()


@pytest.mark.parametrize("folder", ["with space", "50%", "a#b", "what?", "ä", "a{b}c", "x\udcffy"])
def test_any_folder_will_do(folder: str, tmp_path: Path) -> None:
    if folder == "what?":
        pytest.skip("a question mark begins a URL's options")
    place = tmp_path / folder
    place.mkdir()
    search = create_search(place)
    for opener in ALL_OPENERS.values():
        store = opener(search.store.url)
        assert store.study_names() == [search.name]
        store.database.dispose()
    assert {entry.name for entry in place.iterdir()} >= {"studies.db", "studies.db.artifacts"}
    assert {entry.name for entry in tmp_path.iterdir()} == {folder}


# Creating a store at the same moment


def test_any_number_of_processes_may_create_a_store_at_once(tmp_path: Path) -> None:
    program = (
        "for number in range(5):\n"
        "    store = Store.create(f'sqlite:///{sys.argv[1]}/{number}.db')\n"
        "    search = SearchStudy.create_or_resume(store, 'study', {}, WorkerLocks(store.lock_path))\n"
        "print(len(store.study_names()))"
    )
    modules = {"storage": "Store", "study": "SearchStudy", "locks": "WorkerLocks"}
    imports = "\n".join(f"from studies.{module} import {name}" for module, name in modules.items())
    assert run_at_once(imports, program, str(tmp_path), num_processes=3) == ["1\n"] * 3
    names = {f"{number}.db" for number in range(5)}
    assert {path.name for path in tmp_path.glob("*.db")} == names


def test_what_is_refused_leaves_no_folder(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(InputError, match="not a study store"):
        Store.create(f"sqlite:///{tmp_path / 'other.db'}")
    assert [path.name for path in tmp_path.iterdir()] == ["other.db"]


# URLs that would mean another file


def test_what_follows_a_question_mark_is_not_dropped(tmp_path: Path) -> None:
    for opener in ALL_OPENERS.values():
        with pytest.raises(InputError, match=r"has a '\?', and what follows it would be dropped: write %3F"):
            opener(f"sqlite:///{tmp_path}/what?.db")
    assert list(tmp_path.iterdir()) == []
    assert Store.create(f"sqlite:///{tmp_path}/what%3F.db").artifacts.folder == tmp_path / "what?.db.artifacts"
    assert (tmp_path / "what?.db").is_file()


def test_without_its_driver_a_server_needs_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match=r"psycopg is not installed; PostgreSQL needs the extra: pip install"):
        Store.open("postgresql://host/db")


# (URL, what is shown)
PASSWORDS = [
    ("postgresql://me:secret@host:1/db", "postgresql://me:***@host:1/db"),
    ("postgresql://me:se:cr@et/s@host/db", "postgresql://me:***@host/db"),
    ("postgresql://me@host/db", "postgresql://me@host/db"),
    (
        "postgresql://host:5432/db?password=secret&sslmode=require",
        "postgresql://host:5432/db?password=***&sslmode=require",
    ),
    ("can't open postgresql://me:secret@host/db: no", "can't open postgresql://me:***@host/db: no"),
    ("sqlite:///some:where/a@b.db", "sqlite:///some:where/a@b.db"),
]


@pytest.mark.parametrize(("given", "shown"), PASSWORDS)
def test_passwords_are_never_shown(given: str, shown: str) -> None:
    assert without_password(given) == shown


@pytest.mark.parametrize("opener", ALL_OPENERS)
@pytest.mark.parametrize("address", ["127.0.0.1:1/db", "host:port/db"])
def test_no_message_about_a_server_has_its_password(opener: str, address: str) -> None:
    """Of a server that is not there, and of a URL that can't be one."""
    with pytest.raises(InputError) as caught:
        ALL_OPENERS[opener](f"postgresql://me:secret@{address}")
    assert f"postgresql://me:***@{address}" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


# A file that is replaced while it is in use


@pytest.mark.parametrize("what", ["replaced by another file", "deleted"])
def test_nothing_is_written_to_a_file_that_is_not_there_any_more(tmp_path: Path, what: str) -> None:
    """SQLite would go on writing to the old file, which nobody can open again."""
    search = make_search(tmp_path)
    assert search.slots.claim(9, 1) is not None
    path = tmp_path / "studies.db"
    if what == "deleted":
        path.unlink()
    else:
        copy = tmp_path / "copy.db"
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
    for write in (lambda: search.slots.claim(9, 2), lambda: begin(search, 4)):
        with pytest.raises(SearchFailedError, match=f"studies.db was {what} while it was in use: nothing is written"):
            write()
