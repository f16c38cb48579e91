from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from studies import records
from studies.pareto import FrontPoint, pareto_front
from studies.records import (
    CURVE_COLUMNS,
    TRIAL_COLUMNS,
    curve_rows,
    read_accuracies,
    read_epochs,
    read_front,
    trial_rows,
    update_front,
)
from studies.study import SearchStudy
from studies.tables import pareto_front as front_table
from studies.trials import Outcome, front_point
from tests.stores import make_search, reopen, results, store_epochs, train_one
from tests.studies.conftest import make_one_of_each

# Epochs


def test_epochs_are_read_as_they_were_written(search: SearchStudy) -> None:
    engine, curve = search.store.database, results(0.1, 1 / 3, 0.9999)
    for number in (7, 3):
        store_epochs(search, number, *(result.val_accuracy for result in curve))
    store_epochs(search, 8, 0.1)
    assert read_epochs(engine, search.name, [3, 7, 9]) == {3: curve, 7: curve, 9: []}
    assert read_epochs(engine, search.name, []) == {}


def test_epochs_belong_to_one_search(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    store_epochs(search, 0, 0.5)
    assert read_epochs(search.store.database, other.name, [0]) == {0: []}


def test_accuracies_are_read_by_epoch(tmp_path: Path, search: SearchStudy) -> None:
    train_one(make_search(tmp_path, "other"), 3, [0.1, 0.2])
    train_one(search, 8, [0.5, 0.9])
    train_one(search, 4, [0.3, 0.4, 0.6])
    train_one(search, 4, [], Outcome.DIVERGED)
    assert read_accuracies(search.store.database, search.name, [0, 1, 2]) == {
        0: ((0.5, 0.9), train_accuracies(0.5, 0.9)),
        1: ((0.3, 0.4, 0.6), train_accuracies(0.3, 0.4, 0.6)),
    }
    assert read_accuracies(search.store.database, search.name, []) == {}


def train_accuracies(*val_accuracies: float) -> tuple[float, ...]:
    return tuple(result.train_accuracy for result in results(*val_accuracies))


# The front


def test_complete_trials_join_the_front(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    trials = search.study.trials
    expected = [front_point(trials[numbers[name]]) for name in ("smaller", "complete")]
    assert expected == [
        FrontPoint(numbers["smaller"], 94, 0.8, "4s:br gap fc10+"),
        FrontPoint(numbers["complete"], 178, 0.9, "8s:br gap fc10+"),
    ]
    assert read_front(search.store.database, search.name) == expected


def test_a_front_that_is_written_meanwhile_is_not_taken_for_damaged(
    search: SearchStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two questions, the first trial of the study is finished by another process."""
    select_front = records._select_front

    def then(connection: Any, name: str) -> Any:
        front = select_front(connection, name)
        monkeypatch.setattr(records, "_select_front", select_front)
        train_one(reopen(search), 4, [0.8])
        return front

    monkeypatch.setattr(records, "_select_front", then)
    assert len(read_front(search.store.database, search.name)) == 1


def test_a_better_trial_takes_the_place_of_those_it_dominates(search: SearchStudy) -> None:
    for width, accuracy in ((4, 0.5), (5, 0.6), (6, 0.7), (9, 0.95)):
        train_one(search, width, [accuracy])
    better = train_one(search, 5, [0.9])
    front = read_front(search.store.database, search.name)
    assert [(point.trial, point.num_params) for point in front] == [(0, 94), (better, 115), (3, 199)]


def test_fronts_of_two_searches_stay_apart(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    train_one(search, 8, [0.5])
    train_one(other, 4, [0.9])
    assert [point.num_params for point in read_front(search.store.database, search.name)] == [178]
    assert [point.num_params for point in read_front(search.store.database, other.name)] == [94]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.1, 0.5, 0.9, 0.95])), max_size=12),
    st.integers(1, 4),
)
def test_a_front_that_grew_equals_one_made_anew(
    search: SearchStudy, fields: list[tuple[int, float]], step: int
) -> None:
    points = [FrontPoint(trial, *pair, notation="gap fc10+") for trial, pair in enumerate(fields)]
    engine, name = search.store.database, search.name
    with engine.begin() as connection:  # what the example before left
        connection.execute(delete(front_table))
    for start in range(0, len(points), step):
        update_front(engine, name, points[start : start + step])
    grown = read_front(engine, name)
    assert grown == pareto_front(points)
    update_front(engine, name, points)
    assert read_front(engine, name) == grown


# Tables


def test_trials_as_rows(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    rows = {row["trial"]: row for row in trial_rows(search.store, search.name)}
    assert sorted(rows) == sorted(set(numbers.values()) - {numbers["running"]})
    assert {tuple(row) for row in rows.values()} == {(*TRIAL_COLUMNS, "width")}
    complete = rows[numbers["complete"]]
    assert complete.pop("val_accuracy_spread") == pytest.approx(0.3)
    assert complete == {
        "trial": numbers["complete"],
        "outcome": "complete",
        "num_params": 178,
        "val_accuracy": 0.9,
        "num_epochs": 3,
        "seconds": 6.0,
        "notation": "8s:br gap fc10+",
        "reason": None,
        "width": 8,
    }
    pruned = rows[numbers["pruned"]]
    shown = ("outcome", "val_accuracy", "num_epochs", "seconds", "reason")
    assert [pruned[name] for name in shown] == ["pruned", 0.4, 2, 4.0, "pruned in a test"]
    rejected = rows[numbers["rejected"]]
    assert [rejected[name] for name in shown[:4]] == ["rejected", None, None, None]
    assert rejected["num_params"] == 2_110
    assert rows[numbers["failed"]]["reason"] == "interrupted in a test"


def test_curves_as_rows(search: SearchStudy) -> None:
    train_one(search, 8, [0.6, 0.9])
    train_one(search, 4, [0.5], Outcome.PRUNED)
    rows = curve_rows(search.store.database, search.name)
    assert rows[0] == {"trial": 0, **asdict(results(0.6)[0])}
    assert tuple(rows[0]) == CURVE_COLUMNS
    assert [(row["trial"], row["epoch"], row["val_accuracy"]) for row in rows] == [
        (0, 1, 0.6),
        (0, 2, 0.9),
        (1, 1, 0.5),
    ]


def test_without_trials_there_are_no_rows(search: SearchStudy) -> None:
    assert trial_rows(search.store, search.name) == curve_rows(search.store.database, search.name) == []
