from pathlib import Path

import pytest
from safetensors.torch import save_file

from mnist_core.checkpoint import Checkpoint, cpu_weights, save_checkpoint
from mnist_core.model import build_model
from search.models.check import print_check
from search.models.names import find_candidate
from space.architecture import ArchitectureSpec
from space.candidate import CandidateSpec
from space.errors import InputError
from space.recipes import RECIPES

NET = "4s:br p 8s:brd0.1 8v gap fc10+"


def write_model(path: Path, notation: str = NET) -> None:
    candidate = CandidateSpec(ArchitectureSpec.from_text(notation))
    model = build_model(candidate.architecture)
    save_checkpoint(path, Checkpoint(candidate, cpu_weights(model), 0.13, 0.31, "mnist", "0" * 64, 0.5, 0))


# The command


def test_each_rule_is_printed_and_kept_rules_exit_with_0(search) -> None:
    result = search("check", "000-step2", "--max-params", 8_000, "--require", "batchnorm,dropout,gap")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "at most 8,000 parameters: holds, 7,416",
        "batchnorm: holds, after 5 of 6 convolutions",
        "dropout: holds, after 5 of 6 convolutions",
        "gap: holds, the head begins with 'gap', layer 8",
    ]


def test_a_broken_rule_exits_with_1_and_the_others_are_told_too(search_here) -> None:
    result = search_here("check", "000-step1", "--max-params", 8_000, "--require", " gap , batchnorm,gap")
    assert result.returncode == 1
    assert result.stdout.splitlines() == [
        "at most 8,000 parameters: broken, 71,274",
        "gap: broken, the head begins with 'flat', layer 6",
        "batchnorm: broken, after none of 4 convolutions",
    ]
    assert search_here("check", "4s:br gap fc10+", "--require", "gap,dropout").returncode == 1
    assert search_here("check", "4s:br gap fc10+", "--require", "gap").returncode == 0


def test_json_says_the_same(search_here) -> None:
    assert search_here.json("check", "4s:br gap fc10+", "--max-params", 94, "--require", "gap") == {
        "notation": "4s:br gap fc10+",
        "num_params": 94,
        "holds": True,
        "rules": [
            {"name": "at most 94 parameters", "holds": True, "fact": "94"},
            {"name": "gap", "holds": True, "fact": "the head begins with 'gap', layer 2"},
        ],
    }
    broken = search_here("check", "4s:br gap fc10+", "--max-params", 93, "--json")
    assert broken.returncode == 1
    assert '"holds": false' in broken.stdout


def test_a_model_file_is_checked_by_its_net(search_here, tmp_path: Path) -> None:
    write_model(tmp_path / "model.safetensors")
    assert search_here.json("check", "model.safetensors", "--require", "gap")["notation"] == NET
    (tmp_path / "model.safetensors").rename(tmp_path / "4s-net")  # as a study store names them: without a suffix
    assert search_here.json("check", "4s-net", "--require", "gap")["notation"] == NET


# What a MODEL is

ALL_ABSENT = {"storage": "", "study": None, "max_params": None, "require": None, "as_json": False}


def architecture_of(text: str) -> ArchitectureSpec:
    return find_candidate(text, storage="sqlite:///absent.db", study=None)[1].architecture


@pytest.mark.parametrize(("text", "notation"), [("001", str(RECIPES["001"].candidate.architecture)), (NET, NET)])
def test_recipes_and_notations_are_nets(text: str, notation: str) -> None:
    assert str(architecture_of(text)) == notation


def test_a_notation_may_be_longer_than_a_files_name() -> None:
    text = " ".join(["8s:brd0.05"] * 500 + ["gap"])
    assert str(architecture_of(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000-stp2", "there is no reference system '000-stp2'; did you mean 000-step2"),
        ("best", "MODEL is no file that exists and no reference system; as a net: layer 1 'best': unknown token"),
        ("8s:br pp gap", "layer 2 'pp': unknown token"),
        ("8s:br p 8s", "an architecture ends in a head"),
        ("p p p 8v 8v gap", "layer 5 '8v': the spatial size must stay at least 1"),
        ("", "an architecture ends in a head"),
        ("missing.safetensors", "there is no model file missing.safetensors"),
        ("./missing", "there is no model file missing"),
        ("net.onnx", "net.onnx is an ONNX model: name the safetensors file of the same export"),
        (".", ". is a folder: name the model file in it, such as model.safetensors"),
    ],
)
def test_what_is_no_net_is_refused(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the folder of the clone may hold an export called best
    with pytest.raises(InputError) as error:
        architecture_of(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_damaged_and_foreign_model_files_are_refused(search_here, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for content, message in ((b"", "can't be read as safetensors"), (b"garbage, and more of it", "can't be read")):
        path.write_bytes(content)
        assert_refused(search_here("check", path, "--require", "gap"), message)
    write_model(path)
    path.write_bytes(path.read_bytes()[:-1])
    assert_refused(search_here("check", path, "--require", "gap"), "can't be read as safetensors")
    save_file(build_model(ArchitectureSpec.from_text(NET)).state_dict(), path)
    assert_refused(search_here("check", path, "--require", "gap"), "was not written by this program")


def test_weights_of_another_architecture_are_refused(search_here, tmp_path: Path) -> None:
    other = cpu_weights(build_model(ArchitectureSpec.from_text("5s:br gap fc10+")))
    candidate = CandidateSpec(ArchitectureSpec.from_text("4s:br gap fc10+"))
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, Checkpoint(candidate, other, 0.13, 0.31, "mnist", "0" * 64, 0.5, 0))
    assert_refused(search_here("check", path, "--require", "gap"), "its weights do not fit '4s:br gap fc10+'")


# Wrong rules


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give a rule to check: --max-params N, or --require with some of batchnorm, dropout, gap"),
        ({"max_params": 0}, "--max-params must be at least 1, not 0"),
        (
            {"require": "batchnrom"},
            "--require takes batchnorm, dropout, gap, separated by commas, not 'batchnrom'; did you mean 'batchnorm'?",
        ),
        ({"require": "gap,Dropout"}, "not 'Dropout'; did you mean 'dropout'?"),
        ({"require": ""}, "--require takes batchnorm, dropout, gap, separated by commas, not ''"),
        ({"require": "gap,"}, "separated by commas, not ''"),
    ],
)
def test_wrong_rules_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        print_check(NET, **ALL_ABSENT | options)
    assert message in str(error.value)


def test_nothing_is_printed_before_an_error(search_here) -> None:
    assert_refused(search_here("check", "000-stp2", "--max-params", 8_000), "did you mean 000-step2")
    assert_refused(search_here("check", "001"), "give a rule to check")


def assert_refused(result, message: str) -> None:
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
