"""The test files stay closed: reading them is made to fail in every process, and all commands but one do without."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.search.conftest import Command

GUARD = """
import sys

def refuse(event, arguments):
    if event == "open" and "t10k" in str(arguments[0]):
        raise RuntimeError(f"the sealed {arguments[0]} was opened")

sys.addaudithook(refuse)
"""
CALLS = """
import shlex, sys
from search.cli.app import main

for line in sys.argv[1:]:
    sys.argv = shlex.split(f"search {line}")
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""


@dataclass(frozen=True)
class InOneProcess(Command):
    """Takes whole command lines, and calls them one after another where what is slow to import is imported once."""

    def line(self, *arguments: object) -> list[str]:
        return [sys.executable, "-c", CALLS, *map(str, arguments)]


@pytest.fixture
def guarded(search: Command, tmp_path: Path, mnist_root: Path) -> Command:
    """The command with the real MNIST, where Python raises at an attempt to open a test file, in workers too."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard/sitecustomize.py").write_text(GUARD)
    path = f"{tmp_path / 'guard'}:{search.environment['PYTHONPATH']}"
    return replace(search, environment=search.environment | {"PYTHONPATH": path, "SEARCH_DATA_ROOT": str(mnist_root)})


@pytest.mark.mnist
def test_no_command_but_confirm_opens_the_test_set(guarded: Command) -> None:
    result = InOneProcess(guarded.folder, guarded.environment)(
        "run --budget 1500 --trials 2 --epochs 1 --train-size 500 --workers 1",
        "front",
        "status",
        "evaluate 0",
        "analyse 0 --out report",
        "export --trial 0 --format c-int8 --out exported",
        "train '2v:br p3 gap fc10+' --epochs 1 --train-size 200 --out trained",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "sealed" not in result.stdout + result.stderr
    for made in ("studies.db", "report/index.html", "exported/model.h", "trained/last.safetensors"):
        assert (guarded.folder / made).is_file()
    opened = guarded("confirm", "--seeds", 2, "--top", 1, "--workers", 1)
    assert opened.returncode != 0
    assert "t10k-images-idx3-ubyte was opened" in opened.stderr, "the guard must work in workers"
