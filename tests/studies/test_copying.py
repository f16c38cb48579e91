from pathlib import Path
from typing import BinaryIO

import pytest

from benchmarks.postgres_server import PostgresServer
from space.errors import InputError, SearchFailedError
from studies.artifacts import sha256_of
from studies.confirmations import read_confirmed_front, read_openings
from studies.copying import copy_study
from studies.listing import artifact_sizes, delete_study, list_study
from studies.records import curve_rows, read_front, trial_rows
from studies.sealed import sealed_file
from studies.slots import TrialSlots
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import attributes_of, complete_trial
from tests.stores import living_worker, make_search, restore_store

NAME = "digits-700"


def contents(store: Store) -> list[object]:
    """What commands read of the study, and the hashes of its files."""
    slots = TrialSlots(store.database, NAME).read()
    return [
        trial_rows(store, NAME),
        curve_rows(store.database, NAME),
        read_front(store.database, NAME),
        read_confirmed_front(store.database, NAME),
        read_openings(store.database, NAME),
        list_study(store, NAME),
        [(slot.state, slot.trial_number, slot.candidate_key, slot.heartbeat) for slot in slots],
        [trial.intermediate_values for trial in store.load_curves(NAME).trials],
        {name: sha256_of(store.artifacts.find(name)) for name in artifact_sizes(store, NAME)},
    ]


def test_a_confirmed_study_goes_to_a_server_and_back(tmp_path: Path, postgres: PostgresServer) -> None:
    """It has a confirmation, an interrupted trial with its checkpoint, and openings of the test set."""
    original = Store.open_read_only(restore_store(tmp_path, 2))
    sealed = sealed_file("f" * 64)
    before = contents(original)
    assert before[3]
    server = Store.create(postgres.create_database("copied"))
    there = copy_study(original, server, NAME)
    assert there.num_trials == len(original.load_study(NAME).trials)
    assert there.num_files == len(artifact_sizes(original, NAME)) >= 6
    assert contents(Store.open_read_only(server.url)) == before

    back = Store.create(f"sqlite:///{tmp_path / 'back.db'}")
    assert copy_study(server, back, NAME) == there
    delete_study(back, NAME)  # which leaves the record of openings
    assert copy_study(server, back, NAME) == there
    assert contents(Store.open_read_only(back.url)) == before
    weights = attributes_of(complete_trial(back, NAME, read_front(back.database, NAME)[0].trial))
    assert sha256_of(back.artifacts.find(weights["weights"])) == weights.get(
        "weights_sha256", sha256_of(original.artifacts.find(weights["weights"]))
    )
    assert not back.artifacts.find(sealed).exists()

    again = SearchStudy(server, NAME)  # which goes on there
    again.repair(server.locks)
    slot = again.slots.claim(100, 1)
    assert slot is not None
    for target in (server, original):
        with pytest.raises(InputError, match="holds a study 'digits-700' already"):
            copy_study(original, target, NAME)


def test_a_study_that_is_searched_is_not_copied(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    assert search.slots.claim(9, 11) is not None
    target = Store.create(f"sqlite:///{tmp_path / 'target.db'}")
    with living_worker(search.store.lock_path, 11), pytest.raises(InputError, match="is being searched"):
        copy_study(search.store, target, search.name)
    assert target.study_names() == []
    copied = copy_study(search.store, target, search.name)
    assert (copied.num_trials, copied.num_files) == (0, 0)


def test_a_study_that_changes_meanwhile_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Store.open(restore_store(tmp_path, 2))
    target = Store.create(f"sqlite:///{tmp_path / 'target.db'}")
    read = source.artifacts.open_reader

    def removing(name: str) -> BinaryIO:
        opened = read(name)
        source.artifacts.find(name).unlink()
        return opened

    monkeypatch.setattr(type(source.artifacts), "open_reader", lambda _self, name: removing(name))
    with pytest.raises(SearchFailedError, match="has changed while it was copied: nothing was copied"):
        copy_study(source, target, NAME)
    assert target.study_names() == []
