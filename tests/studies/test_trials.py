from dataclasses import replace

import pytest

from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from studies.pareto import FrontPoint
from studies.study import SearchStudy
from studies.trials import (
    TRAINED,
    Outcome,
    attributes_of,
    candidate_of,
    front_point,
    outcome_of,
    read_trial,
    write_attributes,
)
from tests.stores import BUDGET, NAME, WORKER, begin, net, reopen, suggest, train_one
from tests.studies.conftest import make_one_of_each

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


# Equal candidates


def find(search: SearchStudy, candidate: CandidateSpec) -> int | None:
    return search.slots.find_trained(candidate.key)


@pytest.mark.parametrize("outcome", TRAINED)
def test_a_trained_candidate_is_found_again(search: SearchStudy, outcome: Outcome) -> None:
    train_one(search, 4, [0.5])
    assert find(search, net(5)) is None
    number = train_one(search, 5, [0.5], outcome)
    assert find(search, net(5)) == number
    assert candidate_of(search.study.trials[number]) == net(5)


def test_a_candidate_that_was_not_trained_to_its_end_is_not_found(search: SearchStudy) -> None:
    slot = search.slots.claim(9, WORKER)
    assert slot is not None
    assert search.slots.reserve(slot, net(5).key)
    assert find(search, net(5)) is None
    search.slots.assign(slot, begin(search, 5).number, net(5).num_params)
    assert find(search, net(5)) is None
    search.add_rejected(suggest(100), BUDGET)
    assert find(search, net(100)) is None


def test_another_way_of_training_makes_another_candidate(search: SearchStudy) -> None:
    train_one(search, 5, [0.5])
    assert find(search, net(5)) is not None
    assert find(search, net(6)) is None
    assert find(search, CandidateSpec(net(5).architecture, replace(TrainingConfig(), max_lr=0.123))) is None


def test_the_original_is_found_not_its_duplicates(search: SearchStudy) -> None:
    original = train_one(search, 5, [0.5])
    for _ in range(2):
        assert find(search, net(5)) == original
        search.add_duplicate(suggest(5), original)


# What else is read from trials


def test_a_complete_trial_as_a_point_of_a_front(search: SearchStudy) -> None:
    train_one(search, 8, [0.6])
    number = train_one(search, 4, [0.7, 0.9, 0.8])
    point = front_point(reopen(search).study.trials[number])
    assert point == FrontPoint(number, 94, 0.8, "4s:br gap fc10+")
    assert type(point.num_params) is int, "Optuna keeps objectives as floats"


def test_the_candidate_of_a_trial_is_the_one_that_was_trained(search: SearchStudy) -> None:
    training = TrainingConfig(epochs=7, max_lr=0.123, clip_norm=1.0, rotation=0.0)
    candidate = CandidateSpec(net(5).architecture, training)
    trial = search.begin(replace(suggest(5), candidate=candidate), BUDGET, run={})
    assert candidate_of(reopen(search).study.trials[trial.number]) == candidate


def test_attributes_are_read_as_they_were_written(search: SearchStudy) -> None:
    trial = begin(search, 4)
    before = dict(attributes_of(search.study.trials[0]))
    write_attributes(trial, {"seed": 3, "reason": "why not"})
    write_attributes(trial, {"reason": "better known now", "val_accuracy_spread": 0.1})
    written = attributes_of(reopen(search).study.trials[trial.number])
    assert written == before | {"seed": 3, "reason": "better known now", "val_accuracy_spread": 0.1}


def test_a_curve_names_its_trial(search: SearchStudy) -> None:
    diverged = train_one(search, 8, [], Outcome.DIVERGED)  # in its first epoch: no curve comes of it
    number = train_one(search, 4, [0.5, 0.6])
    placeholder, curve = reopen(search).curves.trials
    notation = "8s:br gap fc10+"
    assert placeholder.user_attrs == {
        "trial": diverged,
        "notation": notation,
        "placeholder": "no curve: diverged",
    }
    assert curve.user_attrs == {"trial": number, "notation": "4s:br gap fc10+"}


@pytest.mark.parametrize("number", [-1, 2, 99])
def test_a_trial_that_does_not_exist_is_refused(search: SearchStudy, number: int) -> None:
    for width in (4, 5):
        begin(search, width)
    with pytest.raises(InputError, match=rf"^study {NAME!r} has no trial {number}; its trials are numbered 0 to 1$"):
        read_trial(search.store, NAME, number)
    for there in (0, 1):
        assert read_trial(search.store, NAME, there).number == there


def test_a_study_without_trials_says_so(search: SearchStudy) -> None:
    with pytest.raises(InputError, match=rf"^study {NAME!r} has no trial 0; it has none yet$"):
        read_trial(search.store, NAME, 0)
