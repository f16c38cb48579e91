"""One call of a search, in this process where its trials are there already, and the confirmation that may follow it."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_core.engine import TORCH
from search.runs.config import RunConfig
from search.runs.progress import QuietDisplay
from search.runs.search import run_search, search_and_confirm, take_snapshot
from search.runs.snapshot import RunningTrial, Snapshot
from search.runs.summary import RunSummary
from search.sampling.estimate import Estimates
from search.workers.machine import Resources
from space.errors import InputError
from studies.records import read_front
from studies.slots import SlotState
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.runners import make_runner, run_all
from tests.search.conftest import Command, CommandHere, make_study_of_every_outcome
from tests.stores import BUDGET, NAME, begin, make_search, reopen, store_epochs

pytestmark = pytest.mark.usefixtures("one_thread")


class Watching(QuietDisplay):
    def __init__(self) -> None:
        self.begun_with: list[tuple[RunConfig, Resources, int]] = []
        self.snapshots: list[Snapshot] = []
        self.told: list[str] = []

    def started(self, config: RunConfig, resources: Resources, num_trained: int, data_lines: Any = ()) -> None:
        self.begun_with.append((config, resources, num_trained))

    def warm_start(self, lines: Any) -> None:
        self.told += lines

    def update(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)


# A study that has all its trials


def finished_search(folder: Path) -> tuple[SearchStudy, RunConfig]:
    runner = make_runner(folder, trials=2, epochs=1, engine=TORCH)
    assert len([outcome for outcome in run_all(runner) if outcome is Outcome.COMPLETE]) == 2
    return reopen(runner.search), runner.config


def test_a_study_that_has_its_trials_needs_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise AssertionError("there is nothing to train")

    monkeypatch.setattr("search.runs.supervisor.Supervisor.start", start)
    search, config = finished_search(tmp_path)
    display = Watching()
    summary = run_search(config, display)
    assert (summary.study, summary.num_trained, summary.counts[Outcome.COMPLETE]) == ("tiny", 2, 2)
    assert summary.front == read_front(search.store.database, "tiny") != []
    assert (summary.interrupted, summary.timed_out) == (False, False)
    ((settled, resources, num_trained),) = display.begun_with
    assert (settled.study_name, num_trained) == ("tiny", 2)
    assert (resources.dataset, resources.train_size) == ("digits", config.train_size)
    assert [snapshot.num_workers for snapshot in display.snapshots] == [0]
    assert display.snapshots[0].eta_seconds == 0
    assert search_and_confirm(config, QuietDisplay(), confirm_seeds=None, quiet=True)[1] is None


def test_trials_that_dead_workers_left_are_repaired_first(tmp_path: Path) -> None:
    search, config = finished_search(tmp_path)
    slot = search.slots.claim(3, 7)
    assert slot is not None
    search.slots.assign(slot, begin(search, 6).number, 136)
    display = Watching()
    summary = run_search(config, display)
    assert [shown.running for shown in display.snapshots] == [[]]
    assert (summary.num_trained, reopen(search).study.trials[-1].state.name) == (2, "RUNNING")
    assert [slot.state for slot in search.slots.read()][-1] == SlotState.INTERRUPTED


# Settings of a call, what is said of them
WRONG = {
    "other settings for the same study": (
        {"epochs": 2},
        "study 'tiny' was made differently: epochs was 1 and is now 2",
    ),
    "other images": ({"train_size": 61}, "study 'tiny' was made differently: train_size was 60 and is now 61"),
    "more images than there are": ({"train_size": 5_000}, "--train-size must be from 2 to 1197 for digits, not 5000"),
    "no such nets": ({"warm_start": "none.txt"}, "--warm-start must be recipes, a file of nets, or STORE#STUDY, not "),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_ends_a_call_before_anything_is_written(case: str, tmp_path: Path) -> None:
    _, config = finished_search(tmp_path)
    before = (tmp_path / "studies.db").read_bytes()
    changes, message = WRONG[case]
    display = Watching()
    with pytest.raises(InputError) as error:
        run_search(replace(config, **changes), display)
    assert str(error.value).startswith(message)
    assert (tmp_path / "studies.db").read_bytes() == before
    assert display.begun_with == []


# What a display shows


def test_a_snapshot_is_of_what_is_trained_and_in_training(tmp_path: Path) -> None:
    study = make_study_of_every_outcome(tmp_path)
    slot = study.slots.claim(1_000, 11)
    assert slot is not None
    trial = begin(study, 6)
    study.slots.assign(slot, trial.number, 136)
    # A slot whose candidate is still being looked for is no running trial.
    assert study.slots.claim(1_000, 12) is not None
    store_epochs(study, trial.number, 0.5, 0.75)
    config = RunConfig(budget=BUDGET, dataset="digits", trials=20, storage=study.store.url)
    shown = take_snapshot(reopen(study), config, 3, 12.5)
    assert (shown.num_trials, shown.num_trained, shown.num_workers, shown.seconds) == (20, 4, 3, 12.5)
    assert shown.running == [RunningTrial(trial.number, "6s:br gap fc10+", 136, [0.5, 0.75])]
    assert [found.number for found in shown.finished] == [0, 1, 2, 3, 4, 5, 6]
    assert shown.counts[Outcome.REJECTED] == 21
    assert shown.front == read_front(study.store.database, study.name)
    assert shown.confirm_seconds == 0
    # Two points with five seeds in both stages, and as many others with two: 24 trainings of 4 s, three at once.
    confirming = RunConfig(budget=BUDGET, dataset="digits", trials=20, storage=study.store.url, confirm_seeds=5)
    assert take_snapshot(reopen(study), confirming, 3, 12.5).confirm_seconds == pytest.approx(24 * 4 / 3)


def test_a_snapshot_of_nothing(tmp_path: Path) -> None:
    study = make_search(tmp_path)
    config = RunConfig(budget=BUDGET, dataset="digits", trials=20, storage=study.store.url, study=NAME, confirm_seeds=5)
    shown = take_snapshot(study, config, 0, 0.0)
    assert (shown.running, shown.finished, shown.front, shown.confirm_seconds) == ([], [], [], 0)
    assert shown.eta_seconds is None


# A confirmation that follows


@pytest.mark.parametrize(("interrupted", "timed_out", "code"), [(True, False, 130), (False, True, 0)])
def test_a_search_that_was_told_to_end_confirms_nothing(
    search_here: CommandHere, monkeypatch: pytest.MonkeyPatch, interrupted: bool, timed_out: bool, code: int
) -> None:
    """Even where its last trial completes meanwhile."""
    summary = RunSummary(
        "digits-1000", Counter(), 2, [], Estimates(), 1.0, interrupted=interrupted, timed_out=timed_out
    )
    monkeypatch.setattr("search.runs.search.run_search", lambda _config, _display, **_: summary)
    result = search_here("run", "--dataset", "digits", "--budget", 1_000, "--trials", 2, "--confirm")
    assert (result.returncode, result.stderr) == (code, "")
    assert "digits-1000: 2 trained" in result.stdout


# By a script that uses this package, with no guard around what it does, and then by the command
SCRIPT = """
from search.runs.config import RunConfig
from search.runs.progress import QuietDisplay
from search.runs.search import search_and_confirm

config = RunConfig(
    budget=3000, trials=1, epochs=1, train_size=60, dataset="digits", workers=1, engine="torch",
    storage="sqlite:///studies.db", study="tiny", confirm_seeds=2,
)
summary, confirmed = search_and_confirm(config, QuietDisplay(), confirm_seeds=2, quiet=True)
print(summary.num_trained, "trained,", len(confirmed), "confirmed")
"""


def test_a_search_confirms_its_front_in_one_go_and_a_script_needs_no_guard(
    search: Command, search_here: CommandHere
) -> None:
    (search.folder / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py"],
        cwd=search.folder,
        env=search.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("1 trained, 1 confirmed\n", "")

    run = ("run", "--study", "tiny", "--dataset", "digits", "--budget", 3_000, "--trials", 1, "--epochs", 1)
    arguments = (*run, "--train-size", 60, "--confirm", "--confirm-seeds", 2)
    assert "Confirmed, on the test set:" in search_here(*arguments).stdout
    again = search_here(*arguments, "--json", "--quiet")
    assert (again.returncode, again.stderr) == (0, "")
    printed = json.loads(again.stdout)
    assert (printed["trained"], len(printed["confirmed"])) == (1, 1)
    assert printed["confirmed"] == search_here.json("front", "--confirmed")
