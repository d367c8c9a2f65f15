"""What release 0.1 wrote still opens: conversations, the journal, motions.

``samples/release-0.1`` was written by 0.1 with the fake engine. In the conversation "edited" a
segment was replaced under its old id, as 0.1 did; "unfinished" was killed in its second turn.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from motion_agent.agent_graph import MotionAgent, Turn
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.journal import SegmentJournal
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import JOURNAL, Studio
from motion_agent.motion_core.timeline import Timeline

SAMPLES = Path(__file__).with_name("samples") / "release-0.1"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "expected.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES, tmp_path / "kept"))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def agent(folder: Path, engine: FakeEngine) -> Iterator[MotionAgent]:
    connection = sqlite3.connect(folder / "conversations.sqlite", check_same_thread=False)
    yield MotionAgent(
        engine=engine,
        store=MotionStore(folder / "motions"),
        checkpointer=LatestCheckpoints(connection),
    )
    connection.close()


@pytest.mark.parametrize("thread", ["edited", "two", "unfinished"])
def test_a_conversation_is_as_it_was(agent: MotionAgent, engine: FakeEngine, thread: str) -> None:
    expected = EXPECTED[thread]
    assert agent.timelines(thread) == [Timeline.from_json(t) for t in expected["timelines"]]
    assert agent.timeline(thread).name == expected["current"]
    motions = agent.motions(thread)
    assert {str(person): motion.id for person, motion in motions.items()} == expected["motions"]
    assert engine.generated == []


def test_an_old_edit_can_be_undone_and_edited_further(
    agent: MotionAgent, engine: FakeEngine
) -> None:
    before = agent.timelines("edited")[0]
    assert agent.run("undo", "edited").error is None  # the new motion goes
    redone = agent.run("redo", "edited")
    assert redone.motion_id == EXPECTED["edited"]["motions"]["1"]
    agent.run("open greeting", "edited")
    after = agent.run("replace the kick with a jump", "edited")
    assert after.motion is not None
    ids = [segment.id for segment in after.motion.segments]
    assert ids == ["s1", f"s{before.next_segment}", "s3", "s4"]
    assert after.motion.segments[0] == before.segments[0]
    assert [r.description for batch in engine.generated for r in batch] == ["a person jumps"]


def test_an_old_motion_that_the_store_lost_is_the_same_again(
    agent: MotionAgent, folder: Path
) -> None:
    ids = EXPECTED["two"]["motions"]
    for motion_id in ids.values():
        (folder / "motions" / f"{motion_id}.npz").unlink()
    turn = agent.run("what does person 2 do?", "two")
    assert turn.error is None
    motions = agent.motions("two")
    assert {str(person): motion.id for person, motion in motions.items()} == ids


def test_an_interrupted_turn_goes_on(agent: MotionAgent) -> None:
    assert agent.unfinished("unfinished") == "add a clap at the end"
    *_, turn = agent.resume("unfinished")
    assert isinstance(turn, Turn)
    assert turn.motion is not None
    assert [s.id for s in turn.motion.segments] == ["s1", "s2"]


def test_the_journal_knows_what_was_generated(folder: Path, engine: FakeEngine) -> None:
    entry = SegmentJournal(folder / "motions" / JOURNAL).get(
        ("fake-1", "a person walks forward", 1, 0.0)
    )
    assert entry is not None and len(entry.tokens) == 8
    studio = Studio(engine, MotionStore(folder / "motions"))
    studio.render(Timeline().insert("a person walks forward"))
    assert engine.generated == []


def test_a_motion_keeps_its_id_its_blends_and_the_numbers_it_used(
    folder: Path, engine: FakeEngine
) -> None:
    store = MotionStore(folder / "motions")
    for motion_id in store.list():
        assert store.get(motion_id).id == motion_id
    facts = EXPECTED["tool"]
    timeline = Studio(engine, store).open(facts["edited"])
    assert [[s.id, s.description, list(s.tokens), s.seed] for s in timeline.segments] == facts[
        "segments"
    ]
    assert timeline.next_segment == facts["provenance"]["next_segment"]
    assert timeline.blends == facts["provenance"].get("blends", {})
    assert timeline.insert("a person sits").segments[-1].id == f"s{timeline.next_segment}"
