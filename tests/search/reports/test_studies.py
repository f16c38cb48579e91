"""The command studies: the list, and asking before a study is deleted."""

import json
from pathlib import Path

import pytest

from studies.storage import Store
from tests.search.conftest import CommandHere
from tests.stores import NAME, make_search, train_one


@pytest.fixture
def url(tmp_path: Path) -> str:
    train_one(make_search(tmp_path), 4, [0.5, 0.8])
    make_search(tmp_path, "empty")
    return f"sqlite:///{tmp_path / 'studies.db'}"


def test_the_studies_of_a_store(search_here: CommandHere, url: str) -> None:
    lines = search_here("studies").stdout.splitlines()
    assert lines[0].split() == ["study", "dataset", "budget", "trials", "best", "parameters", "last", "change", "files"]
    assert lines[1].split()[:7] == [NAME, "digits", "1,000", "1", "80.00", "%", "94"]
    assert lines[1].endswith("0.0 MB")
    assert lines[2].split() == ["empty", "digits", "1,000", "0", "-", "-", "-", "0.0", "MB"]
    first, second = json.loads(search_here("studies", "--json").stdout)
    assert (first["name"], first["trials"], first["best"]["num_params"]) == (NAME, 1, 94)
    assert (second["best"], second["last_change"]) == (None, None)


def test_a_name_is_shown_as_it_is(search_here: CommandHere, tmp_path: Path) -> None:
    make_search(tmp_path, "a[b]c [/red]")
    assert search_here("studies").stdout.splitlines()[1].startswith("a[b]c [/red]  digits ")


def test_a_study_is_deleted_once_that_is_confirmed(
    search_here: CommandHere, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = tmp_path / "answer"
    for text, code, left in (("", 2, 2), ("n\n", 0, 2), ("\n", 0, 2), ("y\n", 0, 1)):
        answer.write_text(text)
        with answer.open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            result = search_here("studies", "delete", NAME)
        assert f"Delete study '{NAME}' with 1 trained trial and 0.0 MB of model files? [y/N]" in result.stderr
        assert (result.returncode, len(Store.open_read_only(url).study_names())) == (code, left), text
    assert search_here("studies", "delete", "empty", "--yes").stdout == "study 'empty' is deleted\n"
    assert Store.open_read_only(url).study_names() == []
    assert search_here("studies").stdout == "the store has no study yet\n"


WRONG = {
    ("remove", NAME): "studies takes delete NAME, copy NAME --to URL, or nothing, which lists them, not 'remove'",
    ("delete",): "studies delete takes the name of a study",
    ("copy", NAME): "studies copy NAME and --to URL belong together",
    ("--to", "there.db"): "studies copy NAME and --to URL belong together",
    ("--yes",): "--yes requires delete NAME",
    ("delete", "digits-10", "--yes"): "no study 'digits-10' in ",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage(search_here: CommandHere, url: str, arguments: tuple[str, ...]) -> None:
    result = search_here("studies", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {WRONG[arguments]}")
    assert len(Store.open_read_only(url).study_names()) == 2


def test_the_environment_names_the_study(search_here: CommandHere, url: str) -> None:
    assert search_here("status").returncode == 2
    assert search_here("status", SEARCH_STUDY="empty").stdout.startswith("study       empty\n")
    assert search_here("status", "--study", NAME, SEARCH_STUDY="empty").stdout.startswith(f"study       {NAME}\n")
