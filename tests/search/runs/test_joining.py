import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.consistency import find_problems
from benchmarks.postgres_server import PostgresServer
from search.runs import config as config_module
from search.runs.joining import JoinRequest, record_call, settings_of
from search.runs.progress import QuietDisplay
from search.runs.search import run_search
from space.errors import InputError, SearchFailedError
from studies.artifacts import checkpoint_file
from studies.failures import Outage, is_outage
from studies.records import read_epochs
from studies.slots import SlotState
from studies.storage import Store
from studies.trials import Outcome
from tests.own_images import CLASSES, write_folder
from tests.runners import TrialRunner, few_digits, make_runner, run_all
from tests.stores import ROOT, WORKER

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> str:
    return postgres.create_database("joining")


def request_of(runner: TrialRunner, **settings: Any) -> JoinRequest:
    return JoinRequest(storage=runner.config.storage, **settings)


# Joining


def test_a_worker_takes_all_settings_of_the_study_from_the_store(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, trials=7, pruner="none", sampler="random", seed=5, metric="balanced-accuracy")
    with pytest.raises(InputError, match=r"'tiny' does not say how many trials it shall have: .*run' of this version"):
        settings_of(request_of(runner))
    record_call(runner.search, runner.config)
    joined = settings_of(request_of(runner, workers=2))
    assert joined.fingerprint(few_digits()) == runner.config.fingerprint(few_digits())
    for name in ("trials", "sampler", "pruner", "seed", "metric", "epochs", "study", "budget", "space"):
        assert getattr(joined, name) == getattr(runner.config, name), name
    assert joined.workers == 2


def test_another_way_of_training_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = make_runner(tmp_path)
    record_call(runner.search, runner.config)
    joined = settings_of(request_of(runner, engine="torch"))
    monkeypatch.setattr(config_module, "TRAINING_VERSION", 2)
    with pytest.raises(InputError, match=r"made differently: the way in which this program trains .* is now 2"):
        run_search(joined, QuietDisplay())


def test_other_images_are_refused_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of its own: with another cache, and other images at the place of the study's."""
    monkeypatch.setenv("SEARCH_CACHE_DIR", str(tmp_path / "cache"))
    runner = make_runner(tmp_path)
    fingerprint = runner.config.fingerprint(few_digits())
    record_call(runner.search, runner.config)
    source = {"location": "/there/pets", "image_size": None, "grey": True, "skip_corrupt": False}
    with runner.search.store.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE searches SET fingerprint = ?", (json.dumps({**fingerprint, "dataset": "pets", "source": source}),)
        )
    with pytest.raises(InputError, match="/there/pets"):
        run_search(settings_of(request_of(runner, engine="torch")), QuietDisplay())
    here = write_folder(tmp_path / "pets", CLASSES)
    with pytest.raises(InputError, match=r"made differently: .*the SHA-256 of the images was"):
        run_search(settings_of(request_of(runner, images=here, engine="torch")), QuietDisplay())


def test_a_place_for_images_that_come_by_name_is_refused(tmp_path: Path) -> None:
    runner = make_runner(tmp_path)
    record_call(runner.search, runner.config)
    with pytest.raises(InputError, match=r"^--images is for images of one's own, and the study's are digits$"):
        settings_of(request_of(runner, images=tmp_path))


def start_worker(folder: Path, database: str) -> "subprocess.Popen[str]":
    """A machine's workers: with a folder and a temporary folder of its own, as machines have."""
    folder.mkdir()
    line = [sys.executable, "-m", "search", "worker", "--storage", database, "--study", "shared", "--engine", "torch"]
    return subprocess.Popen(
        [*line, "--workers", "1"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_of_two_machines_end_one_study(tmp_path: Path, database: str) -> None:
    """One is asked to leave in the middle of a trial, with which the other goes on."""
    runner = make_runner(tmp_path, storage=database, study="shared", trials=1_000, epochs=8)
    record_call(runner.search, runner.config)
    search = runner.search
    first = start_worker(tmp_path / "one", database)
    deadline = time.monotonic() + 120
    while search.slots.num_trained() < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGTERM)
    printed = first.communicate(timeout=60)
    num_trained = search.slots.num_trained()
    assert first.returncode == 130, printed
    assert printed[0] == f"shared: {num_trained} of 1000 trials are trained\n"
    assert search.slots.count(SlotState.RUNNING) == 0

    total = num_trained + 2
    record_call(search, replace(runner.config, trials=total))
    second = start_worker(tmp_path / "two", database)
    printed = second.communicate(timeout=120)
    assert second.returncode == 0, printed
    assert printed[0] == f"shared: {total} of {total} trials are trained\n"
    hosts = {slot.host for slot in search.slots.read()}
    assert len(hosts) == 2, "they are told apart although their host has one name"
    assert find_problems(tmp_path, total, storage=database, study="shared") == []


# A server that is away


def stopped_after(runner: TrialRunner, epoch: int, stop: Any) -> TrialRunner:
    """The runner, whose server is stopped once it has stored an epoch of a trial."""
    store_epoch = runner.search.store_epoch

    def storing(slot: Any, result: Any, **options: Any) -> None:
        store_epoch(slot, result, **options)
        if result.epoch == epoch:
            stop()

    runner.search.store_epoch = storing  # type: ignore[method-assign]
    return runner


def test_a_training_goes_on_while_the_server_is_away(tmp_path: Path, database: str, postgres: PostgresServer) -> None:
    runner = make_runner(tmp_path, storage=database, study="restarted", trials=1, epochs=6)
    stopped_after(runner, 2, lambda: postgres.stop("immediate"))
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(len(asked))
        if len(asked) == 5:  # after two epochs more
            assert runner.trainer.outage.is_on
            postgres.start()
        return False

    object.__setattr__(runner.trainer, "should_stop", should_stop)
    assert run_all(runner) == [Outcome.COMPLETE]
    assert not runner.trainer.outage.is_on
    epochs = read_epochs(runner.search.store.database, "restarted", [0])[0]
    assert [result.epoch for result in epochs] == [1, 2, 3, 4, 5, 6]
    whole = make_runner(tmp_path, study="restarted", trials=1, epochs=6)
    run_all(whole)
    assert [r.val_loss for r in epochs] == [
        r.val_loss for r in read_epochs(whole.search.store.database, "restarted", [0])[0]
    ]
    waiting = runner.search.store.artifacts.local_file(checkpoint_file("restarted", 0))
    assert waiting is not None
    assert not waiting.exists()
    assert not any(runner.search.store.artifacts.new_file("any").parent.iterdir())


def test_a_server_that_stays_away_ends_a_call_and_nothing_is_lost(
    tmp_path: Path, database: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = make_runner(tmp_path, storage=database, study="away", trials=1, epochs=6)
    stopped_after(runner, 2, postgres.stop)
    with monkeypatch.context() as patched:
        patched.setattr("studies.failures.MAX_OUTAGE_SECONDS", 0.0)
        with pytest.raises(SearchFailedError, match=r"server of postgresql://.* did not answer for 0 s .*is lost"):
            run_all(runner)
    postgres.start()
    (slot,) = runner.search.slots.read((SlotState.RUNNING,))
    runner.search.slots.hand_back(WORKER)
    again = make_runner(tmp_path, storage=database, study="away", trials=1, epochs=6)
    trained: list[int] = []
    keep = type(again.trainer)._store_epoch
    monkeypatch.setattr(
        type(again.trainer),
        "_store_epoch",
        lambda self, slot, training: trained.append(len(training.results)) or keep(self, slot, training),
    )
    assert run_all(again) == [Outcome.COMPLETE]
    assert trained[0] > 3, "epoch 3 and those after it were trained while the server was away, and not again"
    assert slot.trial_number == 0
    assert len(read_epochs(again.search.store.database, "away", [0])[0]) == 6


def test_only_a_server_is_ever_away(tmp_path: Path, database: str) -> None:
    outage = Outage("url")
    with pytest.raises(ZeroDivisionError), outage.bridging():
        _ = 1 / 0
    with pytest.raises(InputError) as caught:
        Store.open("postgresql://me:secret@127.0.0.1:1/db")
    assert is_outage(caught.value)
    store = make_runner(tmp_path).search.store
    with pytest.raises(Exception, match="no_such_table") as failed, store.database.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM no_such_table")
    assert not is_outage(failed.value)
