from dataclasses import replace
from pathlib import Path

import pytest

from search.study_report.answer import find_answer
from search.study_report.overview import StudyReader
from studies.confirmations import ConfirmedPoint
from studies.pareto import FrontPoint
from tests.runners import digits_of_a_rare_class, make_runner, run_all

FRONT = [FrontPoint(1, 500, 0.98, "a"), FrontPoint(2, 2_000, 0.99, "b"), FrontPoint(3, 9_000, 0.995, "c")]
MEMBER = ConfirmedPoint(
    trial=1,
    num_params=500,
    notation="a",
    seeds=(1, 2),
    accuracy=0.985,
    low=0.98,
    high=0.99,
    effective_images=5_000.0,
    degrees_of_freedom=10.0,
    front_probability=1.0,
    val_accuracy=0.981,
)


@pytest.mark.parametrize(
    ("target", "max_params", "passed", "trial"),
    [(0.985, 8_000, True, 2), (0.98, 8_000, True, 1), (0.995, 8_000, False, 2), (0.995, 9_000, True, 3)],
)
def test_the_smallest_net_that_reaches_the_target_or_the_nearest_one(
    target: float, max_params: int, passed: bool, trial: int
) -> None:
    found = find_answer(FRONT, [], max_params=max_params, target=target, num_effective=10_000)
    assert (found["target"]["passed"], found["target"]["net"]["trial"]) == (passed, trial)
    assert found["target"]["confidence"] is None


def test_the_best_net_within_the_limit_and_its_standard_error() -> None:
    best = find_answer(FRONT, [], max_params=8_000, target=None, num_effective=10_000)["best"]
    assert (best["trial"], best["val_accuracy"], best["confirmed"]) == (2, 0.99, None)
    assert best["error"] == pytest.approx((0.99 * 0.01 / 10_000) ** 0.5)


def test_a_confirmed_front_is_judged_by_its_test_accuracies() -> None:
    members = [MEMBER, replace(MEMBER, trial=2, num_params=2_000, accuracy=0.984, val_accuracy=0.99)]
    found = find_answer(FRONT, members, max_params=8_000, target=0.985, num_effective=None)
    assert found["best"]["trial"] == 2, "chosen by validation accuracy"
    assert (found["target"]["net"]["trial"], found["target"]["net"]["accuracy"]) == (1, 0.985)
    assert found["target"]["confidence"] == pytest.approx(MEMBER.confidence_of(0.985))


@pytest.mark.parametrize(("front", "max_params"), [([], 8_000), (FRONT, 100)])
def test_there_may_be_no_net(front: list[FrontPoint], max_params: int) -> None:
    found = find_answer(front, [], max_params=max_params, target=0.9, num_effective=None)
    assert found["best"] is None
    assert (found["target"]["passed"], found["target"]["net"]) == (False, None)


def test_balanced_accuracy_varies_as_on_fewer_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.runners.few_digits", digits_of_a_rare_class)
    runner = make_runner(tmp_path, metric="balanced-accuracy", trials=1, epochs=1)
    run_all(runner)
    assert StudyReader(runner.search.store, runner.search.name).count_validation() == (30, 11)
