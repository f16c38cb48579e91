"""Stores that earlier versions made: read as they are, and migrated when they are written to."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text

from studies.confirmations import Confirmation, Stage, read_confirmed_front
from studies.locks import WorkerLocks
from studies.migrations import MIGRATIONS, migrate
from studies.records import read_front
from studies.slots import TrialSlots
from studies.storage import Store
from studies.study import SearchStudy
from studies.summaries import read_totals
from studies.tables import SCHEMA_VERSION, metadata, schema_version
from studies.trials import Outcome, outcome_of
from tests.stores import EARLIER_SCHEMAS, ROOT, WORKER, restore_store, run_at_once

NAME = "digits-700"
# Of the kept store of each schema: trials that are complete and pruned, parameters on the front, and accuracies on the
# confirmed front.
KEPT = {
    1: ((4, 1), [460, 573], [0.8867, 0.9417]),
    2: ((4, 1), [334, 466], [0.82]),
    3: ((3, 0), [334, 466], [0.7517]),
    4: ((3, 0), [334, 466], [0.7517]),
}


def columns(store: Store) -> dict[str, set[str]]:
    return {
        table: {column["name"] for column in inspect(store.database).get_columns(table)} for table in metadata.tables
    }


def version_of(store: Store) -> int | None:
    with store.database.connect() as connection:
        return connection.scalar(select(schema_version.c.version))


def test_every_version_has_its_migration() -> None:
    assert list(MIGRATIONS) == list(range(2, SCHEMA_VERSION + 1))


def test_a_store_of_every_earlier_schema_is_kept() -> None:
    assert list(KEPT) == list(EARLIER_SCHEMAS)
    for schema in EARLIER_SCHEMAS:
        kept = (ROOT / f"tests/studies/stores/schema-{schema}/studies.sql").read_text(encoding="utf-8")
        assert f'INSERT INTO "search_schema_version" VALUES({schema});' in kept


@pytest.mark.parametrize("schema", KEPT)
def test_an_earlier_store_is_read_as_it_is(schema: int, tmp_path: Path) -> None:
    url = restore_store(tmp_path, schema)
    before = hashlib.sha256((tmp_path / "studies.db").read_bytes()).hexdigest()
    store = Store.open_read_only(url)
    assert version_of(store) == SCHEMA_VERSION
    assert store.resolve_study_name(None) == NAME
    counts = read_totals(store, store.load_study(NAME)).counts
    trials, front, accuracies = KEPT[schema]
    assert (counts[Outcome.COMPLETE], counts[Outcome.PRUNED]) == trials
    assert [point.num_params for point in read_front(store.database, NAME)] == front
    assert [round(point.accuracy, 4) for point in read_confirmed_front(store.database, NAME)] == accuracies
    assert hashlib.sha256((tmp_path / "studies.db").read_bytes()).hexdigest() == before
    artifacts = "studies.artifacts" if schema == 1 else "studies.db.artifacts"
    assert {path.name for path in tmp_path.iterdir()} == {"studies.db", artifacts}


@pytest.mark.parametrize("open_to_write", [Store.open, Store.create])
@pytest.mark.parametrize("schema", KEPT)
def test_an_earlier_store_gets_the_present_tables_when_it_is_written_to(
    schema: int, open_to_write, tmp_path: Path
) -> None:
    url = restore_store(tmp_path, schema)
    store = open_to_write(url)
    assert version_of(store) == SCHEMA_VERSION
    assert columns(store) == columns(Store.create(f"sqlite:///{tmp_path / 'new.db'}"))
    confirmation = Confirmation.find(store.database, NAME)
    assert confirmation is not None
    assert len(confirmation.front()) == len(KEPT[schema][-1])
    hashes = [result.weights_sha256 for result in confirmation.read(Stage.MEASURE)]
    assert all(hashes) if schema > 1 else set(hashes) == {None}
    migrate(store.database)
    assert version_of(store) == SCHEMA_VERSION


def test_a_store_from_before_there_were_confirmations_gets_their_tables(tmp_path: Path) -> None:
    store = Store.create(f"sqlite:///{tmp_path / 'studies.db'}")
    with store.database.begin() as connection:
        for table in ("confirmation_trainings", "confirmations", "test_openings", "queued_candidates"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("UPDATE search_schema_version SET version = 1"))
    store.database.dispose()
    assert read_confirmed_front(Store.open_read_only(store.url).database, NAME) == []
    assert columns(Store.open(store.url)) == columns(Store.create(f"sqlite:///{tmp_path / 'new.db'}"))


def test_of_several_processes_one_migrates(tmp_path: Path) -> None:
    url = restore_store(tmp_path, 1)
    program = "Store.open(sys.argv[1]); print('open')"
    printed = run_at_once("from studies.storage import Store", program, url, num_processes=3)
    assert printed == ["open\n"] * 3
    assert version_of(Store.open_read_only(url)) == SCHEMA_VERSION


@pytest.mark.parametrize("schema", KEPT)
def test_slots_of_an_earlier_store_have_what_those_of_a_new_one_have(schema: int, tmp_path: Path) -> None:
    store = Store.open(restore_store(tmp_path, schema))
    slots = TrialSlots(store.database, NAME)
    trials = store.load_study(NAME).get_trials(deepcopy=False)
    found = [(slot.candidate_key, slot.num_losses) for slot in slots.read()]
    assert found == [(trial.user_attrs["candidate_key"], 0) for trial in trials]
    indexes = {index["name"] for index in inspect(store.database).get_indexes("trial_slots")}
    assert indexes == {f"ix_trial_slots_study_name{column}" for column in ("", "_state", "_candidate_key")}


def test_a_trial_that_an_earlier_version_interrupted_waits_in_its_slot(tmp_path: Path) -> None:
    """The trial has failed: a new one repeats it (tests/search/runs/test_trial.py)."""
    store = Store.open(restore_store(tmp_path, 2))
    search = SearchStudy(store, NAME)
    assert search.repair(WorkerLocks(store.lock_path)) == []
    slot = search.slots.claim(6, WORKER)
    assert slot is not None
    trial = search.find_trial(slot)
    assert trial is not None
    assert (trial.number, outcome_of(trial), slot.num_attempts) == (5, Outcome.FAILED, 2)
