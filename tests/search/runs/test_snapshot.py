from dataclasses import replace

import pytest

from search.runs.snapshot import Snapshot
from studies.trials import Outcome
from tests.search.runs.snapshots import finished, running, snapshot


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_time_left_is_that_of_the_remaining_trials_over_the_workers(num_workers: int) -> None:
    trials = [finished(0, Outcome.COMPLETE, seconds=100.0), finished(1, Outcome.PRUNED, seconds=20.0)]
    others = [finished(2, Outcome.REJECTED), finished(3, Outcome.FAILED), finished(4, Outcome.DUPLICATE)]
    shown = snapshot([*trials, *others], num_workers=num_workers)
    assert shown.num_trained == 2
    assert shown.eta_seconds == pytest.approx((12 - 2) * 60.0 / max(1, num_workers))


def test_time_left_includes_a_confirmation_that_follows() -> None:
    shown = replace(snapshot([finished(0, Outcome.COMPLETE, seconds=60.0)], num_workers=1), confirm_seconds=500.0)
    assert shown.eta_seconds == pytest.approx(11 * 60.0 + 500.0)


def test_no_time_left_before_the_first_trial_and_none_after_the_last() -> None:
    assert snapshot([finished(0, Outcome.REJECTED)], running=[running(1)]).eta_seconds is None
    assert snapshot([finished(number, Outcome.COMPLETE) for number in range(12)]).eta_seconds == 0


def of_seconds(*seconds: float) -> Snapshot:
    return snapshot([finished(number, Outcome.COMPLETE, seconds=value) for number, value in enumerate(seconds)])


def test_time_left_says_how_sure_it_is() -> None:
    steady, unsteady = of_seconds(60.0, 61.0, 59.0), of_seconds(10.0, 60.0, 110.0)
    assert steady.eta_seconds == unsteady.eta_seconds == pytest.approx(9 * 60 / 2)
    (low, high), (lower, higher) = steady.eta_range or (0, 0), unsteady.eta_range or (0, 0)
    assert lower < low < 9 * 60 / 2 < high < higher
    assert high - low == pytest.approx(2 * 2 * 1.0 * (9 + 9**2 / 3) ** 0.5 / 2)
    assert lower == 0, "no less than no time"


@pytest.mark.parametrize("seconds", [(), (60.0, 61.0), (0.0, 0.0, 0.0), (60.0,) * 12])
def test_nothing_is_said_of_how_sure_it_is_where_that_is_not_known(seconds: tuple[float, ...]) -> None:
    assert of_seconds(*seconds).eta_range is None
