import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given

from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec, TrainingConfig
from space.errors import InputError
from tests.strategies import candidates

CANDIDATE = CandidateSpec(ArchitectureSpec.from_text("8s:br p 12v:brd0.05 gap fc10+"))
GOLDEN_KEY, SEPARABLE_KEY = "ca2e6a98e9a4c652", "4c78a164e9f5b3f1"

OTHER_TRAINING = {
    "class_weights": "balanced",
    "flip": 0.5,
    "shift": 0.1,
    "brightness": 0.2,
    "contrast": 0.2,
    "epochs": 16,
    "batch_size": 128,
    "optimizer": "adam",
    "schedule": "step",
    "max_lr": 0.2,
    "pct_start": 0.3,
    "div_factor": 10.0,
    "final_div_factor": 1e3,
    "anneal": "linear",
    "lr_factor": 0.5,
    "lr_step": 6,
    "lr_patience": 2,
    "plateau_on": "train_loss",
    "momentum": 0.8,
    "peak_momentum": 0.85,
    "nesterov": False,
    "weight_decay": 0.0,
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
    "rotation": 7.0,
    "translation": 0.2,
    "scale": 0.2,
    "plain_share": 0.3,
    "plain_epochs": 1,
    "precise_batch_norm": True,
    "pixel_mean": 0.1307,
    "pixel_std": 0.3081,
    "stop_accuracy": 0.994,
    "patience": 5,
}

OTHER_ARCHITECTURES = [
    "9s:br p 12v:brd0.05 gap fc10+",
    "8k5s:br p 12v:brd0.05 gap fc10+",
    "8p2:br p 12v:brd0.05 gap fc10+",
    "8s+:br p 12v:brd0.05 gap fc10+",
    "8s:rb p 12v:brd0.05 gap fc10+",
    "8s:br p3 12v:brd0.05 gap fc10+",
    "8s:br p 12v:brd0.06 gap fc10+",
    "8s:br p 12v:brD0.05 gap fc10+",
    "sep8s:br p 12v:brd0.05 gap fc10+",
    "8s:br p sep12v:brd0.05 gap fc10+",
    "8s:br ap 12v:brd0.05 gap fc10+",
    "8s:br p 12v:brd0.05 flat fc10+",
    "8s:br p 12v:brd0.05 gap fc11+",
    "8s:br p 12v:brd0.05 gap fc10",
    "8s:br p 12v:brd0.05 gap fc10+:r",
    "8s:br 12v:brd0.05 p gap fc10+",
]


@given(candidates())
def test_json_round_trip_keeps_the_candidate_and_its_key(candidate: CandidateSpec) -> None:
    read = CandidateSpec.from_json(candidate.to_json())
    assert read == candidate
    assert read.key == candidate.key


def test_the_count_is_the_architectures() -> None:
    assert CANDIDATE.num_params == (8 * 9 + 16) + (12 * 8 * 9 + 24) + (12 * 10 + 10)


def test_key_is_stable_across_processes_and_versions() -> None:
    assert CANDIDATE.key == GOLDEN_KEY
    script = (
        "from space.architecture import ArchitectureSpec; from space.candidate import CandidateSpec;"
        f"print(CandidateSpec(ArchitectureSpec.from_text({str(CANDIDATE.architecture)!r})).key)"
    )
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}"]
        printed = subprocess.run(command, env={"PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True)
        assert printed.stdout.strip() == GOLDEN_KEY


def test_the_key_of_a_separable_net_with_average_pools_is_stable() -> None:
    architecture = ArchitectureSpec.from_text("8s:br ap sep12v:brd0.05 gap fc10+")
    assert CandidateSpec(architecture).key == SEPARABLE_KEY


def test_every_training_field_has_another_value_to_try() -> None:
    assert set(OTHER_TRAINING) == {item.name for item in fields(TrainingConfig)}


@pytest.mark.parametrize("name", OTHER_TRAINING)
def test_any_other_training_field_gives_another_candidate_and_key(name: str) -> None:
    other = replace(CANDIDATE, training=replace(CANDIDATE.training, **{name: OTHER_TRAINING[name]}))
    assert other != CANDIDATE
    assert other.key != CANDIDATE.key


@pytest.mark.parametrize("notation", OTHER_ARCHITECTURES)
def test_any_other_layer_field_gives_another_candidate_and_key(notation: str) -> None:
    other = replace(CANDIDATE, architecture=ArchitectureSpec.from_text(notation))
    assert other != CANDIDATE
    assert other.key != CANDIDATE.key


EQUAL_VALUES = [
    ("rotation", 7, 7.0),
    ("clip_norm", 1, 1.0),
    ("max_lr", 1, 1.0),
    ("weight_decay", -0.0, 0.0),
    ("pixel_mean", 0, 0.0),
    ("stop_accuracy", 1, 1.0),
]


@pytest.mark.parametrize(("name", "one", "other"), EQUAL_VALUES)
def test_equal_candidates_have_equal_keys_however_the_number_was_written(name: str, one: float, other: float) -> None:
    first = replace(CANDIDATE, training=TrainingConfig(**{name: one}))
    second = replace(CANDIDATE, training=TrainingConfig(**{name: other}))
    assert first == second
    assert first.key == second.key


INF, NAN = float("inf"), float("nan")

BAD_TRAINING = [
    ({"epochs": 0}, "epochs must be at least 1, not 0"),
    ({"epochs": 2.5}, "epochs must be a whole number, not 2.5"),
    ({"epochs": "5"}, "epochs must be a whole number, not '5'"),
    ({"epochs": True}, "epochs must be a whole number, not True"),
    ({"batch_size": 1}, "batch_size must be at least 2, not 1"),
    ({"batch_size": 64.0}, "batch_size must be a whole number, not 64.0"),
    ({"optimizer": "rmsprop"}, "optimizer must be sgd or adam, not 'rmsprop'"),
    ({"optimizer": None}, "optimizer must be text, not None"),
    ({"schedule": "cosine"}, "schedule must be one_cycle, step, plateau or constant, not 'cosine'"),
    ({"schedule": ""}, "schedule must be one_cycle, step, plateau or constant, not ''"),
    ({"max_lr": 0.0}, "max_lr must be above 0, not 0.0"),
    ({"max_lr": -0.1}, "max_lr must be above 0, not -0.1"),
    ({"max_lr": NAN}, "max_lr must be a finite number, not nan"),
    ({"max_lr": INF}, "max_lr must be a finite number, not inf"),
    ({"max_lr": "0.1"}, "max_lr must be a finite number, not '0.1'"),
    ({"max_lr": None}, "max_lr must be a finite number, not None"),
    ({"pct_start": -0.1}, "pct_start must be from 0 to 1, not -0.1"),
    ({"pct_start": 1.1}, "pct_start must be from 0 to 1, not 1.1"),
    ({"div_factor": 0.0}, "div_factor must be above 0, not 0.0"),
    ({"div_factor": INF}, "div_factor must be a finite number, not inf"),
    ({"final_div_factor": 0.0}, "final_div_factor must be above 0, not 0.0"),
    ({"final_div_factor": INF}, "final_div_factor must be a finite number, not inf"),
    ({"anneal": "step"}, "anneal must be cos or linear, not 'step'"),
    ({"anneal": 3}, "anneal must be text, not 3"),
    ({"lr_factor": 0.0}, "lr_factor must be above 0 and at most 1, not 0.0"),
    ({"lr_factor": 1.5}, "lr_factor must be above 0 and at most 1, not 1.5"),
    ({"lr_step": 0}, "lr_step must be at least 1, not 0"),
    ({"lr_step": 2.5}, "lr_step must be a whole number, not 2.5"),
    ({"lr_patience": -1}, "lr_patience must be at least 0, not -1"),
    ({"lr_patience": None}, "lr_patience must be a whole number, not None"),
    ({"plateau_on": "val_accuracy"}, "plateau_on must be val_loss or train_loss, not 'val_accuracy'"),
    ({"momentum": 1.0}, "momentum must be from 0 to below 1, not 1.0"),
    ({"momentum": -0.1}, "momentum must be from 0 to below 1, not -0.1"),
    ({"momentum": 0.0}, "Nesterov needs a momentum above 0, not 0.0"),
    ({"peak_momentum": -0.1}, "peak_momentum must be from 0 to below 1, not -0.1"),
    ({"peak_momentum": 1.0}, "peak_momentum must be from 0 to below 1, not 1.0"),
    ({"peak_momentum": NAN}, "peak_momentum must be a finite number, not nan"),
    ({"nesterov": "no"}, "nesterov must be true or false, not 'no'"),
    ({"nesterov": 1}, "nesterov must be true or false, not 1"),
    ({"weight_decay": -1e-4}, "weight_decay must be at least 0, not -0.0001"),
    ({"weight_decay": INF}, "weight_decay must be a finite number, not inf"),
    ({"label_smoothing": -0.1}, "label_smoothing must be from 0 to below 1, not -0.1"),
    ({"label_smoothing": 1.0}, "label_smoothing must be from 0 to below 1, not 1.0"),
    ({"clip_norm": 0.0}, "clip_norm must be above 0, not 0.0"),
    ({"clip_norm": INF}, "clip_norm must be a finite number, not inf"),
    ({"clip_norm": NAN}, "clip_norm must be a finite number, not nan"),
    ({"rotation": -1.0}, "rotation must be from 0 to 180 degrees, not -1.0"),
    ({"rotation": 181.0}, "rotation must be from 0 to 180 degrees, not 181.0"),
    ({"translation": -0.1}, "translation must be from 0 to 1, not -0.1"),
    ({"translation": 1.1}, "translation must be from 0 to 1, not 1.1"),
    ({"scale": -0.1}, "scale must be from 0 to below 1, not -0.1"),
    ({"scale": 1.0}, "scale must be from 0 to below 1, not 1.0"),
    ({"plain_share": -0.1}, "plain_share must be from 0 to 1, not -0.1"),
    ({"plain_share": 1.1}, "plain_share must be from 0 to 1, not 1.1"),
    ({"plain_epochs": -1}, "plain_epochs must be from 0 to epochs (15), not -1"),
    ({"epochs": 4, "plain_epochs": 5}, "plain_epochs must be from 0 to epochs (4), not 5"),
    ({"plain_epochs": 1.0}, "plain_epochs must be a whole number, not 1.0"),
    ({"precise_batch_norm": 1}, "precise_batch_norm must be true or false, not 1"),
    ({"pixel_mean": "0.13"}, "pixel_mean must be a finite number, not '0.13'"),
    ({"pixel_mean": INF}, "pixel_mean must be a finite number, not inf"),
    ({"pixel_std": 0.0}, "pixel_std must be above 0, not 0.0"),
    ({"pixel_std": -0.3}, "pixel_std must be above 0, not -0.3"),
    ({"stop_accuracy": 0.0}, "stop_accuracy must be above 0 and at most 1, not 0.0"),
    ({"stop_accuracy": 99.4}, "stop_accuracy must be above 0 and at most 1, not 99.4"),
    ({"patience": 0}, "patience must be at least 1, not 0"),
    ({"patience": 1.0}, "patience must be a whole number, not 1.0"),
]


@pytest.mark.parametrize(("values", "refusal"), BAD_TRAINING)
def test_bad_training_values_are_refused_by_rule_and_value(values: dict[str, object], refusal: str) -> None:
    with pytest.raises(InputError) as error:
        TrainingConfig(**values)
    assert str(error.value) == refusal


EDGES = [
    {"epochs": 1},
    {"batch_size": 2},
    {"pct_start": 0.0},
    {"pct_start": 1.0},
    {"optimizer": "adam"},
    *({"schedule": schedule} for schedule in ("one_cycle", "step", "plateau", "constant")),
    {"lr_factor": 1.0},
    {"lr_step": 1},
    {"lr_patience": 0},
    {"plateau_on": "train_loss"},
    {"momentum": 0.0, "nesterov": False},
    {"peak_momentum": 0.0},
    {"weight_decay": 0.0},
    {"rotation": 180.0},
    {"translation": 1.0},
    {"scale": 0.0},
    {"plain_share": 1.0},
    {"epochs": 4, "plain_epochs": 4},
    {"pixel_mean": 0.0},
    {"pixel_mean": -0.5},
    {"stop_accuracy": 1.0},
    {"patience": 1},
    dict.fromkeys(("clip_norm", "peak_momentum", "pixel_mean", "pixel_std", "stop_accuracy", "patience")),
]


@pytest.mark.parametrize("values", EDGES)
def test_the_last_good_training_values_are_taken(values: dict[str, object]) -> None:
    config = TrainingConfig(**values)
    assert {name: getattr(config, name) for name in values} == values


GOOD = CANDIDATE.to_json()
BAD_JSON = [
    (
        GOOD | {"training": {"max_lrr": 0.1}},
        "unknown training setting 'max_lrr'; known are anneal, batch_size",
    ),
    (GOOD | {"training": {"epochs": "5"}}, "epochs must be a whole number, not '5'"),
    (GOOD | {"training": [1]}, "a candidate has"),
    (GOOD | {"architecture": "gap"}, "a candidate has"),
    (GOOD | {"architecture": [{"kind": "conv", "width": 8}]}, "an architecture ends in a head"),
    ({"training": {}}, "a candidate has"),
    ({"architecture": GOOD["architecture"]}, "a candidate has"),
    ({}, "a candidate has"),
]


@pytest.mark.parametrize(("data", "refusal"), BAD_JSON)
def test_malformed_json_is_refused(data: dict[str, object], refusal: str) -> None:
    with pytest.raises(InputError) as error:
        CandidateSpec.from_json(data)
    assert str(error.value).startswith(refusal)


def test_later_settings_are_stored_only_where_they_are_set() -> None:
    later = {"plain_share": 0.3, "plain_epochs": 1, "precise_batch_norm": True}
    assert not later.keys() & CANDIDATE.to_json()["training"].keys()
    config = TrainingConfig(**later)
    stored = CandidateSpec(CANDIDATE.architecture, config).to_json()["training"]
    assert {name: stored[name] for name in later} == later


@pytest.mark.parametrize(
    ("values", "augments"),
    [
        ({}, True),
        ({"plain_share": 0.9, "plain_epochs": 14, "rotation": 0.0, "scale": 0.0}, True),
        ({"plain_share": 1.0}, False),
        ({"plain_epochs": 15}, False),
        ({"rotation": 0.0, "translation": 0.0, "scale": 0.0}, False),
    ],
)
def test_whether_anything_is_augmented(values: dict[str, float], augments: bool) -> None:
    assert TrainingConfig(**values).augments == augments


def test_settings_left_out_of_the_json_take_their_defaults() -> None:
    assert CandidateSpec.from_json(GOOD | {"training": {}}) == CANDIDATE


@pytest.mark.parametrize(("plain_epochs", "epochs", "left"), [(3, 15, 3), (3, 4, 3), (3, 3, 2), (3, 1, 0), (0, 1, 0)])
def test_a_shorter_training_begins_with_augmented_images(plain_epochs: int, epochs: int, left: int) -> None:
    training = TrainingConfig(plain_epochs=plain_epochs, max_lr=0.2)
    assert training.with_epochs(epochs) == TrainingConfig(epochs=epochs, plain_epochs=left, max_lr=0.2)


def test_a_training_without_epochs_is_refused_as_such() -> None:
    with pytest.raises(InputError, match=r"^epochs must be at least 1, not 0$"):
        TrainingConfig(plain_epochs=1).with_epochs(0)
