from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from space.errors import InputError
from studies.fingerprints import check_fingerprint, read_fingerprint
from studies.locks import WorkerLocks
from studies.pareto import pareto_front
from studies.records import read_epochs, read_front
from studies.slots import MAX_LOSSES, Slot, SlotLostError, SlotState
from studies.storage import Store
from studies.study import SearchStudy
from studies.trials import TRAINED, Outcome, front_point, outcome_of, write_attributes
from tests.stores import (
    BUDGET,
    FINGERPRINT,
    WORKER,
    begin,
    create_search,
    go_on,
    living_worker,
    make_search,
    net,
    reopen,
    results,
    silence,
    suggest,
    train_one,
)


def locks_of(search: SearchStudy) -> WorkerLocks:
    return WorkerLocks(search.store.lock_path)


# Making and resuming


def test_a_new_search_has_two_studies_with_named_metrics(search: SearchStudy) -> None:
    assert search.study.directions == [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
    assert search.study.metric_names == ["val_accuracy", "num_params"]
    assert search.curves.study_name == f"{search.name}.curves"
    assert search.curves.directions == [StudyDirection.MAXIMIZE]
    assert search.curves.metric_names == ["val_accuracy"]
    assert search.study.user_attrs["fingerprint"] == FINGERPRINT
    assert read_fingerprint(search.store, search.name) == FINGERPRINT


def test_the_same_fingerprint_resumes(tmp_path: Path, search: SearchStudy) -> None:
    number = train_one(search, 4, [0.5])
    again = create_search(tmp_path)
    assert [trial.number for trial in again.study.trials] == [number]
    assert again.store.study_names() == [search.name]


def test_another_fingerprint_is_refused_and_each_difference_named(search: SearchStudy) -> None:
    given = {"dataset": "mnist", "budget": BUDGET, "epochs": 15}
    with pytest.raises(InputError) as caught:
        SearchStudy.create_or_resume(search.store, search.name, given, locks_of(search))
    message = str(caught.value)
    assert message.startswith("study 'digits-1000' was made differently: ")
    assert "dataset was 'digits' and is now 'mnist'; epochs was None and is now 15;" in message
    assert "budget" not in message
    assert "--study" in message
    assert read_fingerprint(search.store, search.name) == FINGERPRINT


def test_a_setting_that_is_gone_is_a_difference_too() -> None:
    check_fingerprint("a", {"x": 1, "y": 2}, {"y": 2, "x": 1})
    with pytest.raises(InputError, match="x was 1 and is now None"):
        check_fingerprint("a", {"x": 1, "y": 2}, {"y": 2})


@pytest.mark.parametrize("suffix", ["", ".curves"])
def test_another_programs_study_of_that_name_is_left_alone(tmp_path: Path, suffix: str) -> None:
    store = Store.create(f"sqlite:///{tmp_path / 'studies.db'}")
    foreign = optuna.create_study(storage=store.storage, study_name=f"digits-1000{suffix}")
    foreign.tell(foreign.ask(), 1.0)
    with pytest.raises(InputError, match=f"'digits-1000{suffix}' of another program: name another with --study"):
        create_search(tmp_path)
    assert store.study_names() == []
    assert [trial.values for trial in foreign.trials] == [[1.0]]


def test_another_programs_study_without_trials_is_left_alone_too(tmp_path: Path) -> None:
    store = Store.create(f"sqlite:///{tmp_path / 'studies.db'}")
    optuna.create_study(storage=store.storage, study_name="digits-1000", direction="minimize")
    with pytest.raises(InputError, match="'digits-1000' of another program: name another with --study"):
        create_search(tmp_path)
    assert store.study_names() == []


@pytest.mark.parametrize("failing", ["set_metric_names", "set_user_attr"])
def test_a_search_whose_making_was_cut_short_is_made_again(
    tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, failing, kill)
        with pytest.raises(Killed):
            create_search(tmp_path)
    search = create_search(tmp_path)
    assert search.study.metric_names == ["val_accuracy", "num_params"]
    assert search.store.study_names() == [search.name]
    train_one(search, 4, [0.5])
    assert len(read_front(search.store.database, search.name)) == 1


# Ends of trials


def test_a_rejected_trial_tells_by_how_much(search: SearchStudy) -> None:
    search.add_rejected(suggest(100), BUDGET)
    (trial,) = reopen(search).study.trials
    assert trial.state == TrialState.PRUNED
    assert trial.values is None
    assert trial.constraints == {"budget": pytest.approx(2_110 / BUDGET - 1)}
    assert trial.user_attrs == {
        "num_params": 2_110,
        "notation": "100s:br gap fc10+",
        "reason": "2,110 parameters are over the budget of 1,000",
        "outcome": "rejected",
    }
    assert len(search.curves.trials) == 0


def test_a_complete_trial(search: SearchStudy) -> None:
    number = train_one(search, 4, [0.1, 0.9, 0.7, 0.8])
    (trial,) = reopen(search).study.trials
    assert (trial.number, trial.state, trial.values) == (number, TrialState.COMPLETE, [0.8, 94.0])
    assert trial.constraints == {"budget": pytest.approx(94 / BUDGET - 1)}
    attributes = trial.user_attrs
    assert attributes.pop("val_accuracy_spread") == pytest.approx(0.2)  # of the last three epochs
    assert attributes == {
        "outcome": "complete",
        "num_params": 94,
        "notation": "4s:br gap fc10+",
        "candidate": net(4).to_json(),
        "candidate_key": net(4).key,
        "run": {"engine": "torch", "device": "cpu"},
        "seed": number,
        "num_epochs": 4,
        "seconds": 8.0,
        "val_accuracy": 0.8,  # the last epoch's, not the best
    }


def test_further_attributes_are_kept(search: SearchStudy) -> None:
    slot = search.slots.claim(1, WORKER)
    assert slot is not None
    trial = begin(search, 4)
    slot = search.slots.assign(slot, trial.number, 94)
    search.store_epoch(slot, results(0.5)[0])
    search.finish(trial, slot, Outcome.COMPLETE, results(0.5), {"seed": 0, "weights": "an artifact"})
    assert search.study.trials[0].user_attrs["weights"] == "an artifact"


@pytest.mark.parametrize("outcome", [Outcome.PRUNED, Outcome.DIVERGED])
def test_a_trial_that_was_stopped(search: SearchStudy, outcome: Outcome) -> None:
    train_one(search, 4, [0.3, 0.2], outcome)
    (trial,) = reopen(search).study.trials
    assert (trial.state, trial.values) == (TrialState.PRUNED, None)
    assert trial.constraints["budget"] < 0
    shown = {name: trial.user_attrs[name] for name in ("outcome", "reason", "num_epochs", "seconds", "val_accuracy")}
    assert shown == {
        "outcome": outcome,
        "reason": f"{outcome} in a test",
        "num_epochs": 2,
        "seconds": 4.0,
        "val_accuracy": 0.2,
    }
    assert read_front(search.store.database, search.name) == []


def test_a_trial_that_diverged_at_once_has_no_accuracy(search: SearchStudy) -> None:
    train_one(search, 4, [], Outcome.DIVERGED)
    attributes = search.study.trials[0].user_attrs
    assert (attributes["num_epochs"], attributes["seconds"]) == (0, 0)
    assert "val_accuracy" not in attributes
    assert [trial.intermediate_values for trial in search.curves.trials] == [{}]


@pytest.mark.parametrize("outcome", TRAINED)
def test_a_duplicate_takes_over_what_is_stored_and_has_no_curve_of_its_own(
    search: SearchStudy, outcome: Outcome
) -> None:
    original = train_one(search, 4, [0.5, 0.8], outcome)
    front = read_front(search.store.database, search.name)
    search.add_duplicate(suggest(4), original)
    first, second = reopen(search).study.trials
    assert (second.state, second.values, second.constraints) == (first.state, first.values, first.constraints)
    assert (second.user_attrs["outcome"], second.user_attrs["duplicate_of"]) == ("duplicate", original)
    assert second.user_attrs["notation"] == "4s:br gap fc10+"
    search.repair(locks_of(search))
    assert read_front(search.store.database, search.name) == front
    assert [bool(trial.intermediate_values) for trial in reopen(search).curves.trials] == [True, False]


def test_a_failed_trial(search: SearchStudy) -> None:
    trial = begin(search, 4)
    search.tell_failed(trial.number, "its worker was lost")
    search.tell_failed(trial.number, "another reason")
    (frozen,) = reopen(search).study.trials
    assert (frozen.state, frozen.user_attrs["reason"]) == (TrialState.FAIL, "its worker was lost")


def test_a_finished_trial_does_not_fail_any_more(search: SearchStudy) -> None:
    number = train_one(search, 4, [0.5])
    search.tell_failed(number, "its worker was lost")
    (trial,) = reopen(search).study.trials
    assert trial.state == TrialState.COMPLETE
    assert "reason" not in trial.user_attrs


# The study that samples


def test_the_study_that_samples_never_gets_intermediate_values(search: SearchStudy) -> None:
    # Optuna's TPE can't sample any more from a multi-objective study where a pruned trial has them.
    for width in range(1, 8):
        outcome = TRAINED[width % len(TRAINED)]
        train_one(search, width, [0.1 * width, 0.1 * width], outcome)
        search.add_rejected(suggest(100 * width), BUDGET)
    search = reopen(search)
    assert [trial.intermediate_values for trial in search.study.trials] == [{}] * 14
    search.study.sampler = TPESampler(multivariate=True, n_startup_trials=1, seed=0)
    search.study.ask().suggest_int("width", 1, 1_000)


# What a killed worker leaves behind


class Killed(BaseException):
    """In place of SIGKILL: nothing in the program catches it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def on_call(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """``real`` until its call of that number, counted from 1, which kills."""
    calls = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return real(*args, **kwargs) if len(calls) < number else kill()

    return counted


Patch = Callable[[pytest.MonkeyPatch, SearchStudy], None]

# Where the worker dies, and what repair makes of its slot. None: the trial was told, so nothing is lost.
CRASHES: dict[str, tuple[Patch, SlotState | None]] = {
    "before it begins": (lambda patch, s: patch.setattr(s, "begin", kill), SlotState.RELEASED),
    "after it began": (lambda patch, s: patch.setattr(s.slots, "assign", kill), SlotState.RELEASED),
    "before its first epoch ends": (
        lambda patch, s: patch.setattr(s, "store_epoch", kill),
        SlotState.INTERRUPTED,
    ),
    "after its first epoch": (
        lambda patch, s: patch.setattr(s, "store_epoch", on_call(2, s.store_epoch)),
        SlotState.INTERRUPTED,
    ),
    "after its second epoch": (lambda patch, s: patch.setattr(s, "finish", kill), SlotState.INTERRUPTED),
    "before it notes the outcome": (
        lambda patch, s: patch.setattr("studies.study.write_attributes", on_call(2, write_attributes)),
        SlotState.INTERRUPTED,
    ),
    "before it tells": (
        lambda patch, s: patch.setattr(s.store.storage, "set_trial_state_values", kill),
        SlotState.INTERRUPTED,
    ),
    "after it told": (lambda patch, s: patch.setattr("studies.study.update_front", kill), None),
    "after the front": (lambda patch, s: patch.setattr(s.slots, "end", kill), None),
    "after its slot": (lambda patch, s: patch.setattr(s.curves, "add_trial", kill), None),
}


def crash(search: SearchStudy, name: str, outcome: Outcome = Outcome.COMPLETE, *, worker: int = WORKER) -> None:
    patch_in, _ = CRASHES[name]
    with pytest.MonkeyPatch.context() as patch:
        patch_in(patch, search)
        with pytest.raises(Killed):
            train_one(search, 6, [0.5, 0.85], outcome, worker=worker)


def with_history(search: SearchStudy) -> SearchStudy:
    """A pruned trial, and one that the trial that crashes will take from the front."""
    train_one(search, 4, [0.4], Outcome.PRUNED)
    train_one(search, 7, [0.6, 0.84])
    return search


def contents(search: SearchStudy) -> dict[str, object]:
    """All that a store holds of a search, but for times and counts of transactions."""
    search = reopen(search)
    return {
        "trials": [
            (trial.number, trial.state, trial.values, trial.params, trial.user_attrs, trial.system_attrs)
            for trial in search.study.trials
        ],
        "intermediate values": [trial.intermediate_values for trial in search.study.trials],
        "curves": [
            (trial.state, trial.values, trial.params, trial.user_attrs, trial.intermediate_values)
            for trial in search.curves.trials
        ],
        "epochs": read_epochs(search.store.database, search.name, range(20)),
        "slots": [
            (slot.id, slot.state, slot.trial_number, slot.seed_number, slot.num_attempts, slot.num_params)
            for slot in search.slots.read()
        ],
        "front": read_front(search.store.database, search.name),
    }


def assert_consistent(search: SearchStudy, *, unfinished: int = 0) -> None:
    """All that a store holds agrees, with so many trials that wait to be gone on with."""
    search = reopen(search)
    trials = search.study.trials
    trained = [trial for trial in trials if outcome_of(trial) in TRAINED]
    waiting = {slot.trial_number for slot in search.slots.read((SlotState.INTERRUPTED,))}
    assert {trial.number for trial in trials if trial.state == TrialState.RUNNING} == waiting
    assert len(waiting) == unfinished
    assert not search.slots.read((SlotState.RUNNING,))
    kept = {slot.trial_number: slot.state.value for slot in search.slots.read() if slot.state in TRAINED}
    assert kept == {trial.number: str(outcome_of(trial)) for trial in trained}
    complete = [front_point(trial) for trial in trained if outcome_of(trial) == Outcome.COMPLETE]
    assert read_front(search.store.database, search.name) == pareto_front(complete)
    curves = read_epochs(search.store.database, search.name, [trial.number for trial in trained])
    assert [(trial.number, trial.intermediate_values) for trial in search.curves.trials] == [
        (trial.number, {result.epoch: result.val_accuracy for result in curves.get(trial.number, ())})
        for trial in trials[: min(waiting, default=len(trials))]
    ]
    assert [trial.intermediate_values for trial in trials] == [{}] * len(trials)


@pytest.mark.parametrize("name", [name for name, (_, slot_state) in CRASHES.items() if slot_state is not None])
def test_a_trial_that_was_not_told_is_taken_back(search: SearchStudy, name: str) -> None:
    crash(with_history(search), name)
    search = reopen(search)
    lost = search.repair(locks_of(search))
    slot = search.slots.read()[-1]
    assert slot.state == CRASHES[name][1]
    goes_on = slot.state == SlotState.INTERRUPTED
    assert_consistent(search, unfinished=goes_on)
    assert len([trial for trial in search.curves.trials if trial.intermediate_values]) == 2
    if name == "before it begins":
        assert (lost, len(search.study.trials)) == ([], 2)
    elif goes_on:
        assert (lost, search.study.trials[2].state) == ([2], TrialState.RUNNING)
        assert (slot.trial_number, slot.seed_number, slot.num_losses) == (2, 2, 1)
    else:
        trial = search.study.trials[2]
        assert (lost, trial.state, trial.user_attrs["reason"]) == ([2], TrialState.FAIL, "its worker was lost")
    repaired = contents(search)
    assert search.repair(locks_of(search)) == []
    assert reopen(search).repair(locks_of(search)) == []
    assert contents(search) == repaired
    # The search goes on in the slot, or in a new one, and ends with as many trained trials as if nothing had happened.
    if goes_on:
        assert go_on(search, [0.5, 0.85]) == 2
    else:
        train_one(search, 6, [0.5, 0.85])
    search.repair(locks_of(search))
    assert_consistent(search)
    assert search.slots.num_trained() == 3


@pytest.mark.parametrize("outcome", TRAINED)
@pytest.mark.parametrize("name", [name for name, (_, slot_state) in CRASHES.items() if slot_state is None])
def test_a_trial_that_was_told_is_brought_to_its_end(tmp_path: Path, name: str, outcome: Outcome) -> None:
    if name == "after it told" and outcome != Outcome.COMPLETE:
        pytest.skip("only complete trials join the front")
    (tmp_path / "crashed").mkdir()
    (tmp_path / "whole").mkdir()
    whole = with_history(make_search(tmp_path / "whole"))
    train_one(whole, 6, [0.5, 0.85], outcome)
    crashed = with_history(make_search(tmp_path / "crashed"))
    crash(crashed, name, outcome)
    crashed = reopen(crashed)
    assert crashed.repair(locks_of(crashed)) == []
    assert contents(crashed) == contents(whole)
    assert_consistent(crashed)
    assert crashed.repair(locks_of(crashed)) == []
    assert contents(crashed) == contents(whole)


def test_an_uninterrupted_search_needs_no_repair(search: SearchStudy) -> None:
    before = contents(with_history(search))
    assert search.repair(locks_of(search)) == []
    assert contents(search) == before
    assert_consistent(search)


def test_a_trial_that_always_kills_its_worker_is_given_up(search: SearchStudy) -> None:
    crash(search, "before its first epoch ends")
    for num_losses in range(1, MAX_LOSSES):
        assert search.repair(locks_of(search)) == [0]
        assert_consistent(search, unfinished=1)
        slot = search.slots.claim(1_000, WORKER)
        assert slot is not None
        assert (slot.trial_number, slot.num_losses) == (0, num_losses)
    assert search.repair(locks_of(search)) == [0]
    (trial,) = reopen(search).study.trials
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "3 workers in a row were lost with it")
    assert [slot.state for slot in search.slots.read()] == [SlotState.RELEASED]
    assert_consistent(search)


def test_repair_leaves_living_workers_alone(search: SearchStudy) -> None:
    with living_worker(search.store.lock_path, 11) as process:
        crash(search, "after its first epoch", worker=11)
        crash(search, "after its first epoch", worker=12)
        assert search.repair(locks_of(search)) == [1]
        assert [slot.state for slot in search.slots.read()] == [SlotState.RUNNING, SlotState.INTERRUPTED]
        assert [trial.state for trial in reopen(search).study.trials] == [TrialState.RUNNING] * 2
        assert search.curves.trials == []
        process.kill()
        process.wait()
        assert search.repair(locks_of(search)) == [0]
    assert_consistent(search, unfinished=2)


def test_repair_takes_the_trial_of_a_stopped_worker_with_its_lease(search: SearchStudy) -> None:
    with living_worker(search.store.lock_path, 11):
        crash(search, "after its first epoch", worker=11)
        (lost,) = search.slots.read()
        silence(search, lost)
        assert search.repair(locks_of(search)) == [0]
    assert_consistent(search, unfinished=1)
    before = contents(search)
    # The worker wakes up, and notices whatever it does next.
    trial = Trial(search.study, search.study.trials[0]._trial_id)
    saved = []
    for act in (
        lambda: search.store_epoch(lost, results(0.5, 0.6)[1], save=saved.append),
        lambda: search.finish(trial, lost, Outcome.COMPLETE, results(0.5, 0.6)),
        lambda: search.go_on(search.study.trials[0], lost, run={"engine": "torch"}, epochs=[]),
    ):
        with pytest.raises(SlotLostError):
            act()
    assert saved == []
    assert contents(search) == before


def test_a_worker_that_is_stopped_within_the_end_of_its_trial_finds_it_ended(search: SearchStudy) -> None:
    """It passed the check of its lease, and another ended the trial before it wrote the rest."""
    slot = search.slots.claim(1_000, 11)
    assert slot is not None
    trial = begin(search, 6)
    slot = search.slots.assign(slot, trial.number, 136)
    real = search.slots.owning

    @contextmanager
    def stopped_afterwards(slot: Slot, **changes: object) -> Iterator[Any]:
        with real(slot, **changes) as connection:
            yield connection
        silence(search, slot)
        search.repair(locks_of(search))
        assert go_on(reopen(search), [0.5, 0.85]) == 0

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SlotLostError):
        patch.setattr(search.slots, "owning", stopped_afterwards)
        search.finish(trial, slot, Outcome.PRUNED, results(0.5), {"reason": "late"})
    (ended,) = reopen(search).study.trials
    assert (ended.state, ended.values) == (TrialState.COMPLETE, [0.85, 136])
    assert_consistent(search)


def test_repair_spares_a_trial_that_a_living_worker_may_just_have_asked_for(search: SearchStudy) -> None:
    with living_worker(search.store.lock_path, 11) as process:
        crash(search, "after it began", worker=11)
        crash(search, "after its first epoch", worker=12)
        assert search.repair(locks_of(search)) == [1]
        assert reopen(search).study.trials[0].state == TrialState.RUNNING
        process.kill()
        process.wait()
        assert search.repair(locks_of(search)) == [0]
    assert_consistent(search, unfinished=1)


# Checkpoints, and the epochs that they hold


def test_a_trial_goes_on_from_the_epochs_of_its_checkpoint(search: SearchStudy) -> None:
    curve = results(0.1, 0.2, 0.3)
    for stored, held in ((1, 2), (2, 2), (3, 1), (2, 0)):
        slot = search.slots.claim(1_000, WORKER)
        assert slot is not None
        trial = begin(search, 6)
        slot = search.slots.assign(slot, trial.number, 136)
        for result in curve[:stored]:
            search.store_epoch(slot, result)
        frozen = search.find_trial(slot)
        assert frozen is not None
        search.go_on(frozen, slot, run={"engine": "native", "device": "cpu"}, epochs=curve[:held])
        assert read_epochs(search.store.database, search.name, [trial.number])[trial.number] == curve[:held]
        assert search.study.trials[trial.number].user_attrs["run"]["engine"] == "torch and native"
        search.finish(trial, slot, Outcome.PRUNED, curve[:held], {"seed": 0})


def test_an_epoch_is_stored_with_its_checkpoint_or_not_at_all(search: SearchStudy) -> None:
    slot = search.slots.claim(1_000, WORKER)
    assert slot is not None
    slot = search.slots.assign(slot, begin(search, 6).number, 136)
    with pytest.raises(Killed):
        search.store_epoch(slot, results(0.5)[0], save=kill)
    assert read_epochs(search.store.database, search.name, [0]) == {0: []}


def test_checkpoints_go_with_their_trials(search: SearchStudy) -> None:
    """Here `repair` removes what a worker that was lost at the wrong moment left."""
    with_history(search)
    crash(search, "after its first epoch")
    artifacts = search.store.artifacts
    for study, trial in ((search.name, 0), (search.name, 2), (f"{search.name}-1", 0)):
        artifacts.checkpoint(study, trial).write_bytes(b"state")
    assert artifacts.checkpoints(search.name).keys() == {0, 2}
    search.repair(locks_of(search))
    assert artifacts.checkpoints(search.name).keys() == {2}
    assert artifacts.checkpoints(f"{search.name}-1").keys() == {0}
    go_on(search, [0.5, 0.85])
    assert artifacts.checkpoints(search.name) == {}


def test_repair_keeps_to_its_own_search(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    crash(other, "after its first epoch")
    before = contents(other)
    crash(search, "after its first epoch")
    assert search.repair(locks_of(search)) == [0]
    assert contents(other) == before


def test_a_front_that_was_lost_is_found_again(search: SearchStudy) -> None:
    before = contents(with_history(search))
    with search.store.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pareto_front")
    search.repair(locks_of(search))
    assert contents(search) == before
