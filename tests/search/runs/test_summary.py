import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.reports.fronts import estimated_row, front_row
from search.runs.config import RunConfig
from search.runs.summary import RunSummary, print_run
from search.sampling.estimate import Estimate, Estimates
from studies.confirmations import ConfirmedPoint
from studies.records import read_front
from studies.study import SearchStudy
from tests.search.conftest import make_study_of_every_outcome
from tests.stores import BUDGET, make_search, summaries_of

FEW = Estimates(missing="they need more complete trials")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SearchStudy:
    return make_study_of_every_outcome(tmp_path_factory.mktemp("summary"))


def summary_of(search: SearchStudy, **fields: Any) -> RunSummary:
    return RunSummary(
        **{
            "study": search.name,
            "counts": summaries_of(search).counts,
            "num_trained": search.slots.num_trained(),
            "front": read_front(search.store.database, search.name),
            "estimates": FEW,
            "seconds": 3_725.04,
            "interrupted": False,
            "timed_out": False,
        }
        | fields
    )


def config(**settings: Any) -> RunConfig:
    return RunConfig(**{"budget": BUDGET, "dataset": "digits", "trials": 4} | settings)


def test_a_run_as_json(study: SearchStudy, printed: Callable[..., str]) -> None:
    front = read_front(study.store.database, study.name)
    small, large = (estimated_row(point, FEW) for point in front)
    assert (large["num_params"], large["flash_bytes"], large["ram_bytes"], large["num_macs"]) == (178, 410, 57, 56_528)
    assert json.loads(printed(print_run, summary_of(study), config(), as_json=True)) == {
        "study": "digits-1000",
        "trained": 4,
        "complete": 2,
        "pruned": 1,
        "diverged": 1,
        "rejected": 21,
        "duplicate": 1,
        "failed": 1,
        "seconds": 3725.0,
        "best": front_row(front[-1]),
        "front": [small, large],
    }


def test_a_run_as_text(study: SearchStudy, printed: Callable[..., str]) -> None:
    text = printed(print_run, summary_of(study), config(), as_json=False)
    first, *_ = text.splitlines()
    assert first.startswith("digits-1000: 4 trained (2 complete, 1 pruned, 1 diverged, 21 rejected, ")
    assert first.endswith(") in 1:02:05")
    assert "Best: trial 0, 90.00 % of the validation images at 178 parameters: 8s:br gap fc10+" in text
    assert "python -m search export --study digits-1000 --out digits-1000-best\n" in text
    assert "python -m search dashboard\n" in text
    assert "the same command with more --trials" in text


def test_it_says_which_net_export_takes_if_that_is_not_the_most_accurate(
    study: SearchStudy, printed: Callable[..., str]
) -> None:
    small, large = read_front(study.store.database, study.name)
    estimates = Estimates({small.trial: Estimate(0.88, 0.01), large.trial: Estimate(0.87, 0.01)})
    text = printed(print_run, summary_of(study, estimates=estimates), config(), as_json=False)
    assert f"Best: trial {large.trial}, " in text
    assert f"-best    # takes trial {small.trial}, whose estimate is the highest\n" in text
    confirmed = ConfirmedPoint(small.trial, small.num_params, small.notation, (7,), 0.8, 0.7, 0.9, 500.0, 1.0, 0.8, 0.8)
    text = printed(print_run, summary_of(study), config(), [confirmed], as_json=False)
    assert f"-best    # takes trial {small.trial}, the best of the confirmed front\n" in text
    before = summary_of(study, estimates=estimates, members=[replace(confirmed, trial=large.trial)])
    text = printed(print_run, before, config(), as_json=False)
    assert "# takes trial" not in text, "what was confirmed earlier is exported, whatever the estimates say"


def test_a_run_that_is_not_at_its_end_tells_how_many_trials_are_left(
    study: SearchStudy, printed: Callable[..., str]
) -> None:
    text = printed(print_run, summary_of(study, interrupted=True), config(trials=10), as_json=False)
    assert "the same command again trains the 6 trials that are left" in text
    assert "more --trials" not in text


def test_the_commands_of_a_run_can_be_pasted(study: SearchStudy, printed: Callable[..., str]) -> None:
    given = config(storage="sqlite:///my studies.db", study="it's mine")
    text = printed(print_run, summary_of(study, study="it's mine"), given, as_json=False)
    assert "dashboard --storage 'sqlite:///my studies.db'\n" in text
    assert """export --study 'it'"'"'s mine' --storage 'sqlite:///my studies.db' --out """ in text
    text = printed(print_run, summary_of(study, study="a/b"), config(study="a/b"), as_json=False)
    assert "python -m search export --study a/b --out a-b-best\n" in text, "there is no folder a"


def test_a_run_without_a_complete_trial(tmp_path: Path, printed: Callable[..., str]) -> None:
    study = make_search(tmp_path)
    text = printed(print_run, summary_of(study), config(), as_json=False)
    assert "0 trained" in text
    assert "Best" not in text
    assert "export" not in text
    assert json.loads(printed(print_run, summary_of(study), config(), as_json=True))["best"] is None


def test_the_last_trial_that_is_left_is_one(study: SearchStudy, printed: Callable[..., str]) -> None:
    text = printed(print_run, summary_of(study), config(trials=5), as_json=False)
    assert text.endswith("the same command again trains the trial that is left\n")


def test_a_front_that_was_confirmed_after_the_run_is_part_of_it(
    study: SearchStudy, printed: Callable[..., str]
) -> None:
    point = ConfirmedPoint(0, 178, "8s:br gap fc10+", (7, 8), 0.8812, 0.87, 0.89, 500.0, 1.0, 0.9, 0.9)
    text = printed(print_run, summary_of(study), config(), [point], as_json=False)
    _, _, confirmed = text.partition("\nConfirmed, on the test set:\n\n")
    assert "88.12 %" in confirmed
    assert "87.00-89.00 %" in confirmed
    as_json = json.loads(printed(print_run, summary_of(study), config(), [point], as_json=True))
    assert [found["accuracy"] for found in as_json["confirmed"]] == [0.8812]
    # None is a confirmation that did not follow, and is no empty one.
    assert "confirmed" not in json.loads(printed(print_run, summary_of(study), config(), as_json=True))
    assert json.loads(printed(print_run, summary_of(study), config(), [], as_json=True))["confirmed"] == []
