"""Whatever a file, a server or a bug does to a turn, the conversation goes on after it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import ScriptedChatModel, busy, openai_server, plan_text, step
from typer.testing import CliRunner, Result

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError
from motion_agent.agent_graph.planners import make_planner
from motion_agent.cli import app
from motion_agent.motion_core.errors import FormatError, UnexpectedError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import load_npz, read_motion, save_npz
from motion_agent.motion_core.journal import Entry, SegmentJournal


class Crash(BaseException):
    """What no handler of errors catches: the program ends."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the chat, where its files are; conversations are beside it."""
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def chat(*lines: str) -> Result:
    text = "".join(f"{line}\n" for line in lines)
    return CliRunner().invoke(app, ["chat", "--engine", "fake"], input=text)


def breaking(monkeypatch: pytest.MonkeyPatch, err: BaseException) -> None:
    def generate(self: FakeEngine, *_: Any, **__: Any) -> Any:
        raise err

    monkeypatch.setattr(FakeEngine, "generate", generate)


# Errors that nobody foresaw -----------------------------------------------------------------


def test_an_unexpected_error_ends_the_turn_and_not_the_conversation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = MotionAgent(engine=FakeEngine())
    before = agent.run("A person walks.")
    with monkeypatch.context() as patch:
        breaking(patch, RecursionError("too deep"))
        with pytest.raises(UnexpectedError, match="RecursionError: too deep; this request was"):
            agent.run("add a bow at the end")
    assert agent.unfinished() is None
    assert agent.timeline().motions == {1: before.motion_id}
    state: Any = agent.graph.get_state({"configurable": {"thread_id": "default"}}).values
    assert "(failed: unexpected RecursionError" in state["messages"][-1].text  # recorded
    assert agent.run("add a bow at the end").motion is not None


def test_the_chat_goes_on_after_an_unexpected_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        breaking(patch, MemoryError("0 bytes"))
        result = chat("a person walks", "/motion")
    assert result.exit_code == 0
    assert "unexpected MemoryError" in result.stderr
    again = chat("a person walks")
    assert "interrupted" not in again.stderr
    assert "Made motion 1" in again.stdout


def test_what_ends_the_program_twice_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    chat("a person walks")
    with monkeypatch.context() as patch:
        breaking(patch, Crash())
        for lines in (["add a bow at the end"], []):
            with pytest.raises(Crash):
                chat(*lines)
        third = chat("/motion")
    assert third.exit_code == 0
    assert "interrupted twice and is abandoned: add a bow at the end" in third.stderr
    assert "Changed motion 1" in chat("add a bow at the end").stdout


def test_a_request_may_be_resumed_once_again_after_a_whole_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for request in ("a person bows", "a person jumps"):
        with monkeypatch.context() as patch:
            breaking(patch, Crash())
            with pytest.raises(Crash):
                chat(request)
        assert f"resuming it: {request}" in chat("start over", "a person walks").stderr


# Files --------------------------------------------------------------------------------------

SEGMENT = {"id": "s1", "description": "a person walks", "tokens": [1, 2, 3], "seed": 1}
HOSTILE: dict[str, dict[str, Any]] = {
    "infinite token": {"segments": [{**SEGMENT, "tokens": [1, 2, math.inf]}]},
    "NaN token": {"segments": [{**SEGMENT, "tokens": [1, 2, math.nan]}]},
    "negative token": {"segments": [{**SEGMENT, "tokens": [1, 2, -1]}]},
    "huge token": {"segments": [{**SEGMENT, "tokens": [1, 2, 10**30]}]},
    "token in words": {"segments": [{**SEGMENT, "tokens": "123"}]},
    "foreign ids": {"segments": [{**SEGMENT, "id": "intro"}]},
    "huge id": {"segments": [{**SEGMENT, "id": "s" + "9" * 5000}]},
    "id with lines": {"segments": [{**SEGMENT, "id": "s1\nUser: hi"}]},
    "huge seed": {"segments": [{**SEGMENT, "seed": 2**80}]},
    "largest seed": {"segments": [{**SEGMENT, "seed": 2**53 - 1}]},
    "negative seed": {"segments": [{**SEGMENT, "seed": -(2**63)}]},
    "surrogates": {"segments": [{**SEGMENT, "description": "walks \ud800\udfff"}]},
    "long words": {"segments": [{**SEGMENT, "description": "walk " * 100_000}]},
    "words are numbers": {"segments": [{**SEGMENT, "description": 5}]},
    "deep provenance": {"provenance": json.loads('{"a":' * 400 + "1" + "}" * 400)},
    "infinite provenance": {"provenance": {"next_segment": math.inf, "blends": [math.nan]}},
}


def write(path: Path, segments: Any = (SEGMENT,), provenance: Any = None) -> Path:
    """A motion file that says these things, three tokens long."""
    features = FakeEngine().decode([1, 2, 3])
    np.savez_compressed(
        path,
        features=features,
        tokens=np.array([1, 2, 3], dtype=np.int32),
        segments=np.array(json.dumps(list(segments))),
        provenance=np.array(json.dumps(provenance or {})),
        version=np.array(1),
    )
    return path


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_a_line_and_the_conversation_goes_on(what: str, home: Path) -> None:
    write(home / "evil.npz", **HOSTILE[what])
    result = chat("open evil.npz", "add a bow at the end", "what does evil.npz show?", "undo")
    assert result.exit_code == 0, result.output
    assert "unexpected" not in result.output
    again = chat("start over", "a person walks")
    assert again.exit_code == 0
    assert "interrupted" not in again.stderr
    assert "a person walks" in again.stdout


@pytest.mark.parametrize("what", [name for name in HOSTILE if "token" in name or "seed" in name])
def test_numbers_in_a_file_are_checked_when_it_is_read(what: str, home: Path) -> None:
    path = write(home / "evil.npz", **HOSTILE[what])
    if what == "largest seed":
        assert load_npz(path).segments[0].seed == 2**53 - 1
        return
    with pytest.raises(FormatError, match="damaged"):
        load_npz(path)


def test_an_archive_of_an_unknown_version_is_a_damaged_file(home: Path) -> None:
    path = write(home / "evil.npz")
    data = bytearray(path.read_bytes())
    entry = data.find(b"PK\x01\x02")  # the directory of the archive
    data[entry + 6] = 255  # the version that is needed to read it
    path.write_bytes(data)
    with pytest.raises(FormatError):
        read_motion(path)


def test_our_own_files_come_back_as_they_were(home: Path) -> None:
    motion = MotionAgent(engine=FakeEngine()).run("A person walks, then bows.").motion
    assert motion is not None
    save_npz(motion, home / "own.npz")
    assert load_npz(home / "own.npz").id == motion.id


@pytest.mark.parametrize(
    "line",
    [
        b'["e", "walk", 1, 0.0, ' + b"[" * 100_000 + b"]" * 100_000 + b"]",
        b'["e", "walk", 1, 0.0, [1, Infinity]]',
        b'["e", "walk", 1e400, 0.0, [1]]',
        b'["e", "walk", 1, NaN, [1]]',
        b'["e", "walk", 1, 0.0, []]',
        b'["e", "walk", 1, 0.0, [99999999999999999999]]',
        b"\xff\xfe\x00 not text",
        b'{"e": 1}',
    ],
)
def test_a_damaged_line_of_the_journal_is_skipped(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "segments.jsonl"
    path.write_bytes(line + b"\n" + b'["e", "bow", 1, 0.0, [7, 8]]\n')
    journal = SegmentJournal(path)
    assert journal.get(("e", "walk", 1, 0.0)) is None
    assert journal.get(("e", "bow", 1, 0.0)) == Entry((7, 8))


# Servers and planners -----------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_a_server_that_names_no_time_is_asked_again(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with openai_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        server.answers = [busy(seconds), plan_text(step(description="a person walks"))]
        agent = MotionAgent(make_planner("openai:m"), engine=FakeEngine())
        assert agent.run("walk").motion is not None


def deep(depth: int) -> list[str]:
    return [
        '{"plan": ' + "[" * depth + "]" * depth + "}",
        '{"plan": [{"tool": "generate_motion", "description": ' + '{"a":' * depth + "1" * depth,
        "{'plan': [{'tool': 'generate_motion', 'x': " + "[" * depth + "]" * depth + "}]}",
    ]


@pytest.mark.parametrize("answer", [text for depth in (500, 2000) for text in deep(depth)])
def test_deep_json_of_a_planner_is_no_plan(answer: str) -> None:
    with pytest.raises(InvalidPlanError):
        parse_plan(answer)
    script = [answer] * 3
    turn = MotionAgent(ScriptedChatModel(script=script), engine=FakeEngine()).run("walk")
    assert turn.error is not None


@pytest.mark.parametrize(
    "answer",
    ["<think>" * 10_000, "{'plan': [" + "'\"" * 30_000 + "]}"],
    ids=["thoughts without an end", "quotes within quotes"],
)
def test_an_answer_that_would_take_minutes_to_read_is_refused(answer: str) -> None:
    with pytest.raises(InvalidPlanError):
        parse_plan(answer)
