"""Studies that another program deleted, renamed or copied."""

from pathlib import Path

import optuna
import pytest

from space.errors import DamagedStoreError, InputError
from studies.fingerprints import read_fingerprint
from studies.locks import WorkerLocks
from studies.names import gone_names
from studies.records import read_epochs, read_front
from studies.slots import SlotState
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import read_trials
from tests.stores import FINGERPRINT, NAME, begin, create_search, make_search, reopen, train_one


def delete(search: SearchStudy, name: str = NAME) -> None:
    optuna.delete_study(study_name=name, storage=search.store.url)


def copy(search: SearchStudy, name: str, to_name: str, to_url: str | None = None) -> None:
    url = search.store.url
    optuna.copy_study(from_study_name=name, from_storage=url, to_storage=to_url or url, to_study_name=to_name)


def test_a_deleted_study_is_gone_and_others_stay(tmp_path: Path) -> None:
    search, other = make_search(tmp_path), make_search(tmp_path, "another")
    train_one(search, 8, [0.9])
    delete(search)
    store = Store.open_read_only(search.store.url)
    assert (store.study_names(), gone_names(store.database)) == (["another"], [NAME])
    assert store.resolve_study_name(None) == "another"
    assert read_fingerprint(store, NAME) is None
    said = f"study '{NAME}' is gone from {store.url}: another program deleted or renamed it; there are: another; "
    for call in (store.resolve_study_name, store.load_study):
        with pytest.raises(DamagedStoreError) as caught:
            call(NAME)
        assert str(caught.value).startswith(said)
    delete(other, "another")
    store = Store.open_read_only(search.store.url)
    with pytest.raises(InputError, match="holds 0 studies"):
        store.resolve_study_name(None)


def test_a_study_that_goes_while_it_is_searched_is_gone(search: SearchStudy) -> None:
    trial = begin(search, 8)
    delete(reopen(search))
    for read in (
        lambda: read_trials(search.store, search.study),
        lambda: search.repair(WorkerLocks(search.store.lock_path)),
    ):
        with pytest.raises(DamagedStoreError, match=f"study '{NAME}' is gone"):
            read()
    with pytest.raises(KeyError):
        trial.set_user_attr("seed", 1)


def test_the_name_of_a_gone_study_can_be_used_again(search: SearchStudy, tmp_path: Path) -> None:
    train_one(search, 8, [0.6, 0.9])
    delete(search)
    anew = create_search(tmp_path)
    assert (read_trials(anew.store, anew.study), anew.curves.trials, anew.slots.read()) == ([], [], [])
    assert read_fingerprint(anew.store, NAME) == FINGERPRINT
    assert (read_front(anew.store.database, NAME), read_epochs(anew.store.database, NAME, [0])) == ([], {0: []})
    assert train_one(anew, 4, [0.8]) == 0
    assert anew.repair(WorkerLocks(anew.store.lock_path)) == []
    assert [slot.state for slot in anew.slots.read()] == ["complete"] != [SlotState.RUNNING]


def test_a_renamed_study_is_a_copy_that_can_be_named_back(search: SearchStudy) -> None:
    number = train_one(search, 8, [0.6, 0.9])
    copy(search, NAME, "renamed")  # as optuna-dashboard renames
    delete(search)
    store = Store.open(search.store.url)
    with pytest.raises(
        DamagedStoreError, match=r"there are none, and copies of studies: renamed; .*run.* begins it anew"
    ):
        store.resolve_study_name(NAME)
    said = f"'renamed' in .* is a copy that another program made.*name of the original, '{NAME}', which is gone$"
    with pytest.raises(InputError, match=said):
        store.resolve_study_name("renamed")
    with pytest.raises(InputError, match=said):
        SearchStudy.create_or_resume(store, "renamed", FINGERPRINT, WorkerLocks(store.lock_path))
    copy(search, "renamed", NAME)
    again = reopen(search)
    assert again.repair(WorkerLocks(again.store.lock_path)) == []
    assert [trial.number for trial in read_trials(again.store, again.study)] == [number]
    assert [point.trial for point in read_front(again.store.database, NAME)] == [number]


def test_the_study_of_curves_is_made_again(search: SearchStudy) -> None:
    train_one(search, 8, [0.6, 0.9])
    delete(search, f"{NAME}.curves")
    again = reopen(search)
    assert again.repair(WorkerLocks(again.store.lock_path)) == []
    assert [trial.intermediate_values for trial in again.curves.trials] == [{1: 0.6, 2: 0.9}]


def test_a_file_that_optuna_copied_to_says_what_would_make_it_usable(search: SearchStudy, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    copy(search, NAME, NAME, url)
    with pytest.raises(InputError, match=f"no.* a study store.*: Optuna copied '{NAME}' to it.*copy the whole file of"):
        Store.open_read_only(url)
    foreign = f"sqlite:///{tmp_path / 'foreign.db'}"
    optuna.create_study(storage=foreign, study_name="theirs")
    with pytest.raises(
        InputError, match=r"is not a study store of this program; of Optuna's studies, there are: theirs$"
    ):
        Store.open_read_only(foreign)
