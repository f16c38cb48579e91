import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search.models.selection import select_trial
from space.errors import InputError
from space.limits import NO_LIMITS, DeviceLimits
from studies.confirmations import Confirmation, SeedResult, Stage
from studies.records import read_front
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import BUDGET, begin, make_search, suggest, train_one

SMALL, MIDDLE, LARGE = 4, 8, 12
"""Widths of the nets on the front: 94, 178 and 262 parameters."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    """A front of trials 0, 2 and 4, with others between them."""
    study = make_search(tmp_path_factory.mktemp("selection"))
    train_one(study, LARGE, [0.99])
    train_one(study, LARGE, [0.5], Outcome.PRUNED)
    train_one(study, SMALL, [0.9])
    train_one(study, MIDDLE, [0.8])  # worse than the smaller trial 2
    train_one(study, MIDDLE, [0.95])
    study.add_rejected(suggest(100), BUDGET)
    study.add_duplicate(suggest(SMALL), 2)
    study.tell_failed(begin(study, 5).number, "lost")
    begin(study, 6)
    return study


def select(
    study: SearchStudy,
    *,
    trial: int | None = None,
    max_params: int | None = None,
    limits: DeviceLimits = NO_LIMITS,
    min_accuracy: float | None = None,
    confidence: float | None = None,
) -> int:
    return select_trial(
        study.store,
        study.name,
        trial=trial,
        max_params=max_params,
        limits=limits,
        min_accuracy=min_accuracy,
        confidence=confidence,
    ).trial


# Selectors and the trial that they choose
CHOICES: list[tuple[dict[str, float], int]] = [
    ({}, 0),
    ({"trial": 0}, 0),
    ({"trial": 3}, 3),  # complete, though not on the front
    ({"max_params": 10_000}, 0),
    ({"max_params": 262}, 0),
    ({"max_params": 261}, 4),
    ({"max_params": 178}, 4),
    ({"max_params": 177}, 2),
    ({"max_params": 94}, 2),
    ({"min_accuracy": 0.0}, 2),
    ({"min_accuracy": 0.9}, 2),
    ({"min_accuracy": 0.901}, 4),
    ({"min_accuracy": 0.95}, 4),
    ({"min_accuracy": 0.951}, 0),
    ({"min_accuracy": 0.99}, 0),
]


@pytest.mark.parametrize(("selectors", "expected"), CHOICES)
def test_choices(study: SearchStudy, selectors: dict[str, float], expected: int) -> None:
    assert select(study, **selectors) == expected  # type: ignore[arg-type]


# The nets take 298, 410 and 522 bytes of flash, 53, 57 and 69 bytes of RAM, and 7,066 MACs for each channel.
@pytest.mark.parametrize(
    ("limits", "max_params", "expected"),
    [
        (DeviceLimits(max_flash=522), None, 0),
        (DeviceLimits(max_flash=521), None, 4),
        (DeviceLimits(max_ram=69), None, 0),
        (DeviceLimits(max_ram=68), None, 4),
        (DeviceLimits(max_macs=12 * 7_066), None, 0),
        (DeviceLimits(max_macs=12 * 7_066 - 1), None, 4),
        (DeviceLimits(max_flash=10_000, max_ram=56), None, 2),
        (DeviceLimits(max_ram=69), 177, 2),
        (DeviceLimits(max_ram=53), 10_000, 2),
    ],
)
def test_choices_by_what_a_device_has(
    study: SearchStudy, limits: DeviceLimits, max_params: int | None, expected: int
) -> None:
    assert select(study, limits=limits, max_params=max_params) == expected


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        (
            {"limits": DeviceLimits(max_flash=297, max_ram=3)},
            "no point of the front has flash of at most 297 bytes and RAM of at most 3 bytes; the least that one "
            "has, each by itself: flash of 298 bytes, RAM of 53 bytes",
        ),
        (
            {"limits": DeviceLimits(max_macs=9), "max_params": 200},
            "no point of the front of those with at most 200 parameters has at most 9 MACs; the least that one has, "
            "each by itself: 28,264 MACs",
        ),
        ({"limits": DeviceLimits(max_ram=3), "max_params": 93}, "no point of the front has at most 93 parameters"),
        ({"limits": DeviceLimits(max_ram=3), "trial": 0}, "give one of --trial and --max-ram, not both"),
        ({"limits": DeviceLimits(max_macs=3), "min_accuracy": 0.5}, "give one of --min-accuracy and --max-macs, not"),
    ],
)
def test_limits_that_no_point_meets_are_refused(study: SearchStudy, selectors: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        select(study, **selectors)


# Selectors and the message
REFUSALS: list[tuple[dict[str, float], str]] = [
    ({"max_params": 93}, "no point of the front has at most 93 parameters; the smallest is trial 2 with 94"),
    ({"max_params": 0}, "--max-params must be at least 1, not 0"),
    ({"max_params": 10**400}, "--max-params must be at most 1,000,000,000, not 1"),
    (
        {"min_accuracy": 0.995},
        "no point of the front reaches a validation accuracy of 0.995; the closest is trial 0 with 0.9900",
    ),
    ({"min_accuracy": 1.0}, "the closest is trial 0 with 0.9900"),
    ({"min_accuracy": 99.4}, "--min-accuracy is a fraction from 0 to 1, such as 0.994, not 99.4"),
    ({"min_accuracy": -0.1}, "--min-accuracy is a fraction from 0 to 1, such as 0.994, not -0.1"),
    ({"min_accuracy": float("nan")}, "--min-accuracy is a fraction from 0 to 1, such as 0.994, not nan"),
    ({"trial": 1}, "trial 1 was not completed (pruned), so it has no weights"),
    ({"trial": 5}, "trial 5 was not completed (rejected), so it has no weights"),
    ({"trial": 6}, "trial 6 is equal to trial 2: use that one"),
    ({"trial": 7}, "trial 7 was not completed (failed), so it has no weights"),
    ({"trial": 8}, "trial 8 was not completed (running), so it has no weights"),
    ({"trial": 9}, "study 'digits-1000' has no trial 9; its trials are numbered 0 to 8"),
    ({"trial": -1}, "study 'digits-1000' has no trial -1; its trials are numbered 0 to 8"),
    ({"trial": 0, "max_params": 100}, "give one of --trial, --max-params and --min-accuracy, not several"),
    ({"max_params": 100, "min_accuracy": 0.5}, "give one of --trial, --max-params and --min-accuracy, not several"),
]


@pytest.mark.parametrize(("selectors", "message"), REFUSALS)
def test_refusals(study: SearchStudy, selectors: dict[str, float], message: str) -> None:
    with pytest.raises(InputError) as caught:
        select(study, **selectors)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_of_equal_accuracies_the_smallest_then_the_earliest(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    for width in (LARGE, SMALL, SMALL):
        train_one(study, width, [0.9])
    assert select(study) == select(study, max_params=1_000) == select(study, min_accuracy=0.5) == 1


@pytest.mark.parametrize("selectors", [{}, {"max_params": 100}, {"min_accuracy": 0.5}])
def test_nothing_to_choose_from(tmp_path: Path, selectors: dict[str, float]) -> None:
    study = make_search(tmp_path)
    with pytest.raises(InputError, match="study 'digits-1000' has no complete trial yet"):
        select(study, **selectors)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no trial 0; it has none yet"):
        select(study, trial=0)


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    """Its front has trials 0 to 2, and 0 and 1 are members, where 1 has the higher validation accuracy.

    On 1,000 test images of two equal models trial 0 has 94 % and trial 1 98 %, give or take 1.5 and 0.9 points.
    """
    study = make_search(tmp_path_factory.mktemp("confirmed"))
    for width, accuracy in ((SMALL, 0.9), (MIDDLE, 0.95), (LARGE, 0.99)):
        train_one(study, width, [accuracy])
    points = read_front(study.store.database, study.name)
    seeds = {Stage.DECIDE: (1, 2), Stage.MEASURE: (3, 4)}
    confirmation = Confirmation.begin(
        study.store.database, study.name, seeds=seeds, top=None, num_complete=3, contenders=points
    )
    confirmation.freeze([0, 1])
    for stage, shares in ((Stage.DECIDE, (0.91, 0.95, 0.93)), (Stage.MEASURE, (0.94, 0.98))):
        for trial, share in enumerate(shares):
            correct = np.arange(1_000) < share * 1_000
            confirmation.write(SeedResult(stage, trial, seed, 1.0, correct) for seed in seeds[stage])
    return study


CONFIRMED_CHOICES: list[tuple[dict[str, float], int]] = [
    ({}, 1),  # not 2, the search's own best, which is no member
    ({"trial": 2}, 2),
    ({"max_params": 10_000}, 1),
    ({"max_params": 177}, 0),
    ({"min_accuracy": 0.92}, 0),
    ({"min_accuracy": 0.94}, 1),  # trial 0 reaches it, but not surely
    ({"min_accuracy": 0.94, "confidence": 0.4}, 0),
    ({"min_accuracy": 0.92, "confidence": 0.999}, 1),
    ({"min_accuracy": 0.979, "confidence": 0.5}, 1),
]


@pytest.mark.parametrize(("selectors", "expected"), CONFIRMED_CHOICES)
def test_choices_from_a_confirmed_front(confirmed: SearchStudy, selectors: dict[str, float], expected: int) -> None:
    assert select(confirmed, **selectors) == expected  # type: ignore[arg-type]


def test_a_target_that_no_member_surely_reaches_names_the_closest(confirmed: SearchStudy) -> None:
    message = (
        r"no point of the confirmed front reaches a test accuracy of 0.98 with a confidence of 0.9; the closest is "
        r"trial 1 with 0.9800, a confidence of 0.50"
    )
    with pytest.raises(InputError, match=message):
        select(confirmed, min_accuracy=0.98, confidence=0.9)


@pytest.mark.parametrize("confidence", [-0.1, 0.0, 1.0, 1.5])
def test_a_confidence_is_between_0_and_1(confirmed: SearchStudy, confidence: float) -> None:
    with pytest.raises(InputError, match=r"--confidence must be above 0 and below 1, such as 0.95, not"):
        select(confirmed, min_accuracy=0.9, confidence=confidence)


def test_a_confidence_needs_a_target_and_a_confirmed_front(study: SearchStudy) -> None:
    with pytest.raises(InputError, match="--confidence requires --min-accuracy"):
        select(study, max_params=100, confidence=0.9)
    with pytest.raises(InputError, match="is not confirmed: 'python -m search confirm' does that"):
        select(study, min_accuracy=0.9, confidence=0.9)


def test_a_confirmation_that_is_not_finished_is_none(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    train_one(study, SMALL, [0.9])
    points = read_front(study.store.database, study.name)
    confirmation = Confirmation.begin(
        study.store.database,
        study.name,
        seeds={Stage.DECIDE: (1,), Stage.MEASURE: (2,)},
        top=None,
        num_complete=1,
        contenders=points,
    )
    confirmation.freeze([0])
    assert select(study) == 0
    with pytest.raises(InputError, match="is not finished: 'python -m search confirm' continues it"):
        select(study, min_accuracy=0.9, confidence=0.9)


@pytest.fixture(scope="module")
def lucky(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    """Nets become more accurate up to a width of 9 and less accurate after it, but for one that was lucky, trial 11."""
    study = make_search(tmp_path_factory.mktemp("lucky"))
    for width in (*range(3, 15), 15, 16):
        train_one(study, width, [0.96 if width == 14 else 0.94 - 0.005 * (width - 9) ** 2])
    return study


def test_estimates_choose_and_a_line_says_where_the_measured_best_differs(lucky: SearchStudy) -> None:
    chosen = select_trial(lucky.store, lucky.name, trial=None, max_params=None, min_accuracy=None)
    assert chosen.trial == 4
    assert re.fullmatch(
        r"chosen: trial 4, whose estimate of 9\d\.\d\d % is the highest; trial 11 has 4.00 points more validation "
        r"accuracy, but an estimate of \d\d\.\d\d %",
        str(chosen.remark),
    )
    # Where both agree there is nothing to say, and a named trial or a target leaves nothing to estimates.
    within = select_trial(lucky.store, lucky.name, trial=None, max_params=157, min_accuracy=None)
    assert (within.trial, within.remark) == (4, None)
    reaching = select_trial(lucky.store, lucky.name, trial=None, max_params=None, min_accuracy=0.95)
    assert (reaching.trial, reaching.remark) == (11, None)
