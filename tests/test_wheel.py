"""The package as it is installed: complete without the clone that it was built from."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mnist_core.engine import Engine
from tests.test_layout import ROOT, project_files

PACKAGES = ("search", "space", "mnist_core", "studies")
BUILD = "from setuptools import build_meta; build_meta.build_wheel('dist')"

CALLS = """
import shlex, sys
from search.cli import app

print(app.__file__)
for line in sys.argv[1:]:
    sys.argv = shlex.split(f"search {line}")
    try:
        app.main()
    except SystemExit as ended:
        if ended.code:
            raise
"""
"""Commands one after another in one process, which imports what is slow to import only once."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, which is all that installing it puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for path in project_files():
        if path.partition("/")[0] in PACKAGES or path in ("pyproject.toml", "README.md", "LICENSE"):
            target = source / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, target)
    built = subprocess.run([sys.executable, "-c", BUILD], cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = (source / "dist").glob("small_model_search-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    shutil.rmtree(source)
    return folder / "installed"


def test_a_wheel_holds_every_file_of_the_packages_and_the_licence(installed: Path) -> None:
    expected = {path for path in project_files() if path.partition("/")[0] in PACKAGES}
    assert {path for path in expected if path.endswith("py.typed")} == {f"{package}/py.typed" for package in PACKAGES}
    assert sorted(path for path in expected if not (installed / path).is_file()) == []
    (metadata,) = installed.glob("*.dist-info")
    assert (metadata / "licenses/LICENSE").is_file()
    assert "License-Expression: MIT" in (metadata / "METADATA").read_text(encoding="utf-8")
    assert "small-model-search = search.__main__:main" in (metadata / "entry_points.txt").read_text(encoding="utf-8")


def test_it_searches_and_counts_without_the_clone(installed: Path, tmp_path: Path, default_engine: Engine) -> None:
    assert default_engine, "compiled before, so that the search need not"
    lines = (
        "count '8s:br p 12v:br gap fc10+'",
        "space",
        "run --budget 700 --dataset digits --trials 1 --epochs 1 --train-size 60 --workers 1 --quiet",
    )
    result = subprocess.run(
        [sys.executable, "-c", CALLS, *lines],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(installed / "search"))
    assert "8s:br" in result.stdout
    assert "[[stage]]" in result.stdout
    assert "digits-700-train60-epochs1: 1 trained (1 complete)" in result.stdout
