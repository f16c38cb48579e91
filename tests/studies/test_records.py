from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from studies.pareto import FrontPoint, pareto_front
from studies.records import (
    curves_frame,
    front_frame,
    read_completed_curves,
    read_epochs,
    read_front,
    trials_frame,
    update_front,
    write_epoch,
)
from studies.study import SearchStudy
from studies.tables import pareto_front as front_table
from studies.trials import Outcome, front_point
from tests.stores import begin, make_search, net, results, train_one
from tests.studies.conftest import make_one_of_each

# Epochs


def test_epochs_are_read_as_they_were_written(search: SearchStudy) -> None:
    engine, curve = search.store.database, results(0.1, 1 / 3, 0.9999)
    for number in (7, 3):
        for result in curve:
            write_epoch(engine, search.name, number, result)
    write_epoch(engine, search.name, 8, curve[0])
    assert read_epochs(engine, search.name, [3, 7, 9]) == {3: curve, 7: curve, 9: []}
    assert read_epochs(engine, search.name, []) == {}


def test_epochs_belong_to_one_search(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    write_epoch(search.store.database, search.name, 0, results(0.5)[0])
    assert read_epochs(search.store.database, other.name, [0]) == {0: []}


def test_rivals_are_the_complete_trials_of_at_most_so_many_parameters(tmp_path: Path, search: SearchStudy) -> None:
    other = make_search(tmp_path, "other")
    train_one(other, 3, [0.1, 0.2])
    train_one(search, 8, [0.5, 0.9])
    train_one(search, 4, [0.3, 0.4])
    train_one(search, 4, [0.1, 0.2], Outcome.PRUNED)
    train_one(search, 4, [0.1], Outcome.DIVERGED)
    write_epoch(search.store.database, search.name, begin(search, 2).number, results(0.2)[0])

    def read(max_params: int) -> list[tuple[int, tuple[float, ...], tuple[float, ...]]]:
        return read_completed_curves(search.store.database, search.name, max_params)

    small = (net(4).num_params, (0.3, 0.4), train_accuracies(0.3, 0.4))
    large = (net(8).num_params, (0.5, 0.9), train_accuracies(0.5, 0.9))
    assert read(large[0]) == [large, small]
    assert read(large[0] - 1) == [small]
    assert read(small[0]) == [small]
    assert read(small[0] - 1) == []


def test_rivals_of_one_size_stay_apart(search: SearchStudy) -> None:
    train_one(search, 4, [0.5, 0.9])
    train_one(search, 4, [0.4, 0.8])
    assert read_completed_curves(search.store.database, search.name, 1_000) == [
        (94, accuracies, train_accuracies(*accuracies)) for accuracies in ((0.5, 0.9), (0.4, 0.8))
    ]


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


def test_trials_as_a_table(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    frame = trials_frame(search.study).set_index("trial")
    assert list(frame.columns) == [
        "outcome",
        "num_params",
        "val_accuracy",
        "val_accuracy_spread",
        "seconds",
        "notation",
        "reason",
        "width",
    ]
    assert sorted(frame.index) == sorted(set(numbers.values()) - {numbers["running"]})
    complete = frame.loc[numbers["complete"]]
    assert complete[["outcome", "num_params", "val_accuracy", "seconds", "notation", "width"]].tolist() == [
        "complete",
        178,
        0.9,
        6.0,
        "8s:br gap fc10+",
        8,
    ]
    assert complete.val_accuracy_spread == pytest.approx(0.3)
    pruned = frame.loc[numbers["pruned"]]
    assert pruned[["outcome", "val_accuracy", "seconds", "reason"]].tolist() == ["pruned", 0.4, 4.0, "pruned in a test"]
    rejected = frame.loc[numbers["rejected"]]
    assert rejected.outcome == "rejected"
    assert rejected.num_params == 2_110
    assert rejected[["val_accuracy", "seconds"]].isna().all()
    assert frame.loc[numbers["failed"]].reason == "interrupted in a test"


def test_curves_as_a_table(search: SearchStudy) -> None:
    train_one(search, 8, [0.6, 0.9])
    train_one(search, 4, [0.5], Outcome.PRUNED)
    frame = curves_frame(search.store.database, search.name)
    assert list(frame.columns) == ["trial", *asdict(results(0.5)[0])]
    assert frame[["trial", "epoch", "val_accuracy"]].values.tolist() == [[0, 1, 0.6], [0, 2, 0.9], [1, 1, 0.5]]
    assert frame.iloc[0, 1:].tolist() == list(asdict(results(0.6)[0]).values())


def test_the_front_as_a_table(search: SearchStudy) -> None:
    make_one_of_each(search)
    frame = front_frame(read_front(search.store.database, search.name))
    assert list(frame.columns) == ["trial", "num_params", "val_accuracy", "notation"]
    assert frame.values.tolist() == [[1, 94, 0.8, "4s:br gap fc10+"], [0, 178, 0.9, "8s:br gap fc10+"]]


def test_empty_tables_have_their_columns(search: SearchStudy) -> None:
    assert list(front_frame([]).columns) == ["trial", "num_params", "val_accuracy", "notation"]
    assert list(curves_frame(search.store.database, search.name).columns)[:2] == ["trial", "epoch"]
    assert len(trials_frame(search.study)) == 0
