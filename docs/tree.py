"""The source tree as a page, made from what the files say of themselves.

    python docs/tree.py            # prints the page
    python docs/tree.py --write    # writes it to docs/tree.md

A Python module is described by the first line of its docstring, a package by that of its `__init__.py`, a C, C++ or
JavaScript file or a script by its first comment and a Markdown page by its heading. `PURPOSES` describes what cannot
speak for itself.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/tree.md"
HEAD = """\
# The source tree

Every source file, with its purpose in its own words. `python docs/tree.py --write` makes this page.
"""

LISTED_SUFFIXES = {
    *(".py", ".h", ".c", ".cpp", ".sh", ".template", ".html", ".css", ".js"),
    *(".toml", ".yml", ".sql", ".csv", ".jsonl", ".txt", ".md", ".png"),
}
LISTED_NAMES = {"Makefile", "LICENSE", "run"}

# By path or pattern, in which `*` also stands for slashes. Folders end with a slash.
PURPOSES = {
    "benchmarks/cortex_m.ld": "Memory of the emulated processors of cortex_m.py",
    "./": "What concerns the whole project",
    ".ci/": "What a change must pass",
    ".github/workflows/": "Automatic checks",
    "docs/": "Documentation, beyond what README.md says",
    "tests/": "The packages mirrored: unit, property and end-to-end tests, and shared tools for them",
    "tests/studies/stores/*/": "A study store as an earlier version left it, with the model files that belong to it",
    "README.md": "What this is, how to begin, how good and how fast it is",
    "CHANGELOG.md": "What changed",
    "Makefile": "Commands for a clone: run, test, lint, types; each builds .venv first where that is needed",
    "pyproject.toml": "Packages, dependencies, settings of the checks",
    "LICENSE": "The MIT licence",
    "constraints.txt": "The versions of dependencies that the project is tested with",
    ".github/workflows/ci.yml": "Runs .ci/run for every push and pull request, on two versions of Python",
    PAGE: "This page",
    "docs/front.png": "The confirmed front beside the reference systems, by benchmarks/front_picture.py",
    "docs/analysis.png": "A report of the command analyse",
    "docs/replay.png": "Search strategies in simulated studies, by benchmarks/replay.py",
    "docs/dashboard.png": "The page of a study while it is searched",
    "docs/report.png": "The chosen net in a report on a study",
    "docs/terminal-*.png": "A running search in a terminal of this size",
    "docs/runs/*/README.md": "Its commands, machine, time and what came of it",
    "docs/runs/*/known-nets.txt": "The nets that were trained first",
    "docs/runs/*/trials.csv": "Every trained trial",
    "docs/runs/*/curves.csv": "Every epoch of the trials",
    "docs/runs/*/front.csv": "The front of the search",
    "docs/runs/*/confirmation.csv": "Every training of the confirmations",
    "docs/runs/*/confirmed.csv": "The confirmed front",
    "docs/runs/*/fronts.txt": "Every front, judged by fresh seeds",
    "docs/runs/*/confirmed-first.csv": "The confirmed front before the search was extended",
    "space/default.toml": "The default ranges of a search",
    "space/measured.csv": "Test accuracies that the reference systems reached when trained here",
    "search/analysis/page.html": "Template of the page that analyse writes",
    "search/study_report/page.html": "Template of a study's page",
    "search/study_report/page.css": "What a study's page looks like beyond the shared style",
    "search/pages/style.css": "The style that all pages share: colours for light and dark screens, type, tables, print",
    "mnist_core/*model.c.template": "C source of an exported model, to be filled in",
    "mnist_core/*model.h.template": "C header of an exported model, to be filled in",
    "benchmarks/pruning_curves.csv": "Whole curves of the trials of a study without pruning",
    "benchmarks/reference_systems.jsonl": "Trainings of the reference systems, with the times the test set was opened",
    "tests/studies/stores/*/studies.sql": "The database as SQL",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the source tree as a page.")
    parser.add_argument("--write", action="store_true", help=f"write the page to {PAGE} instead")
    options = parser.parse_args()
    try:
        page = render(ROOT)
    except ValueError as error:
        sys.exit(f"error: {error}")
    if options.write:
        (ROOT / PAGE).write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


def render(root: Path) -> str:
    """The page for the project at ``root``. Raises `ValueError` with every file and folder that lacks a purpose."""
    paths = listed_files(root)
    entries = sorted({*paths, *map(folder_of, paths)})
    purposes = {entry: purpose_of(entry, paths, root) for entry in entries}
    if missing := [entry for entry, purpose in purposes.items() if not purpose]:
        raise ValueError(
            f"no purpose is known of {', '.join(missing)}: give a Python file a docstring, a C or C++ file "
            "a comment at its top, and anything else a line in PURPOSES of docs/tree.py"
        )
    contents: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        contents[folder_of(path)].append(path)
    # Hidden folders last; in a folder's own order, parents stand before their children.
    folders = sorted(contents, key=lambda folder: (folder != "./", folder.startswith("."), folder))
    return "\n".join([HEAD, *(_section(folder, contents[folder], purposes) for folder in folders)])


def listed_files(root: Path) -> list[str]:
    """Sorted paths relative to ``root``: what git tracks, and in the folders of such files what it does not ignore yet.

    Files that nobody added to git count in these folders alone, since models and reports are written beside them.
    """
    tracked = _git_files(root)
    folders = {path.partition("/")[0] for path in tracked if "/" in path}
    untracked = [path for path in _git_files(root, "--others", "--exclude-standard") if path.split("/")[0] in folders]
    present = {path for path in [*tracked, *untracked] if (root / path).is_file()}
    return sorted(path for path in {*present, PAGE} if _is_listed(PurePosixPath(path)))


def folder_of(path: str) -> str:
    """With a slash at its end; that of a file at the root is `./`."""
    return f"{PurePosixPath(path).parent}/"


def purpose_of(entry: str, paths: Sequence[str], root: Path) -> str:
    """One line without a period at its end; empty where there is none."""
    for pattern, purpose in PURPOSES.items():
        if fnmatchcase(entry, pattern):
            return purpose
    if entry.endswith("/"):
        return _purpose_of_folder(entry, paths, root)
    return _opening_of(root / entry) or _tested_by(entry, paths)


def _purpose_of_folder(folder: str, paths: Sequence[str], root: Path) -> str:
    for name in ("__init__.py", "README.md"):
        if (root / folder / name).is_file():
            return _opening_of(root / folder / name)
    tested = folder.removeprefix("tests/")
    mirrors = tested != folder and any(path.startswith((tested, f"{tested[:-1]}.py")) for path in paths)
    return f"Tests of {tested[:-1]}" if mirrors else ""


def _tested_by(path: str, paths: Sequence[str]) -> str:
    """For a test without docstring: the module it is named after, in the mirrored folder or the only one so called."""
    folder, _, name = path.rpartition("/")
    if not (path.startswith("tests/") and name.startswith("test_")):
        return ""
    package, module = folder.removeprefix("tests/"), name.removeprefix("test_")
    found = [other for other in paths if other.startswith(f"{package}/") and PurePosixPath(other).name == module]
    mirrored = f"{package}/{module}"
    if mirrored in found or len(found) == 1:
        return f"Tests of {mirrored if mirrored in found else found[0]}"
    return ""


def _opening_of(path: Path) -> str:
    """What a file says of itself at its top."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return first_line(ast.get_docstring(ast.parse(text)) or "")
    if path.suffix == ".md":
        heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
        return heading[1].strip() if heading else ""
    if path.suffix in {".h", ".c", ".cpp", ".js"}:
        return first_line(_first_comment(text, "//"))
    if text.startswith("#!"):
        return first_line(_first_comment(text.partition("\n")[2], "#"))
    return ""


def _first_comment(text: str, mark: str) -> str:
    """The lines of the comment that ``text`` begins with, without their marks."""
    comment = re.match(rf"\s*((?:{mark}.*(?:\n|$))*)", text)
    return re.sub(rf"^{mark} ?", "", comment[1] if comment else "", flags=re.MULTILINE)


def first_line(text: str) -> str:
    """The first line without its period. Where its sentence goes on in the next line, the whole sentence instead."""
    paragraph = text.strip().partition("\n\n")[0].splitlines()
    if not paragraph:
        return ""
    if len(paragraph) > 1 and not paragraph[0].endswith((".", "?", "!")):
        return re.split(r"\.(?:\s|$)", " ".join(paragraph))[0]
    return paragraph[0].removesuffix(".")


def _section(folder: str, paths: Sequence[str], purposes: dict[str, str]) -> str:
    """One folder: its name, its purpose, and a line for each file, linked from where the page lies."""
    lines = [f"## {folder}", "", f"{purposes[folder]}.", ""]
    for path in paths:
        # What `__init__.py` says is the folder's own line.
        if (name := PurePosixPath(path).name) != "__init__.py":
            lines.append(f"- [`{name}`](../{path}): {purposes[path]}")
    return "\n".join(lines).rstrip() + "\n"


def _git_files(root: Path, *options: str) -> list[str]:
    command = ["git", "-C", str(root), "ls-files", "-z", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]


def _is_listed(path: PurePosixPath) -> bool:
    return path.suffix in LISTED_SUFFIXES or path.name in LISTED_NAMES


if __name__ == "__main__":
    main()
