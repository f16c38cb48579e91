"""Checking that a store is consistent with Optuna's trials, for benchmarks/chaos.py, benchmarks/races.py and tests."""

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search.runs.trial import trial_seed
from studies.fingerprints import read_fingerprint
from studies.records import read_epochs, read_front
from studies.slots import Slot, SlotState, TrialSlots
from studies.storage import Store
from studies.trials import TRAINED, Outcome, attributes_of, outcome_of

ROOT = Path(__file__).resolve().parent.parent


def read_trained(folder: Path) -> dict[int, dict[str, str]]:
    """Return all attributes of all trained trials of the only search in a store, as stored."""
    rows = _query(
        folder,
        "SELECT number, key, value_json FROM trials JOIN studies USING (study_id) JOIN trial_user_attributes USING"
        " (trial_id) WHERE study_name IN (SELECT study_name FROM searches) AND state IN ('COMPLETE', 'PRUNED')",
    )
    trials: dict[int, dict[str, str]] = {}
    for number, key, value in rows:
        trials.setdefault(number, {})[key] = value
    outcomes = {f'"{outcome}"' for outcome in TRAINED}
    return {number: trial for number, trial in trials.items() if trial.get("outcome") in outcomes}


def count_epochs(folder: Path) -> int:
    """Count the epochs that all calls so far have stored."""
    rows = _query(folder, "SELECT count(*) FROM epochs")
    return int(rows[0][0]) if rows else 0


def _query(folder: Path, query: str) -> list[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect(f"file:{folder / 'studies.db'}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # not created yet
        return []


def find_problems(folder: Path, num_trials: int, *, storage: str | None = None, study: str | None = None) -> list[str]:
    """Return the problems of a search whose last call ended with ``num_trials`` trained trials.

    It is the only one in the store unless ``study`` names it. The store is ``studies.db`` in ``folder``, the working
    directory, unless ``storage`` names it.

    Everything is derived again from Optuna's trials and compared with our tables and the command line.
    """
    problems: list[str] = []
    storage = storage or f"sqlite:///{folder / 'studies.db'}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "search", "status", "--json", "--storage", storage]
    line += [] if study is None else ["--study", study]
    status = json.loads(subprocess.run(line, cwd=folder, env=environment, capture_output=True, check=True).stdout)
    shown = {name: status[name] for name in ("trained", "running")}
    if shown != {"trained": num_trials, "running": 0}:
        problems.append(f"status shows {shown}, not {num_trials} trained and none running")

    store = Store.open_read_only(storage)
    name = store.resolve_study_name(study)
    trials = store.load_study(name).get_trials(deepcopy=False)
    curves = store.load_curves(name).get_trials(deepcopy=False)
    slots = TrialSlots(store.database, name).read()
    fingerprint = read_fingerprint(store, name)
    assert fingerprint is not None
    trained = {trial.number: trial for trial in trials if outcome_of(trial) in TRAINED}
    problems += [f"trial {trial.number} is {trial.state.name}" for trial in trials if not trial.state.is_finished()]
    problems += _compare_slots(slots, trials, trained, num_trials, fingerprint["seed"])
    keys = Counter(attributes_of(trial)["candidate_key"] for trial in trained.values())
    problems += [f"candidate {key} is trained {number} times" for key, number in keys.items() if number > 1]
    problems += _compare_front(store, name, trained)
    problems += _compare_curves(store, name, trials, trained, curves)
    for trial in trained.values():
        if outcome_of(trial) == Outcome.COMPLETE and not store.artifacts.find(trial.user_attrs["weights"]).is_file():
            problems.append(f"the weights of trial {trial.number} are not there")
    store.database.dispose()
    return problems


def _compare_slots(
    slots: Sequence[Slot], trials: Sequence[FrozenTrial], trained: dict[int, FrozenTrial], num_trials: int, seed: int
) -> list[str]:
    """Check that each trained trial has one slot with its outcome, and that a retry repeats its first attempt."""
    problems = []
    kept = [slot for slot in slots if slot.state in TRAINED]
    if len(kept) != num_trials:
        problems.append(f"{len(kept)} slots are trained, not {num_trials}")
    if sorted(str(slot.trial_number) for slot in kept) != sorted(map(str, trained)):
        problems.append("the slots' trials are not the trained ones")
    problems += [
        f"slot {slot.id} is {slot.state}" for slot in slots if slot.state in (SlotState.RUNNING, SlotState.INTERRUPTED)
    ]
    for slot in kept:
        if slot.trial_number not in trained or slot.seed_number is None:
            continue  # reported above
        trial, first = trained[slot.trial_number], trials[slot.seed_number]
        if slot.state != trial.user_attrs["outcome"]:
            problems.append(f"slot {slot.id} is {slot.state}, its trial {outcome_of(trial)}")
        if trial.params != first.params or trial.user_attrs["seed"] != trial_seed(seed, first.number):
            problems.append(f"trial {trial.number} does not repeat trial {first.number}")
    return problems


def _compare_front(store: Store, name: str, trained: dict[int, FrozenTrial]) -> list[str]:
    """Check that the stored front consists of the complete trials that no other dominates."""
    values = {
        number: (trial.values[0], -trial.values[1])
        for number, trial in trained.items()
        if outcome_of(trial) == Outcome.COMPLETE
    }
    front = {
        number
        for number, own in values.items()
        if not any(other != own and other[0] >= own[0] and other[1] >= own[1] for other in values.values())
    }
    stored = {point.trial: (point.val_accuracy, -point.num_params) for point in read_front(store.database, name)}
    return [] if stored == {number: values[number] for number in front} else [f"the front is {stored}, not {front}"]


def _compare_curves(
    store: Store,
    name: str,
    trials: Sequence[FrozenTrial],
    trained: dict[int, FrozenTrial],
    curves: Sequence[FrozenTrial],
) -> list[str]:
    """Check that the curves have a trial for each trial, with its number and, if it was trained, its epochs."""
    problems = []
    if [trial.user_attrs["trial"] for trial in curves] != list(range(len(trials))):
        problems.append("the curves are not those of the trials, each once and in their order")
    stored = read_epochs(store.database, name, trained)
    for trial in curves:
        epochs = {result.epoch: result.val_accuracy for result in stored.get(trial.number, ())}
        state = trained[trial.number].state if epochs else TrialState.FAIL
        if trial.intermediate_values != epochs or trial.state != state:
            problems.append(f"the curve of trial {trial.number} is not what its epochs say")
        if epochs and list(epochs) != list(range(1, trained[trial.number].user_attrs["num_epochs"] + 1)):
            problems.append(f"trial {trial.number} has epochs {list(epochs)}")
    return problems
