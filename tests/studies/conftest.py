"""A small study, and one with a trial of every kind."""

from pathlib import Path

import pytest

from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import BUDGET, begin, make_search, suggest, train_one


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
    search.add_duplicate(suggest(4), numbers["smaller"])
    failed = begin(search, 5)
    search.tell_failed(failed.number, "interrupted in a test")
    running = begin(search, 6)
    added = {"rejected": failed.number - 2, "duplicate": failed.number - 1}
    return numbers | added | {"failed": failed.number, "running": running.number}
