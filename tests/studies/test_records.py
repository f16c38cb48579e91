from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from space.candidate import CandidateSpec, TrainingConfig
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
from studies.trials import TRAINED, Outcome, candidate_of, count_outcomes, find_trained, front_point, outcome_of
from tests.stores import BUDGET, begin, make_search, net, reopen, results, suggest, train_one


@pytest.fixture
def search(tmp_path: Path) -> SearchStudy:
    return make_search(tmp_path)


def make_one_of_each(search: SearchStudy) -> dict[str, int]:
    """Trial numbers by what became of them; trial 1 is the best of the small ones, trial 0 of all."""
    numbers = {
        "complete": train_one(search, 8, [0.6, 0.7, 0.9]),
        "smaller": train_one(search, 4, [0.5, 0.8, 0.8]),
        "pruned": train_one(search, 8, [0.3, 0.4], Outcome.PRUNED),
        "diverged": train_one(search, 4, [], Outcome.DIVERGED),
    }
    search.add_rejected(suggest(100), BUDGET)
    search.add_duplicate(suggest(4), search.study.trials[numbers["smaller"]])
    failed = begin(search, 5)
    search.tell_failed(failed.number, "interrupted in a test")
    running = begin(search, 6)
    added = {"rejected": failed.number - 2, "duplicate": failed.number - 1}
    return numbers | added | {"failed": failed.number, "running": running.number}


# Outcomes


def test_the_outcome_of_every_kind_of_trial(search: SearchStudy) -> None:
    numbers = make_one_of_each(search)
    trials = reopen(search).study.trials
    assert {name: outcome_of(trials[number]) for name, number in numbers.items()} == {
        "complete": Outcome.COMPLETE,
        "smaller": Outcome.COMPLETE,
        "pruned": Outcome.PRUNED,
        "diverged": Outcome.DIVERGED,
        "rejected": Outcome.REJECTED,
        "duplicate": Outcome.DUPLICATE,
        "failed": Outcome.FAILED,
        "running": None,
    }


def test_an_outcome_counts_once_the_trial_is_told(search: SearchStudy) -> None:
    trial = begin(search, 4)
    trial.set_user_attr("outcome", Outcome.COMPLETE)
    assert outcome_of(search.study.trials[0]) is None
    search.tell_failed(trial.number, "lost")
    assert outcome_of(search.study.trials[0]) == Outcome.FAILED


def test_outcomes_are_counted(search: SearchStudy) -> None:
    make_one_of_each(search)
    counts = count_outcomes(search.study.get_trials())
    assert {outcome: counts[outcome] for outcome in Outcome} == {
        Outcome.COMPLETE: 2,
        Outcome.PRUNED: 1,
        Outcome.DIVERGED: 1,
        Outcome.REJECTED: 1,
        Outcome.DUPLICATE: 1,
        Outcome.FAILED: 1,
    }


def test_redrawn_candidates_count_as_rejected(search: SearchStudy) -> None:
    for num_redrawn in (3, 40):
        search.begin(replace(suggest(4), attributes={"num_redrawn": num_redrawn}), BUDGET, run={})
    search.add_rejected(suggest(100), BUDGET)
    assert count_outcomes(search.study.get_trials())[Outcome.REJECTED] == 44


def test_nothing_to_count(search: SearchStudy) -> None:
    assert sum(count_outcomes(search.study.get_trials()).values()) == 0


# Equal candidates


@pytest.mark.parametrize("outcome", TRAINED)
def test_a_trained_candidate_is_found_again(search: SearchStudy, outcome: Outcome) -> None:
    train_one(search, 4, [0.5])
    number = train_one(search, 5, [0.5], outcome)
    found = find_trained(search.study.trials, net(5))
    assert found is not None
    assert found.number == number
    assert candidate_of(found) == net(5)


def test_a_candidate_that_was_not_trained_to_its_end_is_not_found(search: SearchStudy) -> None:
    assert find_trained(search.study.trials, net(5)) is None
    failed = begin(search, 5)
    assert find_trained(search.study.trials, net(5)) is None
    search.tell_failed(failed.number, "lost")
    search.add_rejected(suggest(100), BUDGET)
    for width in (5, 100):
        assert find_trained(search.study.trials, net(width)) is None


def test_another_way_of_training_makes_another_candidate(search: SearchStudy) -> None:
    train_one(search, 5, [0.5])
    assert find_trained(search.study.trials, net(5)) is not None
    assert find_trained(search.study.trials, net(6)) is None
    other = CandidateSpec(net(5).architecture, replace(TrainingConfig(), max_lr=0.123))
    assert find_trained(search.study.trials, other) is None


def test_the_original_is_found_not_its_duplicates(search: SearchStudy) -> None:
    original = train_one(search, 5, [0.5])
    for _ in range(2):
        found = find_trained(search.study.trials, net(5))
        assert found is not None
        assert found.number == original
        search.add_duplicate(suggest(5), found)


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
