import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search.reports.status import print_status
from studies.confirmations import Confirmation, SeedResult, Stage
from studies.pareto import FrontPoint
from studies.study import SearchStudy
from tests.stores import begin, living_worker, make_search, train_one

SMALL = FrontPoint(1, 94, 0.8, "4s:br gap fc10+")
LARGE = FrontPoint(0, 178, 0.9, "8s:br gap fc10+")


def start_trial(study: SearchStudy, worker: int) -> None:
    slot = study.slots.claim(1_000, worker)
    assert slot is not None
    study.slots.assign(slot, begin(study, 6).number, 136)


def test_status_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert status == {
        "study": "digits-1000",
        "trained": 4,
        "complete": 2,
        "pruned": 1,
        "diverged": 1,
        "rejected": 21,
        "duplicate": 1,
        "failed": 1,
        "running": 0,
        "interrupted": 0,
        "best": {
            "trial": 0,
            "num_params": 178,
            "val_accuracy": 0.9,
            "notation": "8s:br gap fc10+",
            "flash_bytes": 410,
            "ram_bytes": 57,
            "num_macs": 56_528,
        },
        "confirmed": None,
        "seconds": 10.0,
        "engines": ["torch on cpu"],
        "test_openings": [],
    }
    integers = ("trained", "complete", "pruned", "rejected", "duplicate", "diverged", "running")
    assert all(type(status[name]) is int for name in integers)


def test_status_of_a_study_without_trials(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert (status["best"], status["seconds"], status["engines"], status["trained"]) == (None, 0.0, [], 0)
    text = printed(print_status, study.store, study.name, as_json=False)
    assert "best" not in text
    assert "engine      -" in text


def test_only_the_trials_of_living_workers_are_running(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    for worker in (11, 12, 13):
        start_trial(study, worker)
    with living_worker(study.store.lock_path, 11), living_worker(study.store.lock_path, 13):
        status = json.loads(printed(print_status, study.store, study.name, as_json=True))
        assert (status["running"], status["interrupted"]) == (2, 1)
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert (status["running"], status["interrupted"]) == (0, 3)
    study.slots.interrupt(study.slots.read()[0])
    study.slots.interrupt(study.slots.claim(1_000, 14))
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert (status["running"], status["interrupted"]) == (0, 3)


def test_status_as_text(study: SearchStudy, printed: Callable[..., str]) -> None:
    text = printed(print_status, study.store, study.name, as_json=False)
    shown = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert shown == {
        "study": "digits-1000",
        "trained": "4",
        "complete": "2",
        "pruned": "1",
        "diverged": "1",
        "rejected": "21",
        "duplicate": "1",
        "failed": "1",
        "running": "0",
        "interrupted": "0",
        "best": "90.00 % at 178 parameters (trial 0): 8s:br gap fc10+",
        "on": "device   flash 410 bytes, RAM 57 bytes, 56,528 MACs, as C with integers without code and stack",
        "time": "0:10 of training",
        "engine": "torch on cpu",
        "test": "set    not opened",
    }


@pytest.mark.parametrize(
    ("contenders", "members", "best", "said"),
    [
        ([SMALL, LARGE], [1, 0], "member", "2 members, the most accurate is trial 0"),
        (
            [SMALL, LARGE],
            [1],
            "left out",
            "the best above is not one of them: with other seeds it was not on the front",
        ),
        ([SMALL], [1], "not measured", "the best above is not one of them: it was no contender ('confirm --anew'"),
    ],
)
def test_status_says_whether_the_best_is_on_the_confirmed_front(
    tmp_path: Path, printed: Callable[..., str], contenders: list[FrontPoint], members: list[int], best: str, said: str
) -> None:
    study = make_search(tmp_path)
    train_one(study, 8, [0.6, 0.9])
    train_one(study, 4, [0.5, 0.8])
    seeds = {Stage.DECIDE: (11, 12), Stage.MEASURE: (21, 22)}
    confirmation = Confirmation.begin(
        study.store.database, study.name, seeds=seeds, top=None, num_complete=2, contenders=contenders
    )
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert status["confirmed"] is None, "it is not finished"
    confirmation.freeze(members)
    confirmation.write(
        SeedResult(stage, trial, seed, 1.0, np.arange(100) < (90 if trial == 0 else 80))
        for stage in Stage
        for trial in members
        for seed in seeds[stage]
    )
    status = json.loads(printed(print_status, study.store, study.name, as_json=True))
    assert status["confirmed"] == {"members": members, "best": members[-1], "best_of_search": best}
    text = printed(print_status, study.store, study.name, as_json=False)
    (line,) = [line for line in text.splitlines() if line.startswith("confirmed")]
    assert said in line
