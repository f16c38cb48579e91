"""One model trained on its own: its folder, and that it ends the same however often it was interrupted."""

import csv
import errno
import fcntl
import json
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from mnist_core.checkpoint import load_checkpoint, restore_model
from mnist_core.data import load_dataset
from mnist_core.evaluation import evaluate
from mnist_core.torch_session import TorchSession
from mnist_core.training_checkpoint import load_training
from search.cli.app import main
from search.training.request import TrainRequest, train_model
from space.errors import InputError, SearchFailedError
from space.recipes import RECIPES
from tests.search.training.conftest import FILES, NET, Killed, assert_same_training, contents, log_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_folder_holds_everything_about_a_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    train_model(
        TrainRequest(
            model="000-step3",
            out=out,
            epochs=2,
            settings=("rotation=3",),
            dataset="digits",
            train_size=200,
            seed=5,
            engine="torch",
        )
    )
    printed = capsys.readouterr()
    assert {path.name for path in out.iterdir()} == FILES

    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    recipe = RECIPES["000-step3"]
    data = load_dataset("digits", None)
    training = replace(recipe.candidate.training, epochs=2, rotation=3.0)
    expected = {
        "model": "000-step3",
        "notation": str(recipe.candidate.architecture),
        "training": replace(recipe.candidate, training=training).to_json()["training"],
        "overrides": {"epochs": 2, "rotation": 3.0},
        "assumed": list(recipe.assumed),
        "reconstruction": False,
        "seed": 5,
        "dataset_sha256": data.sha256,
        "num_train": 200,
        "num_validation": 300,
        "device": "cpu",
    }
    assert expected.items() <= config.items()
    assert config["versions"]["torch"] == torch.__version__
    assert Image.open(out / "samples.png").size == (812, 630)
    assert "total" in (out / "layers.txt").read_text(encoding="utf-8")

    with (out / "epochs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = load_checkpoint(out / "last.safetensors")
    assert (last.candidate.training, last.seed, last.trial) == (training, 5, None)
    # Those of the recipe, not of digits.
    assert (last.mean, last.std) == (0.1307, 0.3081)
    assert last.val_accuracy == float(rows[-1]["val_accuracy"])
    images, labels = torch.tensor(data.validation.images), torch.tensor(data.validation.labels)
    measured = evaluate(restore_model(last), images, labels, mean=last.mean, std=last.std)
    assert measured.accuracy == pytest.approx(last.val_accuracy, abs=1 / 300)
    assert measured.loss == pytest.approx(float(rows[-1]["val_loss"]), rel=1e-4)

    (line,) = printed.out.splitlines()
    assert line.startswith(f"000-step3, seed 5: {100 * last.val_accuracy:.2f} % of 300 validation images after epoch 2")
    assert f"{out}/last.safetensors, {out}/best.safetensors" in line
    # A pipe gets the lines of the log, unbroken.
    assert printed.err.splitlines() == log_of(out)


def test_the_best_model_is_that_of_the_first_best_epoch(
    request_: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies = iter([0.5, 0.7, 0.7, 0.6])
    real = TorchSession.evaluate
    monkeypatch.setattr(TorchSession, "evaluate", lambda self: replace(real(self), accuracy=next(accuracies)))
    # A training that ends measures BatchNorm's statistics again, and the best model is saved before that.
    as_trained = ("plain_epochs=0", "precise_batch_norm=false")
    train_model(replace(request_, epochs=4, settings=as_trained))
    best, last = (load_checkpoint(tmp_path / "out" / name) for name in ("best.safetensors", "last.safetensors"))
    assert (best.val_accuracy, last.val_accuracy) == (0.7, 0.6)
    log = log_of(tmp_path / "out")[-1]
    assert log.startswith("finished after epoch 4 of 4: val accuracy 60.00 %; best 70.00 % after epoch 2;")
    # The weights of epoch 2: what training that ends there leaves.
    accuracies = iter([0.5, 0.7])
    train_model(replace(request_, epochs=4, settings=(*as_trained, "stop_accuracy=0.7"), out=tmp_path / "two"))
    two = load_checkpoint(tmp_path / "two" / "last.safetensors")
    assert all(torch.equal(tensor, two.weights[name]) for name, tensor in best.weights.items())


def test_a_kill_before_or_after_any_write_changes_nothing_in_the_end(
    request_: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Adam has two arrays, and a plateau is judged by the epochs before.
    request = replace(
        request_, epochs=2, settings=("optimizer=adam", "schedule=plateau", "lr_patience=0", "max_lr=0.01"), max_lr=None
    )
    train_model(replace(request, out=tmp_path / "reference"))
    real = os.replace
    num_writes = 0
    while True:
        folder = tmp_path / f"killed-{num_writes}"
        left = num_writes

        def killed(source: Path, target: Path) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", killed)
            try:
                train_model(replace(request, out=folder))
                break
            except Killed:
                pass
        if folder.exists():  # what is left by a kill in the middle of a write
            (folder / ".epochs.csv.1.tmp").write_bytes(b"epo")
            if (folder / "train.log").exists():
                with (folder / "train.log").open("ab") as log:
                    log.write(b"2026-11-21 10:00:00+00:00  epoch")
        train_model(replace(request, out=folder))
        assert_same_training(folder, tmp_path / "reference")
        num_writes += 1
    # The state, three descriptions and a table at the start, and four files an epoch.
    assert num_writes == 13


def call(arguments: list[str], stderr: Path) -> None:
    """The real command, in a process that has imported all that is slow to import."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    sys.argv = ["search", *arguments]
    main()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., BaseProcess]]:
    context = get_context("forkserver")
    # The last is what torch's optimisers import in their first step.
    context.set_forkserver_preload(
        [
            "search.training.folder",
            "search.reports.status",
            "search.training.samples",
            "torch._dynamo",
        ]
    )
    started: list[BaseProcess] = []

    def begin(*arguments: object) -> BaseProcess:
        process = context.Process(target=call, args=(list(map(str, arguments)), tmp_path / "stderr.txt"))
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


def wait_for(process: BaseProcess, log: Path, text: str) -> None:
    deadline = time.monotonic() + 120
    while not (log.exists() and text in log.read_text(encoding="utf-8")):
        assert process.is_alive(), "it ended by itself"
        assert time.monotonic() < deadline, f"no {text!r} in the log"
        time.sleep(0.002)


@pytest.mark.parametrize("engine", ["torch", "native"], indirect=True)
def test_killed_three_times_it_ends_with_the_weights_of_one_training(engine, tmp_path: Path, start) -> None:
    name = "torch" if engine.library is None else "native"
    options = ("train", NET, "--dataset", "digits", "--train-size", "150", "--epochs", "30", "--engine", name, "--out")
    whole = start(*options, tmp_path / "whole")
    whole.join(120)
    assert whole.exitcode == 0
    generator = random.Random(7)
    for epoch in (2, 8, 14):
        process = start(*options, tmp_path / "killed")
        wait_for(process, tmp_path / "killed/train.log", f"epoch {epoch:>2}/30")
        time.sleep(generator.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended by itself"
        assert len(load_training(tmp_path / "killed/state.safetensors").state.results) < 30
    process = start(*options, tmp_path / "killed")
    process.join(120)
    assert process.exitcode == 0
    assert_same_training(tmp_path / "killed", tmp_path / "whole")
    assert sum(line.startswith("going on after epoch") for line in log_of(tmp_path / "killed")) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_even_in_a_long_epoch(number: int, tmp_path: Path, start, default_engine) -> None:
    """A net so wide that an epoch takes much longer than this test waits."""
    out = tmp_path / "out"
    process = start("train", "200s:br 200s:br gap fc10+", "--dataset", "digits", "--out", out, "--quiet")
    wait_for(process, out / "train.log", "engine")
    time.sleep(1)
    started = time.monotonic()
    os.kill(process.pid, number)
    process.join(20)
    assert process.exitcode == 130
    assert time.monotonic() - started < 5
    expected = "interrupted after epoch 0 of 15: the same command continues"
    assert (tmp_path / "stderr.txt").read_text(encoding="utf-8").splitlines() == [expected]
    assert log_of(out)[-1] == expected
    assert load_training(out / "state.safetensors").state.results == []


def test_a_training_that_is_over_stays_as_it_is(request_: TrainRequest, capsys: pytest.CaptureFixture[str]) -> None:
    request = replace(request_, settings=("patience=1", "max_lr=1e-9"), epochs=9)
    train_model(request)
    first = capsys.readouterr().out
    assert "after epoch 2 of 9, where it stopped early" in first
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in request.out.iterdir()}
    train_model(request)
    assert capsys.readouterr().out == first.rstrip("\n") + "; it was over already\n"
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in request.out.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"epochs": 4, "seed": 1},
            "holds another training: epochs was 3 and is now 4, seed was 0 and is now 1; use its settings",
        ),
        ({"model": "5s:br gap fc10+"}, f"training: model was {NET} and is now 5s:br gap fc10+; use its settings"),
        ({"settings": ("clip_norm=1",)}, "training: clip_norm was None and is now 1.0; use its settings"),
        ({"settings": ("plain_share=0.3",)}, "training: plain_share was 0.0 and is now 0.3; use its settings"),
        ({"train_size": 101}, "training: train_size was 100 and is now 101; use its settings"),
        ({"num_seeds": 2}, "holds the training of a single seed: name another folder for --seeds"),
    ],
)
def test_another_training_is_refused_with_what_differs(
    request_: TrainRequest, changes: dict[str, Any], expected: str
) -> None:
    train_model(replace(request_, epochs=3))
    before = contents(request_.out)
    with pytest.raises(InputError, match=re.escape(expected)):
        train_model(replace(request_, **changes))
    assert contents(request_.out) == before


def test_other_images_are_refused(request_: TrainRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    train_model(request_)
    data = load_dataset("digits", None, train_size=100)
    monkeypatch.setattr("search.training.request.load_dataset", lambda *_, **__: replace(data, sha256="0" * 64))
    with pytest.raises(InputError, match=rf"sha256 was {data.sha256[:12]}\.\.\. and is now 0{{12}}\.\.\.;"):
        train_model(request_)


def test_a_folder_that_is_no_training_is_refused_and_left(request_: TrainRequest) -> None:
    request_.out.mkdir()
    (request_.out / "config.json").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds config\.json but no state\.safetensors: name another folder"):
        train_model(request_)
    assert contents(request_.out) == {"config.json": b"mine"}


def test_a_damaged_state_is_named_and_left(request_: TrainRequest) -> None:
    train_model(request_)
    state = request_.out / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-9])
    before = contents(request_.out)
    with pytest.raises(InputError, match=r"state\.safetensors can't be used \(.*\); restore it, or start again"):
        train_model(request_)
    assert contents(request_.out) == before


def test_only_one_process_trains_into_a_folder(request_: TrainRequest) -> None:
    request_.out.mkdir()
    descriptor = os.open(request_.out, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="is in use: another process is training into it"):
        train_model(request_)
    os.close(descriptor)
    assert contents(request_.out) == {}


@pytest.mark.parametrize("name", ["state.safetensors", "best.safetensors", "epochs.csv"])
def test_a_full_disk_ends_a_training_and_the_same_command_goes_on(
    name: str, request_: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, num_left = os.replace, 2

    def fill_up(source: Path, target: Path) -> None:
        nonlocal num_left
        num_left -= Path(target).name == name
        if num_left == 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fill_up)
        with pytest.raises(SearchFailedError, match=rf"{name} can't be written: No space left on device; once it can"):
            train_model(request_)
    train_model(request_)
    train_model(replace(request_, out=tmp_path / "whole"))
    assert_same_training(request_.out, tmp_path / "whole")


def test_a_loss_that_is_not_finite_fails(request_: TrainRequest) -> None:
    with pytest.raises(SearchFailedError, match=r"seed 0: the training loss was \w+ in epoch 1; lower --max-lr"):
        train_model(replace(request_, max_lr=1e12))
    assert log_of(request_.out)[-1].startswith("diverged: the training loss was")
