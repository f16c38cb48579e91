"""What every kind of study store promises, checked on an SQLite file and on a PostgreSQL server."""

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.exceptions import StorageInternalError
from sqlalchemy import insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from benchmarks.postgres_server import PostgresServer, find_binaries
from space.errors import InputError
from studies.activity import read_activity
from studies.artifacts import checkpoint_file
from studies.confirmations import read_openings
from studies.confusions import Confusion, read_confusions, write_confusion
from studies.leases import LEASE_SECONDS
from studies.listing import delete_study, list_studies
from studies.locks import CONFIRMING
from studies.records import read_epochs, read_front, trial_rows
from studies.slots import Slot, SlotLostError, SlotState
from studies.storage import Store
from studies.study import SearchStudy
from studies.summaries import read_totals
from studies.tables import SCHEMA_VERSION, metadata, schema_version, test_openings
from studies.trials import Outcome
from tests.stores import FINGERPRINT, NAME, begin, reopen, results, run_at_once, silence, suggest, train_one

OPENERS = {"open": Store.open, "read only": Store.open_read_only, "to watch": Store.open_to_watch, "find": Store.find}
EMPTIED = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address at which there is no store yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'studies.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.execute(EMPTIED, "contract")
    return server.url("contract")


@pytest.fixture(scope="module", autouse=True)
def _database(request: pytest.FixtureRequest) -> None:
    """One database for all tests, since it takes longer to make one than to empty it."""
    if find_binaries() is not None:
        request.getfixturevalue("postgres").create_database("contract")


@pytest.fixture
def search(url: str) -> Iterator[SearchStudy]:
    search = new_search(url)
    yield search
    search.store.database.dispose()


def new_search(url: str) -> SearchStudy:
    store = Store.create(url)
    return SearchStudy.create_or_resume(store, NAME, FINGERPRINT, store.locks)


def claimed(search: SearchStudy, worker: int = 1) -> Slot:
    slot = search.slots.claim(1_000, worker)
    assert slot is not None
    return slot


# Creating and opening


def test_processes_create_a_store_and_share_its_study(url: str) -> None:
    """They create both at once, claim slots up to a total, reserve candidates, take queued ones and train trials."""
    modules = {"studies.storage": "Store", "studies.study": "SearchStudy", "studies.slots": "QueuedCandidate"}
    imports = "\n".join(f"from {module} import {name}" for module, name in modules.items())
    program = (
        "from tests.stores import FINGERPRINT, train_one\n"
        "store = Store.create(sys.argv[1])\n"
        "search = SearchStudy.create_or_resume(store, sys.argv[2], FINGERPRINT, store.locks)\n"
        "slots = search.slots\n"
        "slots.enqueue(QueuedCandidate(f'key {number}', 'a net', {'width': number}) for number in range(10))\n"
        "while slot := slots.claim(20, 1):\n"
        "    is_reserved = slots.reserve(slot, f'of {slot.id % 5}')\n"
        "    print(slot.id, slot.queued and slot.queued.candidate_key, is_reserved, sep=',')\n"
        "for width in range(2, 5): print(train_one(search, width, [0.3, 0.5 + width / 20]))"
    )
    printed = run_at_once(imports, program, url, NAME, num_processes=3)
    rows = [line.split(",") for text in printed for line in text.splitlines() if "," in line]
    assert len({slot for slot, _, _ in rows}) == len(rows) == 20
    assert sorted(key for _, key, _ in rows if key != "None") == [f"key {number}" for number in range(10)]
    assert Counter(is_reserved for _, _, is_reserved in rows) == {"True": 5, "False": 15}

    store = Store.open(url)
    with store.database.connect() as connection:
        assert connection.scalars(select(schema_version.c.version)).all() == [SCHEMA_VERSION]
    assert store.study_names() == [NAME]
    trained = [int(line) for text in printed for line in text.splitlines() if "," not in line]
    assert sorted(trained) == list(range(9))
    front = read_front(store.database, NAME)
    expected = [(21 * width + 10, 0.5 + width / 20) for width in range(2, 5) for _ in range(3)]
    assert sorted((point.num_params, point.val_accuracy) for point in front) == expected
    search = SearchStudy(store, NAME)
    assert search.repair(store.locks) == []
    assert [trial.user_attrs["trial"] for trial in search.curves.trials] == list(range(9))


@pytest.mark.parametrize("opener", OPENERS)
def test_a_store_reads_the_same_through_every_door(search: SearchStudy, opener: str) -> None:
    number = train_one(search, 4, [0.5, 0.9])
    store = OPENERS[opener](search.store.url)
    assert store is not None
    assert store.study_names() == [NAME]
    assert [(point.trial, point.val_accuracy) for point in read_front(store.database, NAME)] == [(number, 0.9)]
    assert len(read_epochs(store.database, NAME, [number])[number]) == 2
    assert [row["trial"] for row in trial_rows(store, NAME)] == [number]
    assert read_totals(store, store.load_study(NAME)).counts[Outcome.COMPLETE] == 1
    (curve,) = store.load_curves(NAME).trials
    assert curve.intermediate_values == {1: 0.5, 2: 0.9}
    (listed,) = list_studies(store)
    assert (listed.trials, listed.budget) == (1, FINGERPRINT["budget"])


def test_where_there_is_no_store_none_is_made(url: str) -> None:
    for opener in (Store.open, Store.open_read_only, Store.open_to_watch):
        with pytest.raises(InputError, match=r"no study store at|is not a study store of this program"):
            opener(url)
    assert Store.find(url) is None


def test_what_is_opened_to_read_refuses_to_be_written(search: SearchStudy) -> None:
    store = Store.open_read_only(search.store.url)
    with pytest.raises(DBAPIError, match=r"read-?only"), store.database.begin() as connection:
        connection.execute(update(schema_version).values(version=1))
    with pytest.raises(StorageInternalError):
        store.load_study(NAME).ask()


def test_a_newer_schema_is_refused(search: SearchStudy) -> None:
    with search.store.database.begin() as connection:
        connection.execute(update(schema_version).values(version=SCHEMA_VERSION + 1))
    for opener in (Store.create, *OPENERS.values()):
        with pytest.raises(InputError, match=f"has schema {SCHEMA_VERSION + 1}, newer than {SCHEMA_VERSION}"):
            opener(search.store.url)


def test_only_a_server_keeps_files_in_a_table(search: SearchStudy) -> None:
    tables = set(inspect(search.store.database).get_table_names())
    assert tables >= set(metadata.tables)
    assert ("artifacts" in tables) == search.store.url.startswith("postgresql")


# Slots


def test_threads_that_share_two_connections_claim_exactly_the_total(search: SearchStudy) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda worker: search.slots.claim(8, worker), range(16)))
    assert len({slot.id for slot in found if slot is not None}) == 8


def test_a_lost_worker_writes_nothing_and_another_goes_on(search: SearchStudy) -> None:
    first = claimed(search, 1)
    trial = begin(search, 4)
    first = search.slots.assign(first, trial.number, 94)
    search.store_epoch(first, results(0.5)[0])
    silence(search, first)
    other = reopen(search)
    assert other.lost_slots(other.store.locks) == {first.id}
    assert other.repair(other.store.locks) == [trial.number]
    second = claimed(other, 2)
    assert (second.id, second.num_attempts, second.num_losses) == (first.id, 2, 1)
    written: list[Path] = []
    with pytest.raises(SlotLostError):
        search.store_epoch(first, results(0.5, 0.6)[1], save=written.append)
    assert written == []
    with pytest.raises(SlotLostError):
        search.finish(trial, first, Outcome.COMPLETE, results(0.5))
    assert read_activity(other.store, NAME).running == []  # nobody holds the byte of worker 2


def test_a_lease_lasts_and_is_renewed_by_the_clock_of_the_database(search: SearchStudy) -> None:
    slot = claimed(search)
    silence(search, slot, LEASE_SECONDS - 5)
    (silent,) = search.slots.read()
    assert LEASE_SECONDS - 6 < silent.silent_seconds < LEASE_SECONDS
    search.slots.renew(1)
    (renewed,) = search.slots.read()
    assert -1 < renewed.silent_seconds < 5
    assert search.slots.take_back(silent) is None, "it has moved since"
    assert search.slots.take_back(renewed) == SlotState.RELEASED


def test_a_worker_hands_back_whatever_it_owns(search: SearchStudy) -> None:
    begun = search.slots.assign(claimed(search, 7), begin(search, 4).number, 94)
    empty, others = claimed(search, 7), claimed(search, 8)
    search.slots.hand_back(7)
    states = {slot.id: slot.state for slot in search.slots.read()}
    assert states == {
        begun.id: SlotState.INTERRUPTED,
        empty.id: SlotState.RELEASED,
        others.id: SlotState.RUNNING,
    }


# Results


def test_a_checkpoint_is_stored_with_its_epoch_or_not_at_all(search: SearchStudy) -> None:
    slot = search.slots.assign(claimed(search), begin(search, 4).number, 94)
    artifacts = search.store.artifacts
    search.store_epoch(slot, results(0.5)[0], save=lambda path: path.write_bytes(b"first") and None)
    assert artifacts.checkpoint(NAME, 0).read_bytes() == b"first"

    def fail(path: Path) -> None:
        raise InputError("the disk is full")

    with pytest.raises(InputError):
        search.store_epoch(slot, results(0.5, 0.6)[1], save=fail)
    assert len(read_epochs(search.store.database, NAME, [0])[0]) == 1
    again = reopen(search)
    assert again.store.artifacts.checkpoint(NAME, 0).read_bytes() == b"first"
    assert again.store.artifacts.checkpoints(NAME) == {0: checkpoint_file(NAME, 0)}
    trial = begin(search, 5)
    search.finish(trial, search.slots.assign(claimed(search), 1, 115), Outcome.COMPLETE, results(0.5))
    search.slots.interrupt(slot)
    assert search.repair(search.store.locks) == []
    assert artifacts.checkpoints(NAME) == {0: checkpoint_file(NAME, 0)}, "an interrupted trial keeps its checkpoint"


def test_repair_completes_a_front_and_curves_that_were_lost(search: SearchStudy) -> None:
    train_one(search, 4, [0.5, 0.9])
    before = read_front(search.store.database, NAME)
    with search.store.database.begin() as connection:
        connection.execute(metadata.tables["pareto_front"].delete())
    again = reopen(search)
    assert again.repair(again.store.locks) == []
    assert read_front(again.store.database, NAME) == before


def test_rejected_and_diverged_trials_and_confusions(search: SearchStudy) -> None:
    search.add_rejected(suggest(60), 1_000)
    number = train_one(search, 4, [0.1], Outcome.DIVERGED)
    kept = Confusion([[3, 1], [0, 2]], [(5, 0, 1)])
    with search.store.database.begin() as connection:
        write_confusion(connection, NAME, number, kept)
    assert read_confusions(search.store.database, NAME, [number]) == {number: kept}
    counts = read_totals(search.store, search.study).counts
    assert (counts[Outcome.REJECTED], counts[Outcome.DIVERGED]) == (1, 1)


# Files


def test_files_are_kept_under_their_names(search: SearchStudy) -> None:
    artifacts = search.store.artifacts
    artifacts.write("model", io.BytesIO(b"one"))
    artifacts.write("model", io.BytesIO(b"two"))
    other = reopen(search).store.artifacts
    assert other.open_reader("model").read() == b"two"
    assert other.find("model").read_bytes() == b"two"
    assert other.sizes(["model", "absent"]) == {"model": 3}
    assert not other.find("absent").exists()
    path = artifacts.new_file("kept")
    path.write_bytes(b"three")
    artifacts.keep(path)
    assert other.find("kept").read_bytes() == b"three"
    artifacts.remove("model")
    assert not other.find("model").exists(), "a copy that was found earlier is gone as well"
    for ask in (artifacts.open_reader, artifacts.remove):
        with pytest.raises(ArtifactNotFound):
            ask("model")
    assert artifacts.discard(["kept", "absent"]) == 1


def test_deleting_a_study_deletes_its_files_and_no_others(search: SearchStudy) -> None:
    other = SearchStudy.create_or_resume(search.store, "other", FINGERPRINT, search.store.locks)
    for each in (search, other):
        slot = each.slots.assign(claimed(each), begin(each, 4).number, 94)
        each.store_epoch(slot, results(0.5)[0], save=lambda path: path.write_bytes(b"state") and None)
    opening = {"study_name": NAME, "opened": "2026-11-28T10:00:00+00:00", "num_models": 5}
    with search.store.database.begin() as connection:
        connection.execute(insert(test_openings).values(opening))
    delete_study(search.store, NAME)
    store = Store.open(search.store.url)
    assert store.study_names() == ["other"]
    assert [num_models for _, num_models in read_openings(store.database, NAME)] == [5]
    assert store.artifacts.checkpoints(NAME) == {}
    assert store.artifacts.checkpoints("other").keys() == {0}


# Locks


def test_locks_of_this_process_nest(search: SearchStudy) -> None:
    locks = search.store.locks
    with locks.maintenance(), locks.curves(wait=True) as is_held:
        assert is_held


def test_processes_that_confirm_and_workers_that_die(search: SearchStudy) -> None:
    """One process confirms at a time; the death of a worker of this machine is known at once."""
    imports = "from studies.storage import Store\nfrom studies.study import SearchStudy"
    program = (
        "import os\n"
        "store = Store.open(sys.argv[1])\n"
        "store.locks.hold(os.getpid())\n"
        "slot = SearchStudy(store, sys.argv[2]).slots.claim(9, os.getpid())\n"
        "with store.locks.confirming() as is_held:\n"
        "    print('held' if is_held else 'refused', slot.id, flush=True)\n"
        "    import time; time.sleep(2)"
    )
    printed = [text.split() for text in run_at_once(imports, program, search.store.url, NAME, num_processes=2)]
    assert sorted(said for said, _ in printed) == ["held", "refused"]
    again = reopen(search)
    assert not again.store.locks.is_held(CONFIRMING)
    assert again.lost_slots(again.store.locks) == {int(slot) for _, slot in printed}
