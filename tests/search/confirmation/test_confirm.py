"""Confirming the front of a small study on digits, with the real command and its workers."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from mnist_core.checkpoint import load_checkpoint, restore_model
from mnist_core.data import load_all_but_test, load_dataset, open_test_set
from mnist_core.evaluation import predict_logits
from search.confirmation.confirm import confirmation_seeds, expected_seconds
from search.models.loading import load_confirmed
from studies.artifacts import confirmed_file
from studies.confirmations import Confirmation, Stage, read_measured, read_openings
from studies.locks import WorkerLocks
from studies.storage import Store
from studies.tables import confirmations
from tests.search.conftest import Command, CommandHere, SmallStudy

NUM_SEEDS = 3


@pytest.fixture(scope="session")
def confirmed_study(
    small_study: SmallStudy, tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]
) -> tuple[SmallStudy, "subprocess.CompletedProcess[str]"]:
    """A copy of the small study whose front is confirmed, and the call that did it. Tests read it."""
    folder = tmp_path_factory.mktemp("confirmed")
    shutil.copytree(small_study.folder, folder, dirs_exist_ok=True)
    made = Command(folder, environment)("confirm", "--seeds", NUM_SEEDS, "--workers", 2)
    assert made.returncode == 0, made.stderr
    return SmallStudy(folder, small_study.arguments, made), made


@pytest.fixture
def copied_confirmed_study(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> SmallStudy:
    study, _ = confirmed_study
    shutil.copytree(study.folder, tmp_path, dirs_exist_ok=True)
    return replace(study, folder=tmp_path)


def find_confirmation(study: SmallStudy) -> Confirmation:
    found = Confirmation.find(Store.open_read_only(study.url).database, study.name)
    assert found is not None
    return found


def openings(study: SmallStudy) -> list[tuple[datetime, int]]:
    return read_openings(Store.open_read_only(study.url).database, study.name)


def confirmed_front(study: SmallStudy, search_here: CommandHere) -> Any:
    return search_here.json("front", "--confirmed", "--storage", study.url)


def test_members_are_decided_by_validation_images_and_measured_on_the_test_set(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"],
) -> None:
    study, made = confirmed_study
    confirmation = find_confirmation(study)
    front = confirmation.front()
    assert [point.trial for point in front] == [point.trial for point in confirmation.members or []]
    assert {point.trial for point in front} <= {point.trial for point in confirmation.contenders}
    decided, measured = confirmation.correct(Stage.DECIDE), confirmation.correct(Stage.MEASURE)
    assert {correct.shape[1] for correct in decided.values()} == {300}
    assert {correct.shape for correct in measured.values()} == {(NUM_SEEDS, 300)}
    accuracies = [float(decided[point.trial].mean()) for point in front]
    assert accuracies == sorted(accuracies), "more parameters, more validation accuracy"
    assert [point.val_accuracy for point in front] == accuracies
    assert [point.accuracy for point in front] == [float(measured[point.trial].mean()) for point in front]
    assert "stage 1" in made.stderr
    assert "stage 2" in made.stderr
    assert made.stdout.rstrip().splitlines()[-1].startswith("With fresh seeds, the validation accuracy of ")
    for point in front:
        assert f"{100 * point.accuracy:.2f} %" in made.stdout
        assert point.notation in made.stdout


def test_kept_models_are_right_about_what_is_said(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"],
) -> None:
    study, _ = confirmed_study
    test, others = open_test_set("digits", None), load_all_but_test("digits", None)
    confirmation = find_confirmation(study)
    results = confirmation.read(Stage.MEASURE)
    assert results
    for result in results:
        import torch

        path = (
            study.folder / "studies.db.artifacts" / f"confirmed-{study.name}-{result.trial}-{result.seed}.safetensors"
        )
        checkpoint = load_checkpoint(path)
        assert checkpoint.val_accuracy is None
        assert (checkpoint.mean, checkpoint.std) == (others.mean, others.std)
        images = torch.tensor(test.images)
        logits = predict_logits(restore_model(checkpoint), images, mean=checkpoint.mean, std=checkpoint.std)
        predicted = logits.argmax(1).numpy()
        assert result.correct is not None
        assert np.array_equal(result.correct, predicted == test.labels)
        assert result.confusion is not None
        assert np.trace(result.confusion) == result.correct.sum()
        assert np.array_equal(np.sum(result.confusion, axis=1), np.bincount(test.labels))


def test_all_models_are_measured_at_one_recorded_opening(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"], search_here: CommandHere
) -> None:
    study, _ = confirmed_study
    confirmation = find_confirmation(study)
    ((_, num_models),) = openings(study)
    assert num_models == NUM_SEEDS * len(confirmation.members or [])
    told = search_here("status", "--storage", study.url).stdout
    opened = rf"^test set    opened 20\d\d-\d\d-\d\d \d\d:\d\d UTC for {num_models} models$"
    assert re.search(opened, told, re.MULTILINE)


def test_a_second_call_trains_nothing_and_opens_nothing(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"], search_here: CommandHere
) -> None:
    study, made = confirmed_study
    again = replace(search_here, folder=study.folder)("confirm")
    assert again.returncode == 0, again.stderr
    assert again.stdout == made.stdout
    assert again.stderr == ""
    assert len(openings(study)) == 1


def test_what_is_exported_is_the_lowest_seeds_model_with_its_figures(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"],
    search_here: CommandHere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.export.bundle.FORMATS_INSIDE", ("safetensors",))
    study, _ = confirmed_study
    point = find_confirmation(study).front()[-1]
    storage = ("--storage", study.url)
    result = search_here("export", "--max-params", point.num_params, "--out", "out", *storage)
    assert result.returncode == 0, result.stderr
    assert "trained on them too" in result.stdout
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["trial"] == point.trial
    assert config["seed"] == min(point.seeds)
    assert config["seeds"] == list(point.seeds)
    assert config["confirmed"]["accuracy"] == point.accuracy
    kept = study.folder / f"studies.db.artifacts/confirmed-{study.name}-{point.trial}-{min(point.seeds)}.safetensors"
    assert (tmp_path / "out/model.safetensors").read_bytes() == kept.read_bytes()
    card = (tmp_path / "out/README.md").read_text()
    assert f"Mean test accuracy {100 * point.accuracy:.2f} % over {NUM_SEEDS} seeds" in card
    assert "unconfirmed" not in card
    assert "the test images (300 predictions)" in card
    evaluated = search_here("evaluate", "out/model.safetensors")
    assert "was trained on these images as well" in evaluated.stderr


def start(study: SmallStudy, environment: dict[str, str], num: int) -> "subprocess.Popen[str]":
    """Start a confirmation with one worker, and return once it has trained ``num`` nets."""
    before = num_trained(study.folder)
    process = subprocess.Popen(
        Command(study.folder, environment).line("confirm", "--seeds", NUM_SEEDS, "--workers", 1),
        cwd=study.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: num_trained(study.folder) >= before + num)
    return process


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def num_trained(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "studies.db", timeout=10)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'confirmation_trainings'").fetchall()
        return connection.execute("SELECT count(*) FROM confirmation_trainings").fetchone()[0] if tables else 0


def test_killed_again_and_again_it_ends_with_the_same_front(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"],
    copied_study: SmallStudy,
    environment: dict[str, str],
    search_here: CommandHere,
) -> None:
    """By SIGKILL, which nothing outlives, by Ctrl-C, and at last only its worker; it has one, where it had two."""
    process = start(copied_study, environment, 2)
    workers = children(process.pid)
    assert workers
    process.kill()
    process.communicate()
    wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))

    process = start(copied_study, environment, 2)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted: the same command continues with what was not finished"
    assert "Traceback" not in errors

    process = start(copied_study, environment, 1)
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "a worker was lost: what was in training starts again" in errors
    study, made = confirmed_study
    assert out == made.stdout
    assert confirmed_front(copied_study, search_here) == confirmed_front(study, search_here)
    assert len(openings(copied_study)) == 1


def children(pid: int) -> list[int]:
    """Of those, the ones that train."""
    listed = subprocess.run(["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def test_only_one_process_at_a_time_confirms(copied_study: SmallStudy, search: Command) -> None:
    with WorkerLocks(Store.open_read_only(copied_study.url).lock_path).confirming():
        other = search("confirm")
    assert other.returncode == 2
    assert "another process is confirming a front" in other.stderr


def test_anew_uses_what_is_trained_and_opens_the_test_set_for_what_is_not(
    copied_confirmed_study: SmallStudy, search: Command, search_here: CommandHere
) -> None:
    study = copied_confirmed_study
    before = find_confirmation(study)
    num_members = len(before.members or [])
    again = search_here("confirm", "--anew", "--seeds", NUM_SEEDS)
    assert again.returncode == 0, again.stderr
    assert again.stdout == study.made.stdout
    assert len(openings(study)) == 1, "nothing was left to measure"
    more = search("confirm", "--anew", "--seeds", NUM_SEEDS + 1, "--top", 1, "--workers", 1)
    assert more.returncode == 0, more.stderr
    after = find_confirmation(study)
    assert [num_models for _, num_models in openings(study)] == [NUM_SEEDS * num_members, 1]
    assert after.seeds[Stage.MEASURE][:NUM_SEEDS] == before.seeds[Stage.MEASURE]


def test_a_confirmed_model_that_was_replaced_is_refused(
    copied_confirmed_study: SmallStudy, search_here: CommandHere
) -> None:
    study = copied_confirmed_study
    point = find_confirmation(study).front()[0]
    store = Store.open_read_only(study.url)
    seed, other_seed, *_ = sorted(point.seeds)
    path, other = (store.artifacts.find(confirmed_file(study.name, point.trial, each)) for each in (seed, other_seed))
    measured = read_measured(store.database, study.name, point.trial, seed)
    assert load_confirmed(store, study.name, measured).seed == seed
    shutil.copyfile(other, path)
    refused = search_here("export", "--trial", point.trial, "--out", "best")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"is not the model that trial {point.trial} left: its SHA-256 is " in refused.stderr


def test_trials_that_completed_since_are_named(copied_confirmed_study: SmallStudy, search_here: CommandHere) -> None:
    with Store.open(copied_confirmed_study.url).database.begin() as connection:
        connection.execute(update(confirmations).values(num_complete=confirmations.c.num_complete - 2))
    again = search_here("confirm")
    assert again.stderr == (
        "trials completed since the confirmation was started, not included: 2 (--anew considers all)\n"
    )
    assert again.stdout == copied_confirmed_study.made.stdout


# Arguments after `confirm`, and what the line on stderr must hold
WRONG = [
    (["--seeds", "1"], "--seeds must be at least 2, to estimate the seed's effect, not 1"),
    (["--top", "0"], "--top must be at least 1, not 0"),
    (["--workers", "0"], "--workers must be at least 1, not 0"),
    (["--seeds", "4"], "was started with --seeds 3, not with 4: omit it"),
    (["--top", "2"], "was started with --top 20, not with 2"),
    (["--study", "digits-300"], "no study 'digits-300'"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_wishes_are_refused(
    confirmed_study: tuple[SmallStudy, "subprocess.CompletedProcess[str]"],
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    result = CommandHere(confirmed_study[0].folder, environment, capsys)("confirm", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def change_fingerprint(folder: Path, **changes: object) -> None:
    with closing(sqlite3.connect(folder / "studies.db")) as connection, connection:
        (text,) = connection.execute("SELECT fingerprint FROM searches").fetchone()
        fingerprint = json.dumps(json.loads(text) | changes)
        connection.execute("UPDATE searches SET fingerprint = ?", (fingerprint,))


def test_other_images_of_the_same_name_are_refused(copied_study: SmallStudy, search_here: CommandHere) -> None:
    change_fingerprint(copied_study.folder, dataset_sha256="0" * 64)
    result = search_here("confirm")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: the digits found here is not the one that the study was made with: restore it, or ")


def test_images_that_are_gone_are_named(
    copied_study: SmallStudy, search_here: CommandHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_core.downloads.succeeds_in_process", lambda *_, **__: False)
    change_fingerprint(copied_study.folder, dataset="mnist")
    result = search_here("confirm", "--data-root", "nowhere")
    assert result.returncode == 2
    assert "MNIST is not in nowhere and could not be downloaded" in result.stderr


def test_a_study_without_a_complete_trial(copied_study: SmallStudy, search_here: CommandHere) -> None:
    with closing(sqlite3.connect(copied_study.folder / "studies.db")) as connection, connection:
        connection.execute("UPDATE trials SET state = 'PRUNED'")
        connection.execute(
            "UPDATE trial_user_attributes SET value_json = '\"pruned\"' "
            "WHERE key = 'outcome' AND value_json = '\"complete\"'"
        )
    result = search_here("confirm")
    assert result.returncode == 2
    assert "has no complete trial yet, so there is no front to confirm" in result.stderr


def test_a_front_that_is_not_confirmed_is_not_shown_as_such(small_study: SmallStudy, search_here: CommandHere) -> None:
    result = search_here("front", "--confirmed", "--storage", small_study.url)
    assert result.returncode == 2
    assert "is not confirmed: 'python -m search confirm' does that" in result.stderr


def test_seeds_of_a_confirmation_are_its_own_and_more_of_them_begin_the_same() -> None:
    few, many = confirmation_seeds(7, 3), confirmation_seeds(7, 5)
    assert [many[stage][:3] for stage in Stage] == [few[stage] for stage in Stage]
    assert confirmation_seeds(8, 3) != few
    from search.runs.trial import trial_seed

    of_trials = {trial_seed(7, number) for number in range(1_000)}
    assert len({*many[Stage.DECIDE], *many[Stage.MEASURE]} - of_trials) == 10


def test_the_time_of_a_confirmation_is_told_from_the_front(small_study: SmallStudy) -> None:
    store = Store.open_read_only(small_study.url)
    trials = store.load_study(small_study.name).best_trials
    seconds = [trial.user_attrs["seconds"] for trial in trials]
    assert expected_seconds(seconds, 5, 2) == pytest.approx(12 * sum(seconds) / 2)
    assert expected_seconds([], 5, 2) == 0
    assert load_dataset("digits", None).name == "digits"
