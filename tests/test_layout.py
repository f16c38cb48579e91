"""The project's own rules: who may import whom, how large files are, what they are called and what they say."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.imports import import_graph, imported_names, longest_chain

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

# Within search: each command's folder uses the rooms below it, which use nothing above them.
SEARCH_MAY_IMPORT = {
    "__main__": {"cli"},
    "cli": {
        "defaults",
        *("runs", "confirmation", "training", "analysis", "export", "models", "reports", "sampling"),
        *("study_report", "dashboard", "terminal"),
    },
    "runs": {"confirmation", "sampling", "reports", "workers", "terminal", "defaults"},
    "confirmation": {"models", "sampling", "workers", "reports", "terminal", "defaults"},
    "training": {"models", "workers", "terminal", "output_folder", "defaults"},
    "analysis": {"models", "training", "workers", "terminal", "output_folder", "pages"},
    "export": {"models", "analysis", "terminal", "output_folder"},
    "study_report": {"models", "pages", "terminal", "defaults"},
    "pages": set(),
    "models": {"sampling", "terminal"},
    "reports": {"sampling", "terminal"},
    "workers": {"terminal"},
    "sampling": set(),
    "terminal": set(),
    "dashboard": {"study_report", "terminal"},
    "output_folder": {"terminal"},
    "defaults": set(),
}
MAX_CHAIN = 7
"""Modules of which each imports the next, within search."""
MAX_LINES = 350
"""Lines of a Python file outside tests."""

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


def test_the_tree_page_is_what_its_command_makes_of_the_files() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("the command asks git which files there are")
    specification = importlib.util.spec_from_file_location("tree", ROOT / "docs/tree.py")
    assert specification is not None
    assert specification.loader is not None
    tree = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tree)
    page = (ROOT / "docs/tree.md").read_text(encoding="utf-8")
    assert page == tree.render(ROOT), "make it anew: python docs/tree.py --write"


def room_of(module: str) -> str:
    """The folder or file of search that a module is, or is in."""
    return module.split(".")[1] if "." in module else ""


def test_chains_and_circles_are_found() -> None:
    graph = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset(), "d": frozenset("c")}
    assert longest_chain(graph) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="a circle of imports: a -> b -> c -> a"):
        longest_chain(graph | {"c": frozenset("a")})
    source = "import a.x\nif TYPE_CHECKING:\n from a import y\ndef f():\n from a.y import Z\n import_module('a.z')"
    assert imported_names(source, dict.fromkeys(("a", "a.x", "a.y", "a.z", "a.w"))) == {"a.x", "a.y", "a.z"}


def test_there_is_no_circle_of_imports() -> None:
    longest_chain(import_graph(ROOT, tuple(MAY_IMPORT)))


def test_folders_of_search_import_only_along_the_arrows() -> None:
    graph = import_graph(ROOT, ("search",))
    assert {room_of(module) for module in graph} - {""} == set(SEARCH_MAY_IMPORT)
    broken = {
        f"{module} -> {imported}"
        for module, imports in graph.items()
        for imported in imports
        if room_of(imported) not in {room_of(module), *SEARCH_MAY_IMPORT[room_of(module)]}
    }
    assert not broken


def test_import_chains_of_search_are_short() -> None:
    chain = longest_chain(import_graph(ROOT, ("search",)))
    print(f"the longest of {len(chain)} modules: {' -> '.join(chain)}")
    assert len(chain) <= MAX_CHAIN, chain


def test_files_are_small() -> None:
    paths = [path for path in project_files() if path.endswith(".py") and not path.startswith("tests/")]
    lines = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths}
    largest = max(lines, key=lambda path: lines[path])
    print(f"the largest file: {largest} with {lines[largest]} lines")
    assert {path: number for path, number in lines.items() if number > MAX_LINES} == {}


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
    [("search.cli.app", SLOW_IMPORTS), ("search.runs.search", {"torch", "torchvision", "scipy", "sklearn"})],
)
def test_no_process_starts_with_imports_it_does_not_need(module: str, slow: set[str]) -> None:
    program = f"import sys; import {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert not slow & set(result.stdout.split())
