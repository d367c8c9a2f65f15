"""What is published about the program is true: SKILL.md, server.json, the page on production."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import typer

from motion_agent.cli import app

FOLDERS = ("agent_graph", "motion_core", "tools", "src/motion_agent")


def options_of(command: str) -> set[str]:
    group = typer.main.get_command(app)
    found = group.commands[command]  # type: ignore[attr-defined]
    return {
        name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)
    }


def test_each_command_of_the_skill_exists_with_its_options(repository: Path) -> None:
    text = (repository / "SKILL.md").read_text(encoding="utf-8").split("---", 2)[2]
    lines = re.findall(r"(?:^|`)motion-agent ([a-z].*?)(?:`|$)", text, re.MULTILINE)
    assert len(lines) > 8
    for line in lines:
        words = shlex.split(line)
        options = {word for word in words if word.startswith("--")}
        assert options <= options_of(words[0]), line


def test_server_json_is_that_of_this_release(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    server = json.loads((repository / "server.json").read_text())
    (package,) = server["packages"]
    assert server["version"] == package["version"] == project["version"]
    assert package["identifier"] == project["name"]
    assert len(server["description"]) <= 100
    marker = f"<!-- mcp-name: {server['name']} -->"
    assert marker in (repository / "README.md").read_text(encoding="utf-8")
    assert "mcp" in project["optional-dependencies"]


def test_every_variable_that_is_read_is_documented(repository: Path) -> None:
    page = (repository / "docs/how-to/production.md").read_text(encoding="utf-8")
    read: set[str] = set()
    for folder in FOLDERS:
        for path in (repository / folder).rglob("*.py"):
            read |= set(re.findall(r"\bMOTION_AGENT_[A-Z_]*[A-Z]\b", path.read_text("utf-8")))
    read -= {"MOTION_AGENT_COMPLETE"}  # of the shell's completion
    missing = {name for name in read if name.removeprefix("MOTION_AGENT") not in page}
    assert not missing
