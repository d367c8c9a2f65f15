"""The rooms of the house: nobody imports in a circle, and nothing reaches upwards."""

from __future__ import annotations

import ast
import os
from graphlib import TopologicalSorter
from pathlib import Path

import motion_agent

PACKAGE = Path(motion_agent.__file__).parent


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions count; those for type checkers do not."""
    files = {_name(path): path for path in _files()}
    graph = {name: _imports(name, path, set(files)) - {name} for name, path in files.items()}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def _files() -> list[Path]:
    walk = os.walk(PACKAGE, followlinks=True)  # in a checkout the rooms are links
    return [Path(folder, name) for folder, _, names in walk for name in names if name[-3:] == ".py"]


def _name(path: Path) -> str:
    parts = ("motion_agent", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, known: set[str]) -> set[str]:
    found: set[str] = set()
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    for node in _nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *(node.module or "").split(".")]).strip(".")
            names = {f"{module}.{alias.name}" for alias in node.names}
            found |= (names & known) or {module}
    return found & known


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    nodes = [tree]
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        nodes += _nodes(child)
    return nodes
