"""Who imports whom, read from the source: every import counts, also within functions and for types alone."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, frozenset[str]]
"""By the dotted name of a module, the modules of ours that it imports."""


def import_graph(root: Path, packages: Iterator[str] | tuple[str, ...]) -> dict[str, frozenset[str]]:
    """The modules of ``packages``, below ``root``, and what each imports of them."""
    paths = {_module_name(path, root): path for package in packages for path in (root / package).rglob("*.py")}
    return {
        name: frozenset(found for found in imported_names(path.read_text(encoding="utf-8"), paths) if found != name)
        for name, path in paths.items()
    }


def imported_names(source: str, known: Mapping[str, object]) -> set[str]:
    """Those of the ``known`` modules that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in known else node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found.update(str(arg.value) for arg in node.args if isinstance(arg, ast.Constant))
    return found & set(known)


def longest_chain(graph: Graph) -> list[str]:
    """The most modules of which each imports the next. Raises `ValueError` with a circle where there is one."""
    longest: dict[str, list[str]] = {}
    for name in graph:
        _follow(name, graph, longest, [])
    return max(longest.values(), key=len, default=[])


def _follow(name: str, graph: Graph, longest: dict[str, list[str]], path: list[str]) -> list[str]:
    if name in path:
        raise ValueError(f"a circle of imports: {' -> '.join([*path[path.index(name) :], name])}")
    if name not in longest:
        chains = [_follow(imported, graph, longest, [*path, name]) for imported in sorted(graph[name])]
        longest[name] = [name, *max(chains, key=len, default=[])]
    return longest[name]


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
