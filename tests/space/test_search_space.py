import math
import random
import tomllib
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from space.architecture import ArchitectureSpec, num_params
from space.errors import InputError
from space.layers import AveragePool, Conv, GlobalAveragePool, Linear, MaxPool
from space.random_draw import RandomDraw
from space.search_space import SearchSpace
from tests.spaces import STORED_EARLIER
from tests.strategies import search_spaces

DEFAULT = SearchSpace.default()


def _draw(space: SearchSpace, seed: int = 0) -> tuple[dict[str, Any], Any]:
    trial = RandomDraw(random.Random(seed))
    return trial.params, space.suggest_candidate(trial, epochs=15)


def _read(folder: Path, text: str) -> SearchSpace:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return SearchSpace.from_file(path)


# Reading and writing


def test_an_empty_file_is_the_default_space(tmp_path: Path) -> None:
    assert _read(tmp_path, "") == DEFAULT


def test_a_partial_file_changes_only_what_it_names(tmp_path: Path) -> None:
    space = _read(tmp_path, "[training]\nmax_lr = [0.05, 0.1]\n")
    assert space.training.max_lr == (0.05, 0.1)
    assert space.training == DEFAULT.training.model_copy(update={"max_lr": (0.05, 0.1)})
    assert (space.stage, space.architecture) == (DEFAULT.stage, DEFAULT.architecture)


def test_the_stages_of_a_file_replace_the_defaults_whole(tmp_path: Path) -> None:
    space = _read(tmp_path, "[[stage]]\nlayers = [2, 2]\nwidth = [5, 6]\nkernel = 5\n")
    assert [stage.model_dump() for stage in space.stage] == [
        {
            "layers": (2, 2),
            "width": (5, 6),
            "kernel": 5,
            "padding": "same",
            "convolution_choices": ("plain",),
            "unpadded": 0,
        }
    ]
    assert (space.architecture, space.training) == (DEFAULT.architecture, DEFAULT.training)


def test_whole_numbers_are_read_where_fractions_are_meant(tmp_path: Path) -> None:
    assert _read(tmp_path, "[training]\nmax_lr = [1, 2]\n").training.max_lr == (1.0, 2.0)


@given(space=search_spaces())
def test_toml_round_trip(space: SearchSpace, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert _read(tmp_path_factory.mktemp("space"), space.to_toml()) == space


@given(space=search_spaces())
def test_stored_round_trip(space: SearchSpace) -> None:
    assert SearchSpace.from_stored(space.to_stored()) == space


def test_a_space_that_an_earlier_version_stored_keeps_its_meaning_and_its_text() -> None:
    space = SearchSpace.from_stored(STORED_EARLIER)
    assert [stage.convolution_choices for stage in space.stage] == [("plain",)] * 3
    assert [stage.unpadded for stage in space.stage] == [0, 0, 0]
    assert space.architecture.pool_choices == ("max",)
    assert (space.training.plain_epochs, space.training.precise_batch_norm) == (0, False)
    assert space.to_stored() == STORED_EARLIER


def test_toml_round_trip_of_the_default(tmp_path: Path) -> None:
    assert _read(tmp_path, DEFAULT.to_toml()) == DEFAULT


# Files that are refused

STAGE = "[[stage]]\nlayers = [1, 2]\nwidth = [4, 8]\n"

# (file, what the message says of key, rule and value)
BAD_FILES = {
    "unknown key": ("trainig = 1", ["unknown key 'trainig'; did you mean 'training'?"]),
    "unknown key, nothing like it": (
        "zzz = 1",
        ["unknown key 'zzz'; known are stage, architecture, training"],
    ),
    "unknown key in training": (
        "[training]\nmax_lrr = [0.1, 0.2]",
        ["unknown key 'training.max_lrr'; did you mean 'max_lr'?"],
    ),
    "unknown key in architecture": ("[architecture]\ndropuot = [0, 0]", ["did you mean 'dropout'?"]),
    "unknown key in a stage": (
        STAGE + STAGE + "paddding = 'same'",
        ["unknown key 'stage.2.paddding'; did you mean 'padding'?"],
    ),
    "misspelt key that was needed": (
        "[[stage]]\nlayers = [1, 2]\nwidht = [4, 8]",
        ["unknown key 'stage.1.widht'; did you mean 'width'?"],
    ),
    "unknown key of two lines": ('"a\\nb" = 1', ["unknown key 'a\\nb'"]),
    "missing key": ("[[stage]]\nlayers = [1, 2]", ["'stage.1.width'", "missing"]),
    "reversed range": ("[training]\nmax_lr = [0.4, 0.02]", ["'training.max_lr'", "low first", "[0.4, 0.02]"]),
    "reversed range in a stage": (
        STAGE.replace("[4, 8]", "[8, 4]"),
        ["'stage.1.width'", "low first", "[8, 4]"],
    ),
    "empty range": ("[training]\nmax_lr = []", ["'training.max_lr.1'", "missing", "[]"]),
    "range of one": ("[training]\nmax_lr = [0.1]", ["'training.max_lr.2'", "missing", "[0.1]"]),
    "range of three": (
        "[training]\nmax_lr = [0.1, 0.2, 0.3]",
        ["'training.max_lr'", "2 items", "[0.1, 0.2, 0.3]"],
    ),
    "number for a range": ("[training]\nmax_lr = 0.1", ["'training.max_lr'", "0.1"]),
    "no choices": (
        "[training]\nbatch_size_choices = []",
        ["'training.batch_size_choices'", "at least 1 item", "[]"],
    ),
    "choice twice": (
        "[training]\nbatch_size_choices = [32, 32]",
        ["'training.batch_size_choices'", "once", "[32, 32]"],
    ),
    "batch of one": (
        "[training]\nbatch_size_choices = [64, 1]",
        ["'training.batch_size_choices.2'", "2", "not 1"],
    ),
    "text for a number": ("[training]\nmax_lr = ['0.1', 0.2]", ["'training.max_lr.1'", "number", "'0.1'"]),
    "boolean for a number": ("[training]\nmax_lr = [0.1, true]", ["'training.max_lr.2'", "number", "True"]),
    "boolean for a whole number": (
        STAGE.replace("[1, 2]", "[true, 2]"),
        ["'stage.1.layers.1'", "integer", "True"],
    ),
    "fraction for a whole number": (
        STAGE.replace("[4, 8]", "[4, 8.0]"),
        ["'stage.1.width.2'", "integer", "8.0"],
    ),
    "table for the stages": ("[stage]\nlayers = [1, 2]", ["'stage'", "{'layers': [1, 2]}"]),
    "number for a table": ("training = 5", ["'training'", "not 5"]),
    "no stages": ("stage = []", ["'stage'", "at least 1 item", "[]"]),
    "no layers": (STAGE.replace("[1, 2]", "[0, 2]"), ["'stage.1.layers.1'", "1", "not 0"]),
    "far too many layers": (
        STAGE.replace("[1, 2]", "[1, 17]"),
        ["'stage.1.layers.2'", "16", "not 17"],
    ),
    "no width": (STAGE.replace("[4, 8]", "[0, 8]"), ["'stage.1.width.1'", "1", "not 0"]),
    "far too wide": (STAGE.replace("[4, 8]", "[4, 1025]"), ["'stage.1.width.2'", "1024", "not 1025"]),
    "kernel": (STAGE + "kernel = 4", ["'stage.1.kernel'", "1, 3 or 5", "not 4"]),
    "padding": (STAGE + "padding = 'full'", ["'stage.1.padding'", "'same' or 'valid'", "not 'full'"]),
    "zero on a log scale": (
        "[training]\nweight_decay = [0.0, 0.1]",
        ["'training.weight_decay.1'", "than 0", "0.0"],
    ),
    "nan": ("[training]\nmax_lr = [nan, 1.0]", ["'training.max_lr.1'", "nan"]),
    "inf": ("[training]\nmax_lr = [0.1, inf]", ["'training.max_lr.2'", "finite", "inf"]),
    "nan fraction": ("[architecture]\ndropout = [0.0, nan]", ["'architecture.dropout.2'", "nan"]),
    "nan strength": ("[training]\naugmentation = [nan, 1]", ["'training.augmentation.1'", "nan"]),
    "inf fraction": ("[training]\nlabel_smoothing = [0, inf]", ["'training.label_smoothing.2'", "inf"]),
    "fraction of one": (
        "[training]\nlabel_smoothing = [0.0, 1.0]",
        ["'training.label_smoothing.2'", "1", "1.0"],
    ),
    "strength too high": ("[training]\naugmentation = [0, 6]", ["'training.augmentation.2'", "5", "not 6"]),
    "dropout between steps": (
        "[architecture]\ndropout = [0.0, 0.996]",
        ["'architecture.dropout'", "0.01", "0.996"],
    ),
    "too deep for the padding": (
        STAGE.replace("[1, 2]", "[1, 14]") + "padding = 'valid'",
        ["'stage'", "14 layers", "layer 14 '4v:br'", "spatial size", "2x2 would become 0x0"],
    ),
    "too many stages": (
        STAGE * 6,
        ["'stage'", "2 + 2 + 2 + 2 + 2 + 2 layers", "'p'", "1x1 would become 0x0"],
    ),
    "not TOML": ("[training\n", ["is not TOML"]),
    "number too long for the parser": ("x = " + "9" * 5_000, ["is not TOML"]),
    "lists too deep for the parser": ("x = " + "[" * 5_000, ["is not TOML"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused_in_one_line_with_file_key_and_value(tmp_path: Path, case: str) -> None:
    text, said = BAD_FILES[case]
    with pytest.raises(InputError) as error:
        _read(tmp_path, text)
    message = str(error.value)
    assert len(message.splitlines()) == 1
    for part in (str(tmp_path / "mine.toml"), *said):
        assert part in message


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.toml", "can't be read: No such file"), (tmp_path, "is a folder: a file is")):
        with pytest.raises(InputError, match=f"the space file {path} {reason}"):
            SearchSpace.from_file(path)
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=f"the space file {path} is not TOML"):
        SearchSpace.from_file(path)


_keys = st.sampled_from(["stage", "architecture", "training", "layers", "width", "kernel", "max_lr", "dropout"])
_values = st.recursive(
    st.integers() | st.floats() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys | st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(tables=st.dictionaries(_keys | st.text(max_size=3), _values, max_size=3))
@example(tables={"a\nb": 1})
def test_any_toml_is_a_space_or_a_one_line_input_error(
    tables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "\n".join(f"{_toml(key)} = {_toml(value)}" for key, value in tables.items())
    try:
        assert tomllib.loads(text).keys() == tables.keys()
    except tomllib.TOMLDecodeError:
        assume(False)
    refusal = "none"
    try:
        _draw(_read(tmp_path_factory.mktemp("space"), text))
    except InputError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return repr(value)


# Sampling


@given(search_spaces(), st.integers(0, 2**32))
def test_draws_stay_within_the_ranges_and_become_the_candidate(space: SearchSpace, seed: int) -> None:
    params, candidate = _draw(space, seed)
    ranges = {name: getattr(space.training, name) for name in ("max_lr", "weight_decay", "label_smoothing")}
    ranges |= {"augmentation": space.training.augmentation, "dropout": space.architecture.dropout}
    menus = {"batch_size": space.training.batch_size_choices, "pool": space.architecture.pool_choices}
    menus |= {f"stage{i}_convolution": stage.convolution_choices for i, stage in enumerate(space.stage, start=1)}
    # What is not open is not a parameter, except for the batch size, which always was one.
    chosen = {name: params.get(name, menu[0]) for name, menu in menus.items()}
    open_menus = {name for name, menu in menus.items() if len(menu) > 1} | {"batch_size"}
    for i, stage in enumerate(space.stage, start=1):
        ranges[f"stage{i}_layers"] = stage.layers
        ranges |= {f"stage{i}_width{j}": stage.width for j in range(1, stage.layers[1] + 1)}
    assert params.keys() == {*ranges, *open_menus}
    for name, menu in menus.items():
        assert chosen[name] in menu, name
    for name, (low, high) in ranges.items():
        assert low <= params[name] <= high, name

    expected: list[object] = []
    for i, stage in enumerate(space.stage, start=1):
        expected += [AveragePool(2) if chosen["pool"] == "average" else MaxPool(2)] if i > 1 else []
        expected += [
            Conv(
                params[f"stage{i}_width{j}"],
                kernel=stage.kernel,
                padding=stage.kernel // 2
                if stage.padding == "same" and j <= params[f"stage{i}_layers"] - stage.unpadded
                else 0,
                dropout=round(params["dropout"], 2),
                # A net's first convolution reads a single channel, and is always plain.
                separable=chosen[f"stage{i}_convolution"] == "separable" and (i, j) != (1, 1),
            )
            for j in range(1, params[f"stage{i}_layers"] + 1)
        ]
    assert candidate.architecture.layers == (*expected, GlobalAveragePool(), Linear(10))
    training = candidate.training
    assert (training.epochs, training.batch_size, training.max_lr) == (
        15,
        params["batch_size"],
        params["max_lr"],
    )
    assert training.weight_decay == params["weight_decay"]
    assert training.label_smoothing == params["label_smoothing"]
    assert (training.rotation, training.translation, training.scale) == pytest.approx(
        [params["augmentation"] * unit for unit in (10.0, 0.05, 0.1)]
    )
    assert (training.plain_share, training.plain_epochs) == (0.0, space.training.plain_epochs)
    assert training.precise_batch_norm == space.training.precise_batch_norm


def test_random_draws_reach_both_ends_and_favour_neither() -> None:
    trial = RandomDraw(random.Random(0))
    ints = [trial.suggest_int("plain", 3, 5) for _ in range(2_000)]
    assert {value: round(ints.count(value) / 2_000, 1) for value in set(ints)} == {3: 0.3, 4: 0.3, 5: 0.3}
    # On a log scale each of 1..64 gets the share of its rounding interval.
    logs = [trial.suggest_int("log", 1, 64, log=True) for _ in range(2_000)]
    assert (min(logs), max(logs)) == (1, 64)
    middle = math.sqrt(0.5 * 64.5)
    assert sum(value < middle for value in logs) / 2_000 == pytest.approx(0.5, abs=0.05)
    # 57 steps of 0.01 are 0.5700000000000001 in floating point.
    steps = [trial.suggest_float("step", 0.0, 0.57, step=0.01) for _ in range(2_000)]
    assert (min(steps), max(steps)) == (0.0, 0.57)
    assert len(set(steps)) == 58
    floats = [trial.suggest_float("float", 1e-5, 1e-3, log=True) for _ in range(2_000)]
    assert sum(value < 1e-4 for value in floats) / 2_000 == pytest.approx(0.5, abs=0.05)


def test_the_same_generator_state_draws_the_same_candidate() -> None:
    assert _draw(DEFAULT, 7) == _draw(DEFAULT, 7)
    assert _draw(DEFAULT, 7) != _draw(DEFAULT, 8)


@settings(max_examples=300)
@given(search_spaces(), st.integers(0, 2**32))
def test_nothing_drawn_is_smaller_than_the_smallest(space: SearchSpace, seed: int) -> None:
    assert num_params(space.smallest) <= _draw(space, seed)[1].num_params


def test_the_smallest_of_the_default_space() -> None:
    assert str(DEFAULT.smallest) == "3s:br ap sep3s:br sep3s:br ap sep3v:br sep3v:br gap fc10+"
    assert num_params(DEFAULT.smallest) == (27 + 6) + 4 * (27 + 9 + 6) + 40


@pytest.mark.parametrize(("budget", "draws"), [(700, 60_000), (1_500, 2_000), (8_000, 100), (50_000, 50)])
def test_the_default_space_has_many_candidates_under_every_budget(budget: int, draws: int) -> None:
    trial = RandomDraw(random.Random(0))
    drawn = (DEFAULT.suggest_candidate(trial, epochs=15) for _ in range(draws))
    under: set[ArchitectureSpec] = set()
    while len(under) < 20 and (candidate := next(drawn, None)):
        if candidate.num_params <= budget:
            under.add(candidate.architecture)
    assert len(under) == 20


def test_an_optuna_study_samples_the_same_parameters_in_every_trial() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    candidates = set()
    for _ in range(30):
        trial = study.ask()
        candidates.add(DEFAULT.suggest_candidate(trial, epochs=15))
        study.tell(trial, 0.0)
    assert len(candidates) == 30
    assert len({candidate.architecture.layers for candidate in candidates}) > 20
    spaces = [trial.distributions for trial in study.trials]
    assert all(space == spaces[0] for space in spaces)
    assert spaces[0].keys() == _draw(DEFAULT)[0].keys()


@settings(max_examples=30, deadline=None)
@given(search_spaces())
@pytest.mark.filterwarnings("error")
def test_optuna_takes_every_valid_space_without_a_warning(space: SearchSpace) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    assert space.suggest_candidate(study.ask(), epochs=15).num_params > 0
