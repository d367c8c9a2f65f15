"""The file of conversations: forged, written by two programs, after a change of the clock."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from fakes import PATIENCE
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import id as checkpoint_ids
from typer.testing import CliRunner

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.serializer import ConversationSerializer
from motion_agent.cli import app
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.cli.conversations import conversation_names
from motion_agent.motion_core.errors import IntegrityError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore

# Forged ------------------------------------------------------------------------------------

_CALLS: dict[str, tuple[int, Callable[[str], list[Any]]]] = {  # LangGraph's extension codes
    "one argument": (0, lambda mark: ["os", "mkdir", mark]),
    "arguments": (1, lambda mark: ["os", "mkdir", [mark]]),
    "keywords": (2, lambda mark: ["os", "mkdir", {"path": mark}]),
    "method": (3, lambda mark: ["os", "path", mark, "abspath"]),
    "pydantic 1": (4, lambda mark: ["os", "mkdir", {"path": mark}]),
    "pydantic 2": (5, lambda mark: ["os", "mkdir", {"path": mark}, "construct"]),
}


def forged(call: list[Any], code: int) -> bytes:
    """A checkpoint that asks for a call."""
    return bytes(ormsgpack.packb({"channel_values": ormsgpack.Ext(code, ormsgpack.packb(call))}))


@pytest.mark.parametrize("kind", _CALLS)
def test_a_planted_database_calls_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path))
    code, call = _CALLS[kind]
    mark = tmp_path / "it-ran"
    with sqlite3.connect(tmp_path / "conversations.sqlite") as connection:
        LatestCheckpoints(connection).setup()
        row = ("chat", "", "1", None, "msgpack", forged(call(str(mark)), code), b"{}")
        connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    result = CliRunner().invoke(app, ["chat", "--list"])
    assert not mark.exists()
    assert "foreign or damaged" in result.stderr


@pytest.mark.parametrize("format", ["pickle", "json", "msgpack"])
def test_foreign_formats_are_refused(format: str) -> None:
    with pytest.raises(IntegrityError, match="foreign or damaged"):
        ConversationSerializer().loads_typed((format, b"\x91" * 2000))


def test_messages_and_values_come_back_as_they_were() -> None:
    serializer = ConversationSerializer()
    state = {"messages": [HumanMessage("hi", id="1"), AIMessage("ho")], "n": [1, 2.5, None, "ü"]}
    assert serializer.loads_typed(serializer.dumps_typed(state)) == state


def test_every_checkpointer_that_the_package_opens_is_strict(repository: Path) -> None:
    opened = re.compile(r"(?:InMemory|Sqlite|Postgres)Saver\((?!serde=ConversationSerializer\()")
    for folder in ("agent_graph", "tools", "src/motion_agent"):
        for path in (repository / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8").replace(
                "class LatestCheckpoints(SqliteSaver)", ""
            )
            assert not opened.search(code), f"{path} opens a checkpointer that runs what it reads"


def test_the_server_is_strict_too(repository: Path) -> None:
    config = json.loads((repository / "langgraph.json").read_text())
    assert config["env"]["LANGGRAPH_STRICT_MSGPACK"] == "true"
    assert config["checkpointer"]["serde"]["pickle_fallback"] is False


# Told and kept -----------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "conversations.sqlite"


def opened(database: Path, engine: FakeEngine | None = None) -> MotionAgent:
    """An agent as another program would open it."""
    connection = sqlite3.connect(database, check_same_thread=False)
    return MotionAgent(
        engine=engine or FakeEngine(),
        store=MotionStore(database.parent / "motions"),
        checkpointer=LatestCheckpoints(connection),
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that the clock is set forward; as in a program that starts afterwards."""
    shift = [0.0]
    now = time.time_ns
    monkeypatch.setattr(checkpoint_ids.time, "time_ns", lambda: now() + int(shift[0] * 1e9))
    yield shift


def test_what_was_told_after_the_clock_went_back_is_kept(
    database: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(database).run("A person walks.")
    for hours in (-1, -2):
        clock[0] = hours * 3600
        monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
        opened(database).run("add a bow at the end")
    kept = opened(database)
    assert [s.description for s in kept.timeline().segments] == [
        "a person walks",
        "a person bows",
        "a person bows",
    ]
    assert kept.unfinished() is None


def test_conversations_are_listed_in_the_order_of_their_last_turns_whatever_the_clock_said(
    tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path))
    agent = opened(tmp_path / "conversations.sqlite")
    agent.run("A person walks.", thread="first")
    clock[0] = -3600
    monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
    agent.run("A person walks.", thread="second")
    assert conversation_names() == ["second", "first"]


class WaitingEngine(FakeEngine):
    """Says when it has begun, and goes on when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def generate(self, requests: Any, **control: Any) -> Any:
        self.begun.set()
        assert self.may_go_on.wait(PATIENCE)
        return super().generate(requests, **control)


def test_two_programs_lose_nothing_that_they_told(database: Path) -> None:
    slow = WaitingEngine()
    one, other = opened(database, slow), opened(database)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            one.run("A person jumps.")
        except UnavailableError as err:
            failed.append(err)

    thread = threading.Thread(target=ask)
    thread.start()
    assert slow.begun.wait(PATIENCE)
    other.run("A person walks.")  # meanwhile
    slow.may_go_on.set()
    thread.join()
    (err,) = failed
    assert "another program changed the conversation 'default' meanwhile" in str(err)
    kept = opened(database)
    assert [s.description for s in kept.timeline().segments] == ["a person walks"]
    assert kept.unfinished() is None
    one.run("add a bow at the end")  # goes on from there
    assert len(opened(database).timeline().segments) == 2


def test_programs_that_take_turns_see_each_other_s(database: Path) -> None:
    agents = [opened(database), opened(database)]
    agents[0].run("A person walks.")
    for number in range(6):
        agents[number % 2].run("add a bow at the end")
    assert len(opened(database).timeline().segments) == 7


def test_a_conversation_that_was_forgotten_meanwhile_does_not_come_back_in_half(
    database: Path,
) -> None:
    slow = WaitingEngine()
    one, other = opened(database), opened(database, slow)
    one.run("A person walks.")

    def ask() -> None:
        with pytest.raises(UnavailableError):
            other.run("add a jump at the end")

    thread = threading.Thread(target=ask)
    thread.start()
    assert slow.begun.wait(PATIENCE)
    one.graph.checkpointer.delete_thread("default")  # type: ignore[union-attr]
    slow.may_go_on.set()
    thread.join()
    assert one.timeline().segments == ()


def test_a_full_disk_ends_the_turn_and_not_the_agent(database: Path) -> None:
    agent = opened(database)
    agent.run("A person walks.")
    connection: sqlite3.Connection = agent.graph.checkpointer.conn  # type: ignore[union-attr]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(UnavailableError, match="cannot be kept: database or disk is full"):
        agent.run("A person " + ", then ".join(["bows", "jumps", "waves", "kicks"] * 8))
    connection.execute("PRAGMA max_page_count = 1000000")
    turn = agent.run("A person bows.")
    assert turn.motion is not None
    assert opened(database).motions()
