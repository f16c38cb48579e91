"""The project's own rules: who may import whom, what modules are called, what README and the files say."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "search": {"space", "mnist_core", "studies"},
    "mnist_core": {"space"},
    "studies": {"space"},
    "space": set(),
}
FORBIDDEN = {
    "search": set(),
    "mnist_core": {"optuna", "optuna_dashboard", "sqlalchemy", "pandas", "typer", "rich"},
    "studies": {"torch", "torchvision", "typer", "rich"},
    "space": {"torch", "torchvision", "optuna", "optuna_dashboard", "sqlalchemy", "pandas", "typer", "rich"},
}
EMPTY_NAMES = {"utils", "common", "helpers", "manager", "misc"}

# `__init__.py` is not asked for in README: the line of its folder stands for it.
TREE_FOLDERS = {*MAY_IMPORT, "benchmarks", "docs", "tests"}
SOURCE_SUFFIXES = {".py", ".c", ".h", ".cpp", ".toml", ".md", ".txt", ".sh"}
SOURCE_NAMES = {"Makefile", "LICENSE"}

# Addresses and paths that one machine can use and another cannot.
PRIVATE = re.compile(
    r"pypi\.org|pythonhosted\.org|download\.pytorch\.org|anaconda\.org|npmjs\.(?:org|com)"
    r"|(?<![\w.])/(?:(?:home|Users)/\w|root\b)"
)

SLOW_IMPORTS = {"torch", "torchvision", "optuna", "pandas", "sklearn", "sqlalchemy", "scipy"}


def project_files() -> list[str]:
    """Paths that git tracks, relative to the root; where there is no git, all files not hidden or made."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z"]
    try:
        tracked = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        tracked = []
    paths = [path for path in tracked if (ROOT / path).is_file()]
    return paths or sorted(path.relative_to(ROOT).as_posix() for path in _walk(ROOT))


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            if ".db" not in path.name:
                yield path
        elif path.name in {".ci", ".github"} or not (
            path.name.startswith(".")
            or path.name.endswith((".egg-info", ".artifacts"))
            or path.name in {"__pycache__", "data", "build", "dist"}
        ):
            yield from _walk(path)


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package}/ holds no module"
    return found


def imported_packages(source: str) -> set[str]:
    """Top-level names that a module imports, anywhere in it; a relative import stays inside its package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names.update(str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))
    return {name.partition(".")[0] for name in names}


def tree_of(readme: str) -> list[tuple[str, str]]:
    """(path, purpose) of each line of the fenced block that draws the tree; a folder ends with a slash."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    tree = next((block for block in blocks if re.search(r"^space/\s", block, re.MULTILINE)), "")
    entries, folder = [], ""
    for line in filter(str.strip, tree.splitlines()):
        name, _, purpose = line.strip().partition(" ")
        if not line[0].isspace():
            folder = name if name.endswith("/") else ""
        entries.append((name if name == folder else folder + name, purpose.strip()))
    return entries


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import os.path\nfrom . import near\ndef f():\n from torch.nn import Linear\n import_module('rich')"
    assert imported_packages(source) == {"os", "torch", "rich"}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_only_along_the_arrows(package: str) -> None:
    barred = (set(MAY_IMPORT) - MAY_IMPORT[package] - {package}) | FORBIDDEN[package]
    broken = {
        path.relative_to(ROOT).as_posix(): wrong
        for path in modules(package)
        if (wrong := sorted(imported_packages(path.read_text(encoding="utf-8")) & barred))
    }
    assert not broken


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_names_say_what_a_module_holds(package: str) -> None:
    sources = [path for suffix in (".h", ".cpp") for path in (ROOT / package).rglob(f"*{suffix}")]
    named = [path.relative_to(ROOT) for path in modules(package) + sources]
    assert not [str(path) for path in named if EMPTY_NAMES & {*path.parts[:-1], path.stem}]


def test_everything_the_packages_hold_is_installed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    files = [
        path
        for package in MAY_IMPORT
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    ]
    folders = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for path in files}
    assert folders == set(setuptools["packages"])
    data = [path.relative_to(ROOT) for path in files if path.suffix != ".py"]
    assert data
    patterns = setuptools["package-data"]
    assert not [path for path in data if not any(path.match(p) for p in patterns.get(".".join(path.parts[:-1]), []))]


def test_tree_is_read_from_its_fenced_block() -> None:
    tree = "space/   candidates\n  a.py   one\nsearch/\n  b.py\nMakefile  commands\n"
    readme = f"```\nmake run\n```\n\n```\n{tree}```\n"
    assert tree_of(readme) == [
        ("space/", "candidates"),
        ("space/a.py", "one"),
        ("search/", ""),
        ("search/b.py", ""),
        ("Makefile", "commands"),
    ]


def test_readme_names_every_source_file_once_with_its_purpose() -> None:
    files = project_files()
    expected = {
        path
        for path in files
        if (Path(path).suffix in SOURCE_SUFFIXES or path in SOURCE_NAMES)
        and ("/" not in path or path.partition("/")[0] in TREE_FOLDERS)
        and Path(path).name != "__init__.py"
    }
    tree = tree_of((ROOT / "README.md").read_text(encoding="utf-8"))
    counts = Counter(path for path, _ in tree)
    folders = {f"{parent}/" for path in files for parent in Path(path).parents}
    assert sorted(expected - set(counts)) == [], "not in README's tree"
    assert sorted(set(counts) - set(files) - folders) == [], "in README's tree alone"
    assert [path for path, times in counts.items() if times > 1] == [], "twice in README's tree"
    assert [path for path, purpose in tree if not purpose] == [], "without a purpose in README's tree"


# In halves, so that this file passes its own test.
@pytest.mark.parametrize(
    "text",
    ["https://pypi" + ".org/simple", "=/home" + "/someone/x", "/Users" + "/someone", "file:///ro" + "ot/x"],
)
def test_private_addresses_are_recognised(text: str) -> None:
    assert PRIVATE.search(text)


def test_no_file_names_a_registry_or_a_home_folder() -> None:
    found = {}
    for path in project_files():
        text = (ROOT / path).read_bytes().decode("utf-8", errors="ignore")
        if match := PRIVATE.search(text):
            found[path] = match.group()
    assert not found


@pytest.mark.parametrize(
    ("module", "slow"),
    [("search.cli", SLOW_IMPORTS), ("search.runs.search", {"torch", "torchvision", "scipy", "sklearn"})],
)
def test_no_process_starts_with_imports_it_does_not_need(module: str, slow: set[str]) -> None:
    program = f"import sys; import {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not slow & set(result.stdout.split())
