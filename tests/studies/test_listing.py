"""What is listed of a store's studies, and that deleting one takes all that is its own and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from space.errors import InputError
from studies.confirmations import Confirmation, Stage
from studies.listing import artifact_sizes, delete_study, list_studies
from studies.pareto import FrontPoint
from studies.records import read_epochs
from studies.slots import SlotState
from studies.storage import Store
from studies.study import SearchStudy
from tests.stores import (
    BUDGET,
    EARLIER_SCHEMAS,
    begin,
    create_search,
    living_worker,
    make_search,
    reopen,
    restore_store,
    train_one,
)


def with_files(search: SearchStudy) -> list[Path]:
    """A trial with a model file of 100 bytes, and the checkpoint of 10 of another."""
    number = train_one(search, 4, [0.5, 0.8])
    trial = begin(search, 5)
    weights = search.store.artifacts.folder / f"weights-{search.name}"
    weights.write_bytes(b"w" * 100)
    with search.store.database.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, 'weights', ?)",
            (search.study.trials[number]._trial_id, f'"{weights.name}"'),
        )
    checkpoint = search.store.artifacts.checkpoint(search.name, trial.number)
    checkpoint.write_bytes(b"c" * 10)
    return [weights, checkpoint]


def test_what_is_told_of_a_study(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    make_search(tmp_path, "empty")
    with_files(search)
    listed, empty = list_studies(Store.open_read_only(search.store.url))
    assert (listed.name, listed.dataset, listed.budget, listed.trials) == (search.name, "digits", BUDGET, 1)
    assert listed.best == FrontPoint(0, 94, 0.8, "4s:br gap fc10+")
    assert listed.artifact_bytes == 110
    assert listed.last_change is not None
    assert abs((datetime.now(UTC) - listed.last_change).total_seconds()) < 60
    assert (empty.name, empty.trials, empty.best, empty.last_change, empty.artifact_bytes) == (
        "empty",
        0,
        None,
        None,
        0,
    )


@pytest.mark.parametrize("schema", EARLIER_SCHEMAS)
def test_a_study_of_an_earlier_version_has_all_its_files(schema: int, tmp_path: Path) -> None:
    store = Store.open_read_only(restore_store(tmp_path, schema))
    files = {path for path in tmp_path.glob("*.artifacts/*") if path.suffix != ".lock"}
    assert {path.name: path.stat().st_size for path in files} == artifact_sizes(store, "digits-700")
    assert len(files) >= 6


def test_a_deleted_study_takes_all_that_is_its_own(tmp_path: Path) -> None:
    search, other = make_search(tmp_path), make_search(tmp_path, "other")
    files, kept = with_files(search), with_files(other)
    confirmation = Confirmation.begin(
        search.store.database,
        search.name,
        seeds={Stage.DECIDE: (1,), Stage.MEASURE: (2,)},
        top=None,
        num_complete=1,
        contenders=[],
    )
    confirmation.record_opening(1)
    delete_study(search.store, search.name)
    store = Store.open(search.store.url)
    assert store.study_names() == ["other"]
    assert [study.study_name for study in store.storage.get_all_studies()] == ["other", "other.curves"]
    assert read_epochs(store.database, search.name, [0]) == {0: []}
    assert [path.exists() for path in (*files, *kept)] == [False, False, True, True]
    assert len(reopen(other).study.trials) == 2
    with store.database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM test_openings").scalar() == 1
    # Its name can be used again.
    assert create_search(tmp_path, search.name).study.trials == []


def test_a_study_that_is_searched_is_not_deleted(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    assert search.slots.claim(9, 11) is not None
    said = pytest.raises(InputError, match="is being searched: end that call first")
    with living_worker(search.store.lock_path, 11), said:
        delete_study(reopen(search).store, search.name)
    assert [slot.state for slot in search.slots.read()] == [SlotState.RUNNING]
    delete_study(reopen(search).store, search.name)
    assert Store.open(search.store.url).study_names() == []
