"""The real command in a folder of its own, what it prints, and small studies that many tests read."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mnist_core.cache import cache_folder
from mnist_core.engine import Engine
from search.cli.app import main
from studies.study import SearchStudy
from studies.trials import Outcome
from tests.stores import BUDGET, begin, make_search, suggest, train_one

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """Calls `python -m search` in a folder, as a person would."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.line(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def line(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "search", *map(str, arguments)]

    def json(self, *arguments: object) -> Any:
        result = self(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@dataclass(frozen=True)
class CommandHere(Command):
    """Calls the same in this process, which has imported all that is slow to import. For commands without workers."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        self.capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["search", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                main()
        printed = self.capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, ended.value.code, printed.out, printed.err)


@dataclass(frozen=True)
class SmallStudy:
    """A finished search on digits. Tests read it; those that change it work on a copy."""

    folder: Path
    arguments: tuple[str, ...]
    made: subprocess.CompletedProcess[str]
    """The call that made it."""
    name: str = "digits-3000"
    num_trials: int = 6

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'studies.db'}"


@pytest.fixture(scope="session")
def environment(default_engine: Engine) -> dict[str, str]:
    """What every command starts with: this checkout, the trainer compiled, and none of the tester's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEARCH_", "COLUMNS", "LINES")) or name == "SEARCH_CACHE_DIR"
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def search(tmp_path: Path, environment: dict[str, str]) -> Command:
    """The command in an empty folder, or in the copy of the small study where a test asks for `copied_study` too."""
    return Command(tmp_path, environment)


@pytest.fixture
def search_here(tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> CommandHere:
    """As `search`, without a process of its own."""
    return CommandHere(tmp_path, environment, capsys)


def cache_with_trainer(cache: Path) -> Path:
    """Make a cache of a test's own. The trainer is compiled in it already, which takes longer than most tests."""
    cache.mkdir()
    for file in cache_folder().glob("trainer-*"):
        shutil.copy2(file, cache)
    return cache


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> SmallStudy:
    folder = tmp_path_factory.mktemp("small-study")
    arguments = (
        *("run", "--dataset", "digits", "--budget", "3000", "--study", SmallStudy.name),
        *("--trials", str(SmallStudy.num_trials)),
        *("--epochs", "4", "--seed", "1", "--workers", "2"),
    )
    made = Command(folder, environment)(*arguments)
    assert made.returncode == 0, made.stderr
    return SmallStudy(folder, arguments, made)


@pytest.fixture
def copied_study(small_study: SmallStudy, tmp_path: Path) -> SmallStudy:
    shutil.copytree(small_study.folder, tmp_path, dirs_exist_ok=True)
    return SmallStudy(tmp_path, small_study.arguments, small_study.made)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Calls a function and gives what it printed on stdout."""

    def call(function: Callable[..., None], *arguments: object, **options: object) -> str:
        function(*arguments, **options)
        return capsys.readouterr().out

    return call


def make_study_of_every_outcome(folder: Path) -> SearchStudy:
    """One trial of each outcome but two complete ones, and one in training by a worker that is not there."""
    study = make_search(folder)
    train_one(study, 8, [0.6, 0.9])
    train_one(study, 4, [0.5, 0.8])
    train_one(study, 8, [0.3], Outcome.PRUNED)
    train_one(study, 9, [], Outcome.DIVERGED)
    study.add_rejected(suggest(100), BUDGET)
    study.add_duplicate(suggest(4), 1)
    study.tell_failed(begin(study, 5).number, "lost")
    begin(study, 6).set_user_attr("num_redrawn", 20)
    return study
