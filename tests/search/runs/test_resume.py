"""A call goes on with its study: under the name and with the space that it was made with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_core.data import load_dataset
from mnist_core.engine import TORCH
from search.runs.config import RunConfig
from search.runs.resume import settle
from search.runs.worker import fill, prepare_trials
from space.architecture import ArchitectureSpec
from space.errors import InputError
from space.footprint import footprint
from space.search_space import SearchSpace
from studies.fingerprints import read_fingerprint
from studies.locks import WorkerLocks
from studies.records import read_epochs
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import Outcome, attributes_of, candidate_of
from tests.runners import small_space
from tests.search.conftest import Command, CommandHere
from tests.stores import EARLIER_SCHEMAS, WORKER, restore_store

MADE: dict[str, Any] = {"budget": 700, "dataset": "digits", "epochs": 5, "seed": 3, "train_size": 300}
"""How the kept stores of schemas 1 and 2 were made."""
LATER = {"epochs": 3, "train_size": 100, "study": "digits-700"}
"""What was different for those of later schemas."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return restore_store(tmp_path, 1)


def settled(url: str, *, uses_stored_space: bool = True, **settings: Any) -> RunConfig:
    config = RunConfig(storage=url, uses_stored_space=uses_stored_space, **MADE | settings)
    return settle(config, load_dataset("digits", None, train_size=config.train_size))


def test_a_study_that_an_earlier_version_named_goes_on_under_that_name(url: str) -> None:
    assert settled(url).study_name == "digits-700"
    assert settled(url, train_size=200).study_name == "digits-700-train200-epochs5-seed3"
    assert settled(url, study="mine").study_name == "mine"


def test_a_new_default_space_refuses_no_old_study(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = read_fingerprint(Store.open_read_only(url), "digits-700")
    assert stored is not None
    newer = small_space()
    monkeypatch.setattr(SearchSpace, "default", lambda: newer)
    config = settled(url, study="digits-700", space=newer)
    assert config.space.to_stored() == stored["space"]
    assert not config.uses_stored_space
    assert settled(url, study="another", space=newer).space == newer
    # Where a space is named, it is the one; whether it is the study's is for the fingerprint to tell.
    assert settled(url, uses_stored_space=False, study="digits-700", space=newer).space == newer


def test_a_budget_below_the_smallest_net_is_refused_once_the_space_is_known(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'absent.db'}"
    config = RunConfig(budget=100, dataset="digits", storage=url, uses_stored_space=True)
    with pytest.raises(InputError, match="--budget must be at least 241"):
        settle(config, load_dataset("digits", None))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="--budget must be at least 241"):
        replace(config, uses_stored_space=False)


def test_limits_of_a_device_are_kept_by_the_study_and_met_by_what_it_trains(
    search: Command, search_here: CommandHere
) -> None:
    made = ("run", "--dataset", "digits", "--budget", 3000, "--epochs", 1, "--train-size", 150, "--workers", 1)
    limits = {"max_flash": 3_072, "max_ram": 3_000, "max_macs": 300_000}
    options = [word for name, size in limits.items() for word in (f"--{name.replace('_', '-')}", size)]
    first = search(*made, *options[:1], "3k", *options[2:], "--trials", 4)
    assert first.returncode == 0, first.stderr
    name = "digits-3000-flash3k-ram3000-macs300k-train150-epochs1"
    said = "flash of at most 3,072 bytes, RAM of at most 3,000 bytes, at most 300,000 MACs"
    assert f"{name}: 4 trials of up to 3,000 parameters, {said}, 1 epoch, on digits" in first.stderr
    trials = search_here.json("trials")
    trained = [trial for trial in trials if trial["outcome"] in ("complete", "pruned")]
    assert len(trained) == 4
    for trial in trained:
        taken = footprint(ArchitectureSpec.from_text(trial["notation"]))
        assert taken.flash_bytes <= 3_072
        assert taken.ram_bytes <= 3_000
        assert taken.num_macs <= 300_000
    again = search_here(*made, "--study", name, "--trials", 4)
    assert f"{name}: 4 trials (4 already trained) of up to 3,000 parameters, {said}, " in again.stderr
    assert search_here.json("status")["limits"] == limits
    other = search_here(*made, "--study", name, "--max-ram", "4k", "--trials", 6)
    assert other.returncode == 2
    assert "max_ram was 3000 and is now 4096; use its settings, or choose another name" in other.stderr


def test_earlier_candidates_keep_their_keys(url: str) -> None:
    trials = Store.open_read_only(url).load_study("digits-700").get_trials(deepcopy=False)
    keys = [attributes_of(trial)["candidate_key"] for trial in trials]
    assert len(set(keys)) == 5
    assert [candidate_of(trial).key for trial in trials] == keys
    assert [candidate_of(trial).to_json() for trial in trials] == [
        attributes_of(trial)["candidate"] for trial in trials
    ]


def test_a_store_of_an_earlier_version_goes_on(url: str, search: Command, search_here: CommandHere) -> None:
    made = [f"--{name.replace('_', '-')}={value}" for name, value in MADE.items()]
    result = search("run", *made, "--trials", 6, "--workers", 1)
    assert result.returncode == 0, result.stderr
    assert "digits-700: 6 trials (5 already trained) of up to 700 parameters" in result.stderr
    store = Store.open_read_only(url)
    assert store.study_names() == ["digits-700"]
    assert search_here.json("status")["trained"] == 6
    assert len(search_here.json("front", "--confirmed")) == 2


@pytest.mark.parametrize("schema", EARLIER_SCHEMAS[2:])
def test_a_trial_that_an_earlier_version_began_goes_on_from_its_checkpoint(schema: int, tmp_path: Path) -> None:
    url, data = restore_store(tmp_path, schema), load_dataset("digits", None, train_size=100)
    config = settle(RunConfig(trials=4, storage=url, uses_stored_space=True, **MADE | LATER), data)
    store = Store.open(url)
    locks = WorkerLocks(store.lock_path)
    search = SearchStudy.create_or_resume(store, "digits-700", config.fingerprint(data), locks)
    search.repair(locks)
    slot = search.slots.claim(config.trials, WORKER)
    assert slot is not None
    assert (slot.trial_number, slot.num_losses) == (3, 1)
    (first,) = read_epochs(store.database, search.name, [3])[3]
    proposals, trainer = prepare_trials(
        search, config, data, device="cpu", engine=TORCH, seed=0, should_stop=lambda: False
    )
    assert fill(slot, search, proposals, trainer) == Outcome.COMPLETE
    kept, *added = read_epochs(store.database, search.name, [3])[3]
    assert (kept, [epoch.epoch for epoch in added]) == (first, [2, 3])
