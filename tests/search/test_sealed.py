"""The test files stay closed: reading them is made to fail in every process, and all commands but one do without."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
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
import json, sys
from search.cli import main

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["search", *arguments]
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            raise
"""
"""Commands one after another, in a process that imports only once what is slow to import."""
RUN = ("--trials", 2, "--epochs", 1, "--train-size", 500, "--workers", 1)


@pytest.fixture
def guarded(search: Command, tmp_path: Path, mnist_root: Path) -> Command:
    """The command with the real MNIST, where Python raises at an attempt to open a test file, in workers too."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard/sitecustomize.py").write_text(GUARD)
    path = f"{tmp_path / 'guard'}:{search.environment['PYTHONPATH']}"
    return replace(search, environment=search.environment | {"PYTHONPATH": path, "SEARCH_DATA_ROOT": str(mnist_root)})


@pytest.mark.mnist
def test_no_command_but_confirm_opens_the_test_set(guarded: Command) -> None:
    commands: list[Sequence[object]] = [
        ("run", "--budget", 1_500, *RUN),
        ("front",),
        ("status",),
        ("evaluate", 0),
        ("analyse", 0, "--out", "report"),
        ("export", "--trial", 0, "--out", "exported"),
        ("train", "2v:br p3 gap fc10+", "--epochs", 1, "--train-size", 200, "--out", "trained"),
    ]
    result = subprocess.run(
        [sys.executable, "-c", CALLS, json.dumps([[str(word) for word in command] for command in commands])],
        cwd=guarded.folder,
        env=guarded.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "sealed" not in result.stdout + result.stderr
    for made in ("studies.db", "report/index.html", "exported/model.onnx", "trained/last.safetensors"):
        assert (guarded.folder / made).is_file()
    opened = guarded("confirm", "--seeds", 2, "--top", 1, "--workers", 1)
    assert opened.returncode != 0
    assert "t10k-images-idx3-ubyte was opened" in opened.stderr, "the guard must work in workers"
