import statistics
from pathlib import Path

import pytest

from benchmarks.reference_systems import DEFAULT_RUNS, read_runs
from space.candidate import CandidateSpec
from space.measured import Measured, read_measured
from space.recipes import RECIPES


def test_the_table_has_a_line_for_each_system_and_then_what_was_assumed(search) -> None:
    result = search("recipes")
    assert (result.returncode, result.stderr) == (0, "")
    table, _, assumed = result.stdout.partition("Assumed")
    heading, *lines = table.splitlines()
    assert heading.split() == ["name", "parameters", "claimed", "measured", "notation"]
    for line, recipe in zip(lines, RECIPES.values(), strict=False):
        assert line.startswith(f"{recipe.title} ")
        assert f" {recipe.candidate.num_params:,} " in line
        assert f" {100 * recipe.claimed_accuracy:.2f} %" in line
        assert line.rstrip().endswith(str(recipe.candidate.architecture))
    settings = {name: rest.strip() for name, _, rest in (line.partition(" ") for line in assumed.splitlines()[1:])}
    assert settings == {name: "; ".join(recipe.assumed) for name, recipe in RECIPES.items() if recipe.assumed}


def test_json_has_everything(search_here) -> None:
    told = search_here.json("recipes")
    assert [item["name"] for item in told] == list(RECIPES)
    measured = read_measured()
    for item in told:
        recipe = RECIPES[item["name"]]
        assert item["reconstruction"] == recipe.reconstruction
        assert item["num_params"] == recipe.candidate.num_params
        assert item["claimed_accuracy"] == recipe.claimed_accuracy
        assert item["claim"] == recipe.claim
        assert item["assumed"] == list(recipe.assumed)
        assert (item["measured"] is None) == (recipe.name not in measured)
        architecture = recipe.candidate.architecture
        assert item["notation"] == str(architecture)
        rebuilt = {"architecture": architecture.to_json(), "training": item["training"]}
        assert CandidateSpec.from_json(rebuilt) == recipe.candidate


def test_measured_values_are_read(tmp_path: Path) -> None:
    table = tmp_path / "measured.csv"
    table.write_text("name,n,mean,sd\n001,3,0.9912,0.0007\n002-original,1,0.098,\n", encoding="utf-8")
    assert read_measured(table) == {"001": Measured(3, 0.9912, 0.0007), "002-original": Measured(1, 0.098, None)}


def test_what_was_measured_is_of_known_systems_and_in_fractions() -> None:
    measured = read_measured()
    assert measured.keys() <= RECIPES.keys()
    assert all(0 < item.mean < 1 and item.n >= 1 for item in measured.values())
    assert all((item.sd is None) == (item.n == 1) for item in measured.values())


def test_what_was_measured_is_what_the_kept_trainings_reached() -> None:
    runs = read_runs(DEFAULT_RUNS)
    for name, item in read_measured().items():
        last = [run.test_accuracy[-1] for run in runs if run.system == name]
        assert (item.n, item.mean) == (len(last), pytest.approx(statistics.mean(last), abs=1e-6))
        if item.sd is not None:
            assert item.sd == pytest.approx(statistics.stdev(last), abs=1e-6)
    assert {run.system for run in runs} == read_measured().keys()


def test_what_was_measured_is_shown(search_here, tmp_path: Path, monkeypatch) -> None:
    table = {"001": Measured(3, 0.9912, 0.0007), "002-original": Measured(1, 0.098, None)}
    monkeypatch.setattr("search.models.recipes.read_measured", lambda: table)
    lines = {line.split()[0]: line for line in search_here("recipes").stdout.splitlines()[1:11]}
    assert " 99.12 ± 0.07 % (n = 3) " in lines["001"]
    assert " 9.80 % (n = 1) " in lines["002-original"]
    assert " - " in lines["003"]
    told = {item["name"]: item["measured"] for item in search_here.json("recipes")}
    assert told["001"] == {"n": 3, "mean": 0.9912, "sd": 0.0007}
    assert told["002-original"] == {"n": 1, "mean": 0.098, "sd": None}
    assert told["003"] is None
