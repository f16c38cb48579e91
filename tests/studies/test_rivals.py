"""The completed curves that a pruner compares a trial with: those of nets of its size at most, each read once."""

from pathlib import Path

import pytest

from studies.rivals import Rivals, TrialCurve
from studies.trials import Outcome
from tests.stores import make_search, net, reopen, results, train_one


def curve(width: int, *accuracies: float) -> TrialCurve:
    trained = tuple(result.train_accuracy for result in results(*accuracies))
    return TrialCurve(net(width).num_params, accuracies, trained)


def test_rivals_are_the_complete_trials_of_at_most_so_many_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, other = make_search(tmp_path), make_search(tmp_path, "other")
    train_one(other, 3, [0.1, 0.2])
    train_one(search, 8, [0.5, 0.9])
    train_one(search, 4, [0.3, 0.4])
    train_one(search, 4, [0.1, 0.2], Outcome.PRUNED)
    train_one(search, 4, [0.1], Outcome.DIVERGED)
    worker = reopen(search)
    rivals = Rivals(worker)
    assert rivals.up_to(1_000) == [], "its summaries know of none yet"
    worker.summaries.update()
    small, large = curve(4, 0.3, 0.4), curve(8, 0.5, 0.9)
    assert rivals.up_to(net(8).num_params) == [small, large]
    assert rivals.up_to(net(8).num_params - 1) == [small]
    assert rivals.up_to(net(4).num_params - 1) == []
    # Those that end meanwhile are read, and no others again.
    read: list[list[int]] = []
    real = __import__("studies.records", fromlist=["read_accuracies"]).read_accuracies
    monkeypatch.setattr(
        "studies.rivals.read_accuracies",
        lambda database, name, numbers: (read.append(list(numbers)), real(database, name, numbers))[1],
    )
    train_one(search, 6, [0.6, 0.7])
    train_one(search, 4, [0.5, 0.6])
    worker.summaries.update()
    assert rivals.up_to(1_000) == [small, curve(4, 0.5, 0.6), curve(6, 0.6, 0.7), large]
    train_one(search, 5, [0.7, 0.8])
    worker.summaries.update()
    assert rivals.up_to(net(5).num_params) == [small, curve(4, 0.5, 0.6), curve(5, 0.7, 0.8)]
    assert read == [[4, 5], [6]]


def test_what_a_server_that_went_away_did_not_tell_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = make_search(tmp_path)
    train_one(search, 4, [0.3, 0.4])
    search.summaries.update()
    rivals = Rivals(search)

    def go_away(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr("studies.rivals.read_accuracies", go_away)
        with pytest.raises(ConnectionError):
            rivals.up_to(1_000)
    assert rivals.up_to(1_000) == [curve(4, 0.3, 0.4)]
