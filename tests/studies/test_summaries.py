"""What is read of trials with SQL: the same as Optuna reads, each once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState
from sqlalchemy import event

from space.errors import DamagedStoreError
from studies.frozen_trials import read_frozen_trials
from studies.storage import Store
from studies.study import SearchStudy
from studies.summaries import TrialSummaries, read_totals
from studies.trials import TRAINED, Outcome, outcome_of
from tests.stores import BUDGET, begin, make_search, restore_store, suggest, summaries_of, train_one
from tests.studies.conftest import make_one_of_each

COUNTS = {
    Outcome.COMPLETE: 2,
    Outcome.PRUNED: 1,
    Outcome.DIVERGED: 1,
    Outcome.REJECTED: 1,
    Outcome.DUPLICATE: 1,
    Outcome.FAILED: 1,
}


def break_attribute(search: SearchStudy, number: int, key: str, text: str) -> None:
    trial_id = search.study.trials[number]._trial_id
    with search.store.database.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE trial_user_attributes SET value_json = '{text}' WHERE trial_id = {trial_id} AND key = '{key}'"
        )


# Whole trials


def test_trials_are_what_optuna_reads(search: SearchStudy) -> None:
    make_one_of_each(search)
    trials = search.study.get_trials()
    read = read_frozen_trials(search.store.database, search.study._study_id)
    assert read == trials
    assert [trial.constraints for trial in read] == [trial.constraints for trial in trials]
    some = [trials[5]._trial_id, trials[0]._trial_id, trials[3]._trial_id]
    assert read_frozen_trials(search.store.database, search.study._study_id, some) == [trials[0], trials[3], trials[5]]
    assert read_frozen_trials(search.store.database, search.study._study_id, []) == []


@pytest.mark.parametrize("schema", [1, 2])
def test_trials_of_a_search_are_what_optuna_reads(schema: int, tmp_path: Path) -> None:
    store = Store.open_read_only(restore_store(tmp_path, schema))
    study = store.load_study("digits-700")
    assert read_frozen_trials(store.database, study._study_id) == study.get_trials()


# Summaries


def test_a_summary_says_what_the_trial_says(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    trials, summaries = search.study.trials, summaries_of(search)
    assert summaries.counts == COUNTS
    assert summaries.unfinished == {numbers["running"]: trials[numbers["running"]]._trial_id}
    assert (summaries.num_trials, summaries.trained_seconds) == (8, 16.0)
    assert [trial.number for trial in summaries.ended] == list(range(7))
    for summary in summaries.ended:
        trial = trials[summary.number]
        known = trial.user_attrs
        assert (summary.trial_id, summary.state, summary.outcome) == (trial._trial_id, trial.state, outcome_of(trial))
        assert (summary.num_params, summary.num_epochs) == (known["num_params"], known.get("num_epochs", 0))
        assert (summary.val_accuracy, summary.seconds) == (known.get("val_accuracy"), known.get("seconds", 0.0))
        assert summary.engine == ("torch on cpu" if "run" in known else None)
    assert summaries.seconds_of([numbers["complete"], numbers["running"]]) == [6.0]


def test_each_trial_is_read_once_after_it_has_ended(tmp_path: Path, search: SearchStudy) -> None:
    """In the order in which they end, whatever another study of the store does."""
    other, summaries = make_search(tmp_path, "other"), TrialSummaries(search.store, search.study)
    assert summaries.update() == []
    slot = search.slots.claim(9, 1)
    assert slot is not None
    slow = begin(search, 6)
    train_one(other, 4, [0.5])
    fast = train_one(search, 4, [0.5])
    assert [trial.number for trial in summaries.update()] == [fast]
    assert summaries.unfinished.keys() == {slow.number}
    train_one(other, 4, [0.5])
    assert summaries.update() == []
    search.finish(slow, search.slots.assign(slot, slow.number, 136), Outcome.PRUNED, [], {"seed": 0})
    rejected = fast + 1
    search.add_rejected(suggest(100), BUDGET)
    assert [trial.number for trial in summaries.update()] == [rejected, slow.number]
    assert [trial.number for trial in summaries.ended] == [fast, rejected, slow.number]
    assert (summaries.unfinished, summaries.num_trials) == ({}, 3)
    queries: list[str] = []
    event.listen(search.store.database, "before_cursor_execute", lambda *context: queries.append(context[2]))
    assert summaries.update() == []
    assert len(queries) == 1


def test_known_nets_and_redrawn_candidates_count_from_the_start(search: SearchStudy) -> None:
    for num_redrawn in (3, 40):
        search.begin(
            replace(suggest(4), attributes={"num_redrawn": num_redrawn, "warm_start": "a net"}), BUDGET, run={}
        )
    search.add_rejected(suggest(100), BUDGET)
    for _ in range(2):
        summaries = summaries_of(search)
        summaries.update()
        assert (summaries.counts[Outcome.REJECTED], summaries.num_warm_started) == (44, 2)
    assert read_totals(search.store, search.study).counts[Outcome.REJECTED] == 44


def test_what_another_program_left_waiting_has_not_ended(search: SearchStudy) -> None:
    search.study.enqueue_trial({"width": 3})
    summaries = summaries_of(search)
    assert (summaries.ended, list(summaries.unfinished)) == ([], [0])
    assert not search.tell_failed(0, "lost")
    assert search.study.trials[0].state == TrialState.WAITING


BROKEN = {
    "no JSON": ("outcome", "complete", "its user attribute 'outcome' is not JSON: 'complete'"),
    "no outcome": ("outcome", '"ended"', "its user attribute 'outcome' must be one of complete, pruned"),
    "another outcome": ("outcome", '"pruned"', "its outcome is pruned, its state COMPLETE"),
    "no engine": ("run", "{}", "its user attribute 'run' has no engine or device"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("read", [summaries_of, lambda search: read_totals(search.store, search.study)])
def test_damage_is_told(search: SearchStudy, case: str, read: Callable[[SearchStudy], object]) -> None:
    train_one(search, 4, [0.5])
    number = train_one(search, 5, [0.5])
    key, text, problem = BROKEN[case]
    break_attribute(search, number, key, text)
    with pytest.raises(DamagedStoreError) as caught:
        read(search)
    assert f"trial {number} of study '{search.name}': {problem}" in str(caught.value)


def test_a_trial_that_is_missing_is_told(search: SearchStudy) -> None:
    for width in (4, 5, 6):
        train_one(search, width, [0.5])
    with search.store.database.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM trials WHERE trial_id = {search.study.trials[1]._trial_id}")
    with pytest.raises(DamagedStoreError, match=f"trial 1 of study '{search.name}' is missing"):
        summaries_of(search)


# Totals


def test_totals_are_those_of_the_summaries(search: SearchStudy) -> None:
    make_one_of_each(search)
    totals, summaries = read_totals(search.store, search.study), summaries_of(search)
    assert {outcome: totals.counts[outcome] for outcome in Outcome} == COUNTS
    assert totals.seconds == sum(trial.seconds for trial in summaries.ended if trial.outcome in TRAINED)
    assert totals.engines == ["torch on cpu"]


def test_nothing_has_no_totals(search: SearchStudy) -> None:
    totals = read_totals(search.store, search.study)
    assert (sum(totals.counts.values()), totals.seconds, totals.engines) == (0, 0.0, [])
