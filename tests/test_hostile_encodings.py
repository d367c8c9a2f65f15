"""Halves of characters, from arguments, settings, lines, databases, LLMs: a message, or U+FFFD."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fakes import ScriptedChatModel, plan_text, step
from typer.testing import CliRunner, Result

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.planners import make_planner
from motion_agent.cli import app
from motion_agent.cli.conversations import conversation_names
from motion_agent.motion_core.errors import InputError, MotionAgentError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.tools import call_tool, motion_tools

HALF = "walks \ud800\udcff"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def command(*arguments: str, lines: bytes = b"") -> Result:
    return CliRunner().invoke(app, list(arguments), input=lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ("chat", "--engine", "fake", "--thread", HALF),
        ("chat", "--forget", HALF),
        ("generate", "--engine", "fake", HALF),
        ("run", "--engine", "fake", HALF),
        ("run", "--engine", "fake", "a person walks", "--out", HALF),
        ("caption", "--engine", "fake", HALF),
        ("ablate", "run", "--planner", HALF),
        (HALF,),
    ],
)
def test_an_argument_that_is_no_text_is_an_error_of_usage(arguments: tuple[str, ...]) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert "an argument is not UTF-8: 'walks \\ud800\\udcff'" in result.stderr


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    name = "caf\udce9.bvh"
    Path(name).write_text("no motion")
    result = command("caption", "--engine", "fake", name)
    assert result.exit_code == 2
    assert "caf<U+DCE9>.bvh" in result.stderr and "not UTF-8" not in result.stderr


def test_a_setting_that_is_no_text_is_an_error_of_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_PLANNER", "off\udcffline")
    result = command("chat", "--engine", "fake")
    assert result.exit_code == 2
    assert "MOTION_AGENT_PLANNER is not UTF-8" in result.stderr


def test_a_line_that_is_no_text_is_a_line_and_the_next_ones_are_read() -> None:
    lines = b"a person w\xff walks\n\xed\xa0\x80\na person bows\n/motions\n"
    result = command("chat", "--engine", "fake", lines=lines)
    assert result.exit_code == 0
    assert "a person bows" in result.stdout and "unexpected" not in result.stderr


def test_a_request_with_half_a_character_is_kept(home: Path) -> None:
    planner = make_planner(ScriptedChatModel(script=[plan_text(step(description=HALF))] * 3))
    agent = MotionAgent(planner, engine=FakeEngine(), store=MotionStore(home / "motions"))
    try:
        agent.run(HALF)
    except MotionAgentError as err:
        assert "unexpected" not in str(err)
    assert agent.unfinished() is None


def test_a_conversation_s_name_is_text() -> None:
    agent = MotionAgent(engine=FakeEngine())
    with pytest.raises(InputError, match="is not a valid conversation name: it contains half"):
        agent.run("a person walks", HALF)


def test_an_agent_s_description_is_kept_as_it_can_be_written(home: Path) -> None:
    store = MotionStore(home / "motions")
    tools = motion_tools(FakeEngine(), store)
    answer = call_tool("generate_motion", {"descriptions": [f"a person {HALF}"]}, tools)
    assert "fault of the tool" not in answer
    for motion_id in store.list():
        assert MotionStore(home / "motions").get(motion_id).segments[0].description.isprintable()


def test_a_planted_name_hides_no_conversation(home: Path) -> None:
    assert command("chat", "--engine", "fake", lines=b"a person walks\n").exit_code == 0
    with sqlite3.connect(home / "conversations.sqlite") as connection:
        connection.execute("DROP TRIGGER IF EXISTS one_after_the_other")
        for name in ("CAST(x'ff80' AS TEXT)", "x'00ff'", "7"):
            connection.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id)"
                f" VALUES ({name}, '', '1')"
            )
    assert "chat" in conversation_names() and len(conversation_names()) == 4
    listed = command("chat", "--list")
    assert listed.exit_code == 0 and "a person walks" in listed.stdout
