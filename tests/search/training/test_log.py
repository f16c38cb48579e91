import builtins
import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_core.training_checkpoint import load_training
from search.training.log import TrainingLog, best_epoch
from search.training.request import TrainRequest, train_model
from space.errors import InputError
from tests.search.training.conftest import Killed, log_of
from tests.stores import results

pytestmark = pytest.mark.usefixtures("one_thread")


STAMP = "2026-11-21 10:00:00+00:00"


def read_epochs(folder: Path) -> list[tuple[str, str]]:
    with (folder / "epochs.csv").open(encoding="utf-8") as file:
        return [(row["epoch"], row["val_accuracy"]) for row in csv.DictReader(file)]


def test_epochs_are_told_once_in_the_log_the_table_and_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    epochs = results(0.5, 0.75, 0.625)
    with TrainingLog(tmp_path, num_epochs=12, quiet=False) as log:
        log.start("a net", [])
        assert read_epochs(tmp_path) == []
        for number in (1, 2, 2, 3):
            log.update(epochs[:number])
        assert not log.is_complete
        log.finish(epochs)
    lines = log_of(tmp_path)
    assert capsys.readouterr().err.splitlines() == lines
    assert lines[0] == "a net"
    assert [line.split("  train loss")[0] for line in lines[1:-1]] == ["epoch  1/12", "epoch  2/12", "epoch  3/12"]
    assert "val accuracy 75.00 %  learning rate 0.05  2.0 s" in lines[2]
    assert lines[-1].startswith("finished after epoch 3 of 12: val accuracy 62.50 %; best 75.00 % after epoch 2; 0:06 ")
    assert read_epochs(tmp_path) == [("1", "0.5"), ("2", "0.75"), ("3", "0.625")]


def test_a_log_goes_on_after_its_last_whole_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    epochs = results(0.5, 0.75, 0.625)
    with TrainingLog(tmp_path, num_epochs=3, quiet=True) as log:
        log.start("a net", [])
        log.update(epochs[:1])
    # The second epoch was told of in half a line; what a net is called is no epoch.
    with (tmp_path / "train.log").open("ab") as file:
        file.write(f"{STAMP}  a net of the epoch that finished\n{STAMP}  epoch 2/3  train lo".encode())
    with TrainingLog(tmp_path, num_epochs=3, quiet=True) as log:
        log.start("a net again", epochs[:2])
        log.update(epochs)
        log.finish(epochs)
    assert [line.split("  ")[0].split(":")[0] for line in log_of(tmp_path)] == [
        *("a net", "epoch 1/3", "a net of the epoch that finished"),
        *("a net again", "going on after epoch 2 of 3", "epoch 2/3", "epoch 3/3", "finished after epoch 3 of 3"),
    ]
    with TrainingLog(tmp_path, num_epochs=3, quiet=True) as log:
        assert log.is_complete
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_the_last_words_are_told_even_where_all_else_is_quiet(
    quiet: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with TrainingLog(tmp_path, num_epochs=3, quiet=quiet) as log:
        log.interrupt(results(0.5))
    expected = "interrupted after epoch 1 of 3: the same command continues"
    assert capsys.readouterr().err == f"{expected}\n"
    assert log_of(tmp_path) == [expected]


def test_the_best_epoch_is_the_first_of_equals() -> None:
    assert best_epoch(results(0.5, 0.75, 0.75, 0.6)).epoch == 2
    assert best_epoch(results(0.5)).epoch == 1


# TensorBoard


def test_tensorboard_has_every_epoch_once_after_a_kill(
    request_: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    request = replace(request_, tensorboard=tmp_path / "board")
    real, num_left = os.replace, 4  # when the third epoch is about to be kept

    def killed(source: Path, target: Path) -> None:
        nonlocal num_left
        num_left -= Path(target).name == "state.safetensors"
        if num_left == 0:
            raise Killed
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(Killed):
            train_model(request)
    train_model(request)
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    results = load_training(request.out / "state.safetensors").state.results
    for tag, name in (("accuracy/validation", "val_accuracy"), ("loss/train", "train_loss")):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3]
        assert [scalar.value for scalar in scalars] == pytest.approx([getattr(result, name) for result in results])


def test_tensorboard_that_is_not_installed_is_named(request_: TrainRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "tensorboard":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    expected = r"--tensorboard needs the package tensorboard: pip install -e '\.\[tensorboard\]'"
    with pytest.raises(InputError, match=expected):
        train_model(replace(request_, tensorboard=request_.out.parent / "board"))
    assert not request_.out.exists()
