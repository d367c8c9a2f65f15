"""How the command line explains itself: help texts, exit codes, what was meant instead."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import motion_agent
from motion_agent import Motion
from motion_agent.cli import app
from motion_agent.cli.exits import ANYWHERE, ExitCode, did_you_mean, exit_code
from motion_agent.motion_core import errors
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz

WALK = 1 * 32  # first token of FakeEngine's walking


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="motion-agent")


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


PROGRAM: Any = typer.main.get_command(app)
COMMANDS = tuple(_commands(PROGRAM))


def _command(path: tuple[str, ...]) -> Any:
    command = PROGRAM
    for name in path:
        command = command.commands[name]
    return command


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    path = tmp_path / "walk.npz"
    save_npz(Motion(FakeEngine().decode([WALK] * 5)), path)
    return path


def test_every_command_is_there() -> None:
    expected = {"run", "chat", "generate", "caption", "import", "export", "render", "view", "data"}
    expected |= {"train", "evaluate", "ablate", "checkpoint", "doctor"}
    assert expected <= {path[0] for path in COMMANDS if len(path) == 1}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_into_80_columns(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(" ".join(("Usage: motion-agent", *command)))
    assert [line for line in lines if len(line) > 80] == []
    assert re.findall(r".*[^A-Z\]]\.\.\.", result.stdout) == []  # a summary that is cut off
    assert "<" not in result.stdout  # a type as Typer calls it


def test_every_option_is_explained() -> None:
    silent = []
    for path in COMMANDS:
        silent += [f"{path} {param.name}" for param in _command(path).params if not param.help]
    assert silent == []


# Exit codes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError("x"), 2),
        (errors.FormatError("x"), 2),
        (errors.ConfigurationError("x"), 2),
        (errors.UnavailableError("x"), 3),
        (errors.IntegrityError("x"), 3),
        (PermissionError(13, "no", "file"), 3),
        (errors.GenerationError("x"), 1),
        (errors.PlanError("x"), 1),
        (RuntimeError("x"), 1),
    ],
)
def test_the_exit_code_says_who_can_do_something(error: Exception, code: int) -> None:
    assert exit_code(error) == code


def test_exit_codes_are_told_in_the_help() -> None:
    section = invoke("--help").stdout.partition("Exit codes:")[2]
    assert all(f"{int(code)} " in section for code in ExitCode)


# What was meant ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["exprot"], "'export'"),
        (["train", "tokeniser"], "'tokenizer'"),
        (["checkpoint", "verfiy"], "'verify'"),
        (["run", "a person walks", "--planer", "offline"], "--planner"),
        (["run", "a person walks", "--engine", "fake", "--planner", "oflin"], "'offline'"),
        (["run", "a person walks", "--engine", "fake", "--planner", "olama:llama3"], "'ollama'"),
        (["run", "a person walks", "--engine", "fake", "--fallback", "opnai:x"], "'openai'"),
        (["run", "a person walks", "--strategy", "scema"], "'schema'"),
        (["run", "a person walks", "--format", "npz,mp5"], "'mp4'"),
        (["run", "a person walks", "--engine", "fak"], "'fake'"),
        (["data", "prepare", "bandai", "."], "'bandai-namco'"),
        (["import", "x.bvh", "--unit", "inches"], "'inch'"),
    ],
)
def test_a_misspelt_word_is_recognised(arguments: list[str], meant: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    line = result.stderr.splitlines()[0]
    assert line.lower().partition("did you mean ")[2].rstrip("?") == meant


def test_a_misspelt_file_is_recognised(walk: Path) -> None:
    near = walk.with_name("wlak.npz")
    for arguments in (["caption", near], ["export", near, "x.bvh"], ["view", near, "--no-open"]):
        result = invoke(*arguments)
        assert result.exit_code == ExitCode.USAGE
        assert f"did you mean {str(walk)!r}?" in result.stderr


def test_nothing_alike_is_no_guess() -> None:
    assert did_you_mean("zebra", ["walk", "bow"]) == ""
    assert did_you_mean("WALK", ["walk", "bow"]) == "; did you mean 'walk'?"


# The whole program's options ----------------------------------------------------------------


def test_the_version_is_the_packages() -> None:
    result = invoke("--version")
    assert result.stdout == f"motion-agent {motion_agent.__version__}\n"


def test_quiet_leaves_only_results(walk: Path) -> None:
    result = invoke("--quiet", "caption", walk, "--engine", "fake")
    assert (result.stdout, result.stderr) == ("a person walks\n", "")


def test_verbose_tells_engine_and_times(walk: Path) -> None:
    result = invoke("--verbose", "caption", walk, "--engine", "fake")
    assert "engine: fake-1" in result.stderr
    assert "looking at the motion: 0." in result.stderr
    assert "engine: fake-1" not in invoke("caption", walk, "--engine", "fake").stderr


def test_the_programs_options_may_stand_behind_the_command(walk: Path) -> None:
    assert invoke("caption", walk, "--engine", "fake", "-q").stderr == ""
    assert "engine: fake-1" in invoke("caption", "-v", walk, "--engine", "fake").stderr
    result = invoke("caption", "--", "-q")  # here it is a file
    assert "there is no -q" in result.stderr


def test_no_command_has_an_option_of_the_programs_names() -> None:
    for path in COMMANDS[1:]:
        taken = {word for param in _command(path).params for word in getattr(param, "opts", ())}
        assert taken.isdisjoint(ANYWHERE)


# For programs -----------------------------------------------------------------------------


def test_a_usage_error_is_json_too() -> None:
    result = invoke("run", "--json", "--sead", "1")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "UsageError" and error["exit_code"] == 2
    assert "--seed" in error["message"]


def test_an_error_is_json_too(walk: Path) -> None:
    result = invoke("caption", walk.with_name("none.npz"), "--engine", "fake", "--json")
    assert json.loads(result.stdout)["error"]["kind"] == "InputError"
    assert json.loads(result.stdout)["error"]["exit_code"] == result.exit_code == 2
    assert "none.npz" in result.stderr


def test_json_of_one_command_does_not_stay_for_the_next(walk: Path) -> None:
    assert json.loads(invoke("caption", walk, "--engine", "fake", "--json").stdout)
    assert invoke("caption", walk, "--engine", "fake").stdout == "a person walks\n"


# Completion -------------------------------------------------------------------------------


def _completed(line: str, folder: Path) -> list[str]:
    """What bash would offer for the last word of the line."""
    words = line.split(" ")
    environment = os.environ | {
        "_MOTION_AGENT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "MOTION_AGENT_DATA": str(folder),
    }
    done = subprocess.run(
        [shutil.which("motion-agent") or f"{Path(sys.executable).parent}/motion-agent"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("motion-agent ch", ["chat", "checkpoint"]),
        ("motion-agent run --planner of", ["offline"]),
        ("motion-agent run --strategy s", ["schema"]),
        ("motion-agent run --format npz,m", ["npz,mp4"]),
        ("motion-agent caption --engine f", ["fake"]),
        ("motion-agent render --cam", ["--camera"]),
    ],
)
def test_the_shell_completes(line: str, offered: list[str], tmp_path: Path) -> None:
    assert _completed(line, tmp_path) == offered
