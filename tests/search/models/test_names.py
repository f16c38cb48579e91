"""One rule says what a MODEL is, and every command that takes one follows it."""

from pathlib import Path

import pytest

from search.models.names import find_candidate, load_model, parse_model
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from space.recipes import RECIPES
from studies.storage import Store
from studies.trials import attributes_of, candidate_of
from tests.search.conftest import CommandHere, SmallStudy

NET = "8s:br p 12v:br gap fc10+"

KINDS = {
    "000-step3": RECIPES["000-step3"],
    "001": RECIPES["001"],
    "0": 0,
    "12": 12,
    "123456789": 123_456_789,
    "model.safetensors": Path("model.safetensors"),
    "some/where": Path("some/where"),
    "model.onnx": Path("model.onnx"),
    "runs/8s": Path("runs/8s"),
    "runs/2 gap": Path("runs/2 gap"),
    NET: ArchitectureSpec.from_text(NET),
    "8s/2:br 8k1/2 8k5v/2+ gap fc10": ArchitectureSpec.from_text("8s/2:br 8k1/2 8k5v/2+ gap fc10"),
}


@pytest.mark.parametrize("text", KINDS)
def test_a_text_is_one_thing(text: str) -> None:
    assert parse_model(text) == KINDS[text]


def test_a_file_that_exists_needs_no_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").touch()
    assert parse_model("model") == Path("model")


@pytest.mark.parametrize("text", ["000-stp3", "modle", "1234567890", "-1", ""])
def test_a_word_that_is_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_model(text)


def test_a_trial_is_what_it_trained(small_study: SmallStudy) -> None:
    trials = Store.open_read_only(small_study.url).load_study(small_study.name).get_trials(deepcopy=False)
    for trial in trials:
        if "candidate" in attributes_of(trial):
            found = find_candidate(str(trial.number), storage=small_study.url, study=None)
            assert found == (None, candidate_of(trial))
    with pytest.raises(InputError, match="has no trial 999; its trials are numbered 0 to"):
        find_candidate("999", storage=small_study.url, study=None)


def test_a_net_is_trained_as_the_default_space_does() -> None:
    training = TrainingConfig(plain_epochs=1, precise_batch_norm=True)
    candidate = CandidateSpec(ArchitectureSpec.from_text(NET), training)
    assert find_candidate(NET, storage="", study=None) == (None, candidate)


@pytest.mark.parametrize("text", ["000-step3", NET])
def test_what_is_not_trained_has_no_weights(text: str) -> None:
    with pytest.raises(InputError, match=r"not a trained model: 'python -m search train .* --out DIR' makes one"):
        load_model(text, storage="", study=None)


def test_a_trials_number_will_do_for_every_command(copied_study: SmallStudy, search_here: CommandHere) -> None:
    number = next(point["trial"] for point in search_here.json("front"))
    counted = search_here.json("count", number)
    (point,) = [point for point in search_here.json("front") if point["trial"] == number]
    assert (counted["notation"], counted["num_params"]) == (point["notation"], point["num_params"])
    assert search_here.json("check", number, "--max-params", point["num_params"])["holds"]
    assert search_here.json("evaluate", number)["num_params"] == point["num_params"]
    again = ("--dataset", "digits", "--train-size", 60, "--epochs", 1, "--engine", "torch", "--quiet")
    trained = search_here("train", number, "--out", "again", *again)
    assert trained.returncode == 0, trained.stderr
    assert point["notation"] in trained.stdout
    assert copied_study.name in search_here("status").stdout
