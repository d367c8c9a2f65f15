"""What ends up in the wheel, who imports whom, and that importing is light."""

from __future__ import annotations

import ast
import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import motion_agent

REPOSITORY = Path(__file__).resolve().parent.parent
FACADE = REPOSITORY / "src" / "motion_agent"
TOP_LEVEL = ("agent_graph", "motion_core", "prompts", "tools")
NOT_SHIPPED = {
    "motion_agent.motion_core.rendering": ["three/*"],  # how assets are made
}
HEAVY = ("torch", "transformers", "peft", "langchain", "langchain_core", "langgraph", "numpy")


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def _walk() -> Iterator[tuple[str, Path, list[str]]]:
    """(dotted name, folder, file names) of every folder that could be a package."""
    for root, folders, files in os.walk(FACADE, followlinks=True):
        folders[:] = [f for f in folders if f != "__pycache__"]
        folder = Path(root)
        yield ".".join(("motion_agent", *folder.relative_to(FACADE).parts)), folder, files


def test_the_package_list_is_the_folders_with_an_init(pyproject: dict[str, Any]) -> None:
    found = sorted(name for name, _, files in _walk() if "__init__.py" in files)
    assert sorted(pyproject["tool"]["setuptools"]["packages"]) == found


def test_no_python_file_is_outside_a_package() -> None:
    lost = [
        str(folder / file)
        for _, folder, files in _walk()
        if "__init__.py" not in files
        for file in files
        if file.endswith(".py")
    ]
    assert lost == []


def test_every_data_file_is_covered_by_package_data(pyproject: dict[str, Any]) -> None:
    packages = set(pyproject["tool"]["setuptools"]["packages"])
    patterns = pyproject["tool"]["setuptools"]["package-data"]
    missed = []
    for name, folder, files in _walk():
        package, inside = name, Path()
        while package not in packages:  # a folder of data inside a package
            package, _, last = package.rpartition(".")
            inside = Path(last) / inside
        for file in files:
            if file.endswith((".py", ".pyc")):
                continue
            path = (inside / file).as_posix()
            known = patterns.get(package, []) + NOT_SHIPPED.get(package, [])
            if not any(_matches(path, pattern) for pattern in known):
                missed.append(f"{package}: {path} ({folder})")
    assert missed == []


def _matches(path: str, pattern: str) -> bool:
    """As setuptools: a star does not cross a slash."""
    parts, expected = path.split("/"), pattern.split("/")
    return len(parts) == len(expected) and all(map(fnmatch.fnmatch, parts, expected))


def test_every_package_data_pattern_has_a_file(pyproject: dict[str, Any]) -> None:
    files = [(name, file) for name, _, files in _walk() for file in files]
    for package, patterns in pyproject["tool"]["setuptools"]["package-data"].items():
        for pattern in patterns:
            last = pattern.rpartition("/")[2]
            assert any(
                name.startswith(package) and fnmatch.fnmatch(file, last) for name, file in files
            ), f"nothing matches {pattern} of {package}"


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_the_facade_links_to_the_top_level_folder(name: str) -> None:
    link = FACADE / name
    assert link.is_symlink()
    assert os.readlink(link) == f"../../{name}"


def test_each_dependency_says_who_needs_it() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text()
    block = text.partition("dependencies = [")[2].partition("\n[project.scripts]")[0]
    lines = [line.strip() for line in block.splitlines() if line.strip().startswith('"')]
    assert len(lines) > 15
    bare = [line for line in lines if "#" not in line and "motion-agent[" not in line]
    assert bare == []


def test_the_lock_pins_what_is_declared_with_hashes(pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    declared = [Requirement(text) for text in project["dependencies"]]
    extras, left = set[str](), {"dev", "docs", "notebooks"}
    while left:
        extras.add(extra := left.pop())
        own = [Requirement(text) for text in project["optional-dependencies"][extra]]
        declared += own
        left |= {each for r in own if r.name == "motion-agent" for each in r.extras} - extras
    text = (REPOSITORY / "requirements.txt").read_text()
    entries = re.findall(r"^([a-z0-9-]+)==([^ ]+).*\\\n((?: +--hash=sha256:.*\n)+)", text, re.M)
    pinned: dict[str, list[str]] = {}
    for name, version, _ in entries:
        pinned.setdefault(name, []).append(version)
    assert len(entries) == len(re.findall("^[a-z]", text, re.M))  # none without a hash
    assert "torch" not in pinned  # its build is chosen by the machine
    assert "://" not in text  # no index addresses
    assert not any("+" in version for versions in pinned.values() for version in versions)
    for requirement in declared:
        name = canonicalize_name(requirement.name)
        if name not in ("torch", "motion-agent"):
            assert name in pinned, f"{name} is declared and not locked: run make lock KEEP=1"
            assert all(version in requirement.specifier for version in pinned[name])


# By LangChain's init_chat_model, and what those bring; the README shows both clients.
LOADED_BY_NAME = {"langchain-ollama", "openai"}
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "yaml": "pyyaml"}


def test_what_is_imported_is_declared_and_the_other_way_round(pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    optional = (extras[name] for name in ("train", "fbx", "mcp", "batch", "ray", "llama-cpp"))
    requirements = [*project["dependencies"], *chain.from_iterable(optional)]
    declared = {re.split(r"[<>=\[]", requirement)[0] for requirement in requirements}
    imported = set()
    for package, folder, files in _walk():
        for file in (file for file in files if file.endswith(".py")):
            for name in _imports(folder / file, package):
                if name.startswith("langgraph.checkpoint."):
                    sqlite = name.startswith("langgraph.checkpoint.sqlite")
                    imported.add("langgraph-checkpoint" + "-sqlite" * sqlite)
                root = name.partition(".")[0]
                if root not in sys.stdlib_module_names | {"motion_agent"}:
                    imported.add(DISTRIBUTIONS.get(root, root.replace("_", "-")))
    assert imported == declared - LOADED_BY_NAME


# Who may import whom ----------------------------------------------------------------------

FORBIDDEN = {
    "motion_core": ("tools", "agent_graph", "cli", "langchain", "langgraph", "langchain_core"),
    "tools": ("agent_graph", "cli"),
    "agent_graph": ("cli",),
    "prompts": ("motion_core", "tools", "agent_graph", "cli", "langchain", "langgraph"),
}


def _imports(path: Path, package: str) -> Iterator[str]:
    """Absolute dotted names of what a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_imports_go_one_way(name: str) -> None:
    wrong = []
    for package, folder, files in _walk():
        if package.split(".")[1:2] != [name]:
            continue
        for file in files:
            if not file.endswith(".py"):
                continue
            for imported in _imports(folder / file, package):
                parts = imported.split(".")
                part = parts[1] if parts[0] == "motion_agent" and len(parts) > 1 else parts[0]
                if part in FORBIDDEN[name]:
                    wrong.append(f"{package}/{file} imports {imported}")
    assert wrong == []


def test_the_four_folders_import_each_other_relatively() -> None:
    wrong = []
    for name in TOP_LEVEL:
        for path in (REPOSITORY / name).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    modules = [node.module or ""]
                else:
                    continue
                roots = {module.partition(".")[0] for module in modules}
                if roots & {"motion_agent", *TOP_LEVEL}:
                    wrong.append(f"{path}: {modules}")
    assert wrong == []


# Light imports ----------------------------------------------------------------------------


def _loaded_by(code: str) -> list[str]:
    program = f"{code}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    return modules


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = _loaded_by("import motion_agent; motion_agent.__version__")
    assert "motion_agent" in loaded
    assert set(loaded).isdisjoint(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["data", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    loaded = _loaded_by(
        "from motion_agent.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit as end: assert not end.code, end.code"
    )
    assert "motion_agent.cli" in loaded
    assert set(loaded).isdisjoint(HEAVY)


def test_a_run_loads_neither_scipy_nor_what_other_planners_need(tmp_path: Path) -> None:
    loaded = _loaded_by(
        "from motion_agent.cli import app\n"
        f"try: app(['run', 'a man waves', '--engine', 'fake', '--out', {str(tmp_path)!r}])\n"
        "except SystemExit as end: assert not end.code, end.code"
    )
    assert {path.suffix for path in tmp_path.iterdir()} == {".npz", ".mp4", ".html", ".bvh"}
    unneeded = {"torch", "transformers", "peft", "scipy", "matplotlib", "huggingface_hub", "gguf"}
    planners = {"openai", "ollama", "langchain", "langchain_openai", "json_repair", "yaml"}
    assert set(loaded).isdisjoint(unneeded | planners)


def test_importing_motion_core_loads_no_torch() -> None:
    loaded = _loaded_by("import motion_agent.motion_core, motion_agent.motion_core.motion")
    assert set(loaded).isdisjoint({"torch", "transformers", "langchain_core"})


@pytest.mark.parametrize("name", [n for n in motion_agent.__all__ if n != "__version__"])
def test_every_export_is_there(name: str) -> None:
    assert callable(getattr(motion_agent, name))
    assert name in dir(motion_agent)


def test_an_unknown_export_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Dance'"):
        _ = motion_agent.Dance


def test_the_version_is_that_of_pyproject(pyproject: dict[str, Any]) -> None:
    assert motion_agent.__version__ == pyproject["project"]["version"]
