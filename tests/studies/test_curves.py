from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.curves import are_in_order, next_number
from studies.locks import WorkerLocks
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import (
    BUDGET,
    WORKER,
    begin,
    create_search,
    living_worker,
    make_search,
    reopen,
    results,
    run_at_once,
    suggest,
    train_one,
)
from tests.studies.conftest import make_one_of_each


def locks_of(search: SearchStudy) -> WorkerLocks:
    return WorkerLocks(search.store.lock_path)


def curves_of(search: SearchStudy) -> list[FrozenTrial]:
    """The curves as another process reads them, after a check that their numbers are those of the search's trials."""
    search = reopen(search)
    curves = search.curves.trials
    assert [curve.user_attrs["trial"] for curve in curves] == [curve.number for curve in curves]
    notations = [trial.user_attrs.get("notation", "") for trial in search.study.trials]
    assert [curve.user_attrs["notation"] for curve in curves] == notations[: len(curves)]
    return curves


def accuracies_of(search: SearchStudy) -> list[list[float]]:
    return [list(curve.intermediate_values.values()) for curve in curves_of(search)]


def test_curves_are_kept_where_the_dashboard_draws_them(search: SearchStudy) -> None:
    search.add_rejected(suggest(100), BUDGET)
    train_one(search, 4, [0.5, 0.8, 0.7])
    train_one(search, 5, [0.3, 0.2], Outcome.PRUNED)
    _, first, second = curves_of(search)
    assert (first.state, second.state) == (TrialState.COMPLETE, TrialState.PRUNED)
    assert (first.value, second.value) == (0.7, 0.2)  # without one, a pruned trial's curve is not drawn
    assert first.intermediate_values == {1: 0.5, 2: 0.8, 3: 0.7}
    assert second.intermediate_values == {1: 0.3, 2: 0.2}
    assert first.user_attrs == {"trial": 1, "notation": "4s:br gap fc10+"}
    trained = search.study.trials[1]
    assert (first.datetime_start, first.datetime_complete) == (trained.datetime_start, trained.datetime_complete)


def test_trials_without_a_curve_keep_their_number_by_a_placeholder(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    search.repair(locks_of(search))
    search.study.enqueue_trial({"width": 3})  # by another program: nobody will ever train it
    train_one(search, 7, [0.4])
    curves = curves_of(search)
    assert len(curves) == len(numbers) + 2
    placeholders = {curve.number: curve.user_attrs["placeholder"] for curve in curves if not curve.intermediate_values}
    assert placeholders == {
        numbers["diverged"]: "no curve: diverged",
        numbers["rejected"]: "no curve: rejected",
        numbers["duplicate"]: "no curve: duplicate",
        numbers["failed"]: "no curve: failed",
        numbers["running"]: "no curve: failed",  # its worker is dead
        len(numbers): "no curve: never trained",
    }
    assert {(curves[number].state, curves[number].value) for number in placeholders} == {(TrialState.FAIL, None)}


def test_a_curve_waits_for_the_trials_before_its_own(search: SearchStudy) -> None:
    slot = search.slots.claim(10, WORKER)
    assert slot is not None
    slow = begin(search, 4)
    slot = search.slots.assign(slot, slow.number, 94)
    train_one(search, 5, [0.6])
    train_one(search, 6, [0.7])
    assert curves_of(search) == []
    search.store_epoch(slot, results(0.5)[0])
    search.finish(slow, slot, Outcome.COMPLETE, results(0.5), {"seed": slow.number})
    assert accuracies_of(search) == [[0.5], [0.6], [0.7]]


def test_only_one_worker_appends_at_a_time_and_none_waits(search: SearchStudy) -> None:
    with search.store.locks.curves(wait=True):
        train_one(search, 4, [0.5])
        assert curves_of(search) == []
    train_one(search, 5, [0.6])
    assert accuracies_of(search) == [[0.5], [0.6]]


def test_workers_that_end_trials_at_the_same_moment(search: SearchStudy) -> None:
    imports = "from pathlib import Path; from tests.stores import *"
    program = "for _ in range(12): train_one(make_search(Path(sys.argv[1])), 4, [0.5, 0.6], worker=int(sys.argv[2]))"
    folder = str(search.store.artifacts.folder.parent)
    run_at_once(imports, program, folder, str(WORKER), num_processes=3)
    curves_of(search)  # in order before anything is repaired
    search.repair(locks_of(search))
    assert accuracies_of(search) == [[0.5, 0.6]] * 36


class Killed(BaseException):
    """In place of SIGKILL: nothing in the program catches it."""


def killed_on_call(number: int, real: Callable[..., Any]) -> Callable[..., Any]:
    calls = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == number:
            raise Killed
        return real(*args, **kwargs)

    return counted


def train_three(search: SearchStudy) -> None:
    for width, accuracy in ((4, 0.5), (5, 0.6), (6, 0.7)):
        train_one(search, width, [accuracy])


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_kill_while_curves_are_added(search: SearchStudy, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with search.store.locks.curves(wait=True):
        train_three(search)
    with monkeypatch.context() as patch:
        patch.setattr(search.curves, "add_trial", killed_on_call(call, search.curves.add_trial))
        with pytest.raises(Killed):
            search.append_curves(wait=True)
    assert len(curves_of(search)) == call - 1
    search = reopen(search)
    search.repair(locks_of(search))
    assert accuracies_of(search) == [[0.5], [0.6], [0.7]]


# Stores of earlier versions


def in_the_order_of_their_ends(search: SearchStudy) -> SearchStudy:
    """Three trials with their curves as earlier versions added them: the later trials ended before the first."""
    with search.store.locks.curves(wait=True):
        train_three(search)
        search.add_rejected(suggest(100), BUDGET)
    for number, accuracy in ((2, 0.7), (1, 0.6), (0, 0.5)):
        attributes = {"trial": number, "notation": f"{number + 4}s:br gap fc10+"}
        search.curves.add_trial(create_trial(value=accuracy, user_attrs=attributes, intermediate_values={1: accuracy}))
    return reopen(search)


def test_old_curves_are_rebuilt_once(search: SearchStudy) -> None:
    search = in_the_order_of_their_ends(search)
    assert not are_in_order(search.store.database, search.curves)
    search.repair(locks_of(search))
    assert accuracies_of(search) == [[0.5], [0.6], [0.7], []]
    rebuilt = reopen(search).curves
    assert rebuilt.metric_names == ["val_accuracy"]
    assert rebuilt.user_attrs == search.study.user_attrs
    search.repair(locks_of(search))
    assert reopen(search).curves._study_id == rebuilt._study_id
    assert are_in_order(search.store.database, rebuilt)


def test_old_curves_stay_while_a_worker_lives_which_may_be_of_an_earlier_version(search: SearchStudy) -> None:
    search = in_the_order_of_their_ends(search)
    before = search.curves._study_id
    with living_worker(search.store.lock_path, 11):
        assert search.slots.claim(10, 11) is not None
        search.repair(locks_of(search))
        assert search.curves._study_id == before
        train_one(search, 8, [0.8])
        assert len(search.curves.trials) == 3
    search.repair(locks_of(search))
    assert accuracies_of(search) == [[0.5], [0.6], [0.7], [], [0.8]]


def test_a_call_that_has_opened_old_curves_notices_that_another_rebuilt_them(search: SearchStudy) -> None:
    search = in_the_order_of_their_ends(search)
    reopen(search).repair(locks_of(search))
    search.repair(locks_of(search))
    train_one(search, 8, [0.8])
    assert accuracies_of(search) == [[0.5], [0.6], [0.7], [], [0.8]]


@pytest.mark.parametrize("cut", ["create_study", "Study.set_metric_names", "Study.set_user_attr", "Study.add_trial"])
def test_a_kill_while_old_curves_are_rebuilt(tmp_path: Path, cut: str, monkeypatch: pytest.MonkeyPatch) -> None:
    search = in_the_order_of_their_ends(make_search(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(f"optuna.{cut}", killed_on_call(1, lambda: None))
        with pytest.raises(Killed):
            search.repair(locks_of(search))
    search = create_search(tmp_path)
    search.repair(locks_of(search))
    assert accuracies_of(search) == [[0.5], [0.6], [0.7], []]
    assert search.curves.metric_names == ["val_accuracy"]


def test_the_numbers_are_read_without_the_curves(search: SearchStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    train_three(search)

    def read_all(*_: object, **__: object) -> None:
        raise AssertionError("all curves were read, which takes seconds where there are thousands")

    monkeypatch.setattr(optuna.Study, "trials", property(read_all))
    monkeypatch.setattr(search.curves, "get_trials", read_all)
    train_one(search, 7, [0.8])
    assert next_number(search.store.database, search.curves) == 4
