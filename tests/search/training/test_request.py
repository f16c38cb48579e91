import json
import re
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnist_core.checkpoint import load_checkpoint
from search.models.names import find_candidate
from search.training.request import TrainRequest, read_overrides, train_model
from space.candidate import TrainingConfig
from space.errors import InputError
from space.recipes import RECIPES
from tests.search.training.conftest import NET, assert_same_training

pytestmark = pytest.mark.usefixtures("one_thread")


def test_seeds_train_one_after_another(
    request_: TrainRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_model(replace(request_, seed=4, num_seeds=3))
    accuracies = [load_checkpoint(request_.out / f"seed-{seed}/last.safetensors").val_accuracy for seed in (4, 5, 6)]
    *_, summary = capsys.readouterr().out.splitlines()
    assert summary == (
        f"3 seeds: val accuracy after the last epoch {100 * statistics.mean(accuracies):.2f} % (mean), "
        f"{100 * statistics.stdev(accuracies):.2f} points (standard deviation)"
    )
    train_model(replace(request_, seed=5, out=tmp_path / "alone"))
    assert_same_training(request_.out / "seed-5", tmp_path / "alone")


def test_classes_that_are_not_trained_on_are_told(request_: TrainRequest, capsys: pytest.CaptureFixture[str]) -> None:
    train_model(replace(request_, train_size=2, epochs=1))
    warning = r"warning: the training images of digits hold none of classes (\d, ){7}\d\n"
    assert re.fullmatch(warning, capsys.readouterr().err)


def test_a_model_is_a_recipe_or_a_net() -> None:
    assert find_candidate("004-v1", storage="", study=None) == (RECIPES["004-v1"], RECIPES["004-v1"].candidate)
    recipe, candidate = find_candidate(f"  {NET} ", storage="", study=None)
    assert (recipe, str(candidate.architecture)) == (None, NET)
    assert candidate.training == TrainingConfig(plain_epochs=1, precise_batch_norm=True)


def test_a_net_for_other_images_is_refused_before_anything_is_written(request_: TrainRequest) -> None:
    with pytest.raises(InputError, match="for images of 3x32x32"):
        train_model(replace(request_, model="3x32x32 4s:br gap fc10+"))
    assert not request_.out.exists()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("000-stepp2", "there is no reference system '000-stepp2'; did you mean 000-step2 or "),
        ("8s:br", "an architecture ends in a head"),
        ("8s:br gapp fc10+", "layer 2 'gapp': unknown token"),
        ("8s:br p", "an architecture ends in a head"),
    ],
)
def test_what_is_neither_is_refused(model: str, expected: str) -> None:
    with pytest.raises(InputError, match=re.escape(expected)):
        find_candidate(model, storage="", study=None)


def test_settings_are_read_by_their_type(request_: TrainRequest) -> None:
    settings = ("nesterov=false", "clip_norm=none", "patience=4", "schedule=step", "weight_decay=0", "max_lr=1e-2")
    assert read_overrides(replace(request_, epochs=7, batch_size=None, settings=settings)) == {
        "epochs": 7,
        "nesterov": False,
        "clip_norm": None,
        "patience": 4,
        "schedule": "step",
        "weight_decay": 0.0,
        "max_lr": 0.01,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"settings": ("clip_norm",)}, "--set takes NAME=VALUE, not 'clip_norm'"),
        ({"settings": ("momentun=0.9",)}, "--set has no setting 'momentun'; did you mean momentum"),
        ({"settings": ("epochs=4",)}, "epochs is set twice, to 3 and to 4"),
        ({"settings": ("lr_step=2.5",)}, "--set lr_step must be a whole number, not '2.5'"),
        ({"settings": ("clip_norm=big",)}, "--set clip_norm must be a number or none, not 'big'"),
        ({"settings": ("nesterov=1",)}, "--set nesterov must be true or false, not '1'"),
        ({"settings": ("momentum=none",)}, "--set momentum must be a number, not 'none'"),
        ({"settings": ("optimizer=rmsprop",)}, "optimizer must be sgd or adam, not 'rmsprop'"),
        ({"settings": ("rotation=nan",)}, "rotation must be a finite number, not nan"),
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"num_seeds": 0}, "--seeds must be at least 1, not 0"),
        ({"seed": -1}, "--seed must be from 0 to 2^63 - 1, not -1"),
        ({"engine": "numpy"}, "--engine must be one of auto, native, torch, not 'numpy'"),
        ({"dataset": "mnits"}, "--dataset must be one of mnist,"),
        ({"device": "gpu"}, "--device must be one of auto, cpu, cuda, xpu, mps, not 'gpu'"),
        ({"model": "8s:br gap fc7+"}, "digits has 10 classes, so the last layer must have that width, not 7"),
        ({"out": Path("missing/out")}, "--out missing/out can't be written: the folder missing does not exist"),
        ({"out": Path(__file__)}, f"{Path(__file__).name} is a file; it must be a folder"),
        ({"tensorboard": Path(__file__)}, f"{Path(__file__).name} is a file; it must be a folder"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_written(
    request_: TrainRequest, tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InputError, match=re.escape(expected)):
        train_model(replace(request_, **changes))
    assert list(tmp_path.iterdir()) == []


def test_the_command_passes_every_option_on(search_here) -> None:
    result = search_here(
        *("train", NET, "--out", "out", "--epochs", "2", "--batch-size", "50", "--max-lr", "0.05"),
        *("--set", "rotation=0", "--set", "nesterov=false", "--seed", "3", "--dataset", "digits"),
        *("--train-size", "100", "--device", "cpu", "--engine", "torch", "--quiet"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    config = json.loads((search_here.folder / "out/config.json").read_text(encoding="utf-8"))
    changed = {"epochs": 2, "batch_size": 50, "max_lr": 0.05, "rotation": 0.0, "nesterov": False}
    assert (config["overrides"], config["seed"], config["num_train"]) == (changed, 3, 100)
    assert config["engine"].startswith("torch")
    refused = search_here("train", NET, "--out", "out", "--dataset", "digits")
    assert refused.returncode == 2
    assert re.fullmatch(r"error: --out out holds another training: .*\n", refused.stderr)
