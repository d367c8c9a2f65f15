"""A turn that was interrupted goes on: nothing is lost and nothing generated twice."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from killed_turn import REQUEST

from motion_agent.agent_graph import MotionAgent, Turn
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.motion_core.engine import Take
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.journal import Entry, SegmentJournal
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import JOURNAL

SCRIPT = Path(__file__).with_name("killed_turn.py")


@contextmanager
def started(folder: Path, what: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(SCRIPT), str(folder), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def finish(folder: Path, what: str) -> dict[str, Any]:
    with started(folder, what) as process:
        assert process.stdout is not None
        out = process.stdout.read()
    assert process.returncode == 0
    return dict(json.loads(out))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The segments of a turn that nothing interrupts."""
    segments = list(finish(tmp_path_factory.mktemp("whole"), "ask")["segments"])
    assert len(segments) == 35  # 7 × (2 + 3)
    return segments


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.02])
@pytest.mark.parametrize("batches", range(4))
def test_a_turn_that_is_killed_resumes(
    batches: int, seconds: float, expected: list[Any], tmp_path: Path
) -> None:
    """Killed so long after the engine made so many of the four batches."""
    made = tmp_path / "generated.txt"
    with started(tmp_path, "ask") as process:
        while len(_lines(made)) < 10 * batches:
            assert process.poll() is None
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    finished = _lines(tmp_path / "motions" / JOURNAL)
    after = finish(tmp_path, "resume")
    assert after["unfinished"] is None
    if not after["segments"]:  # killed before the request was stored, or after it was answered
        after = finish(tmp_path, "ask")
    assert after["segments"] == expected
    # A batch that was made may not have been stored when the kill came; what was stored is never
    # made again.
    stored = {f"{entry[1]}|{entry[2]}" for entry in map(_entry, finished) if entry}
    assert all(_lines(made).count(line) == 1 for line in stored)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _entry(line: str) -> list[Any] | None:
    try:
        return list(json.loads(line))
    except ValueError:
        return None


class KilledEngine(FakeEngine):
    """Dies when it is asked for its second batch, once."""

    died = False

    def generate(self, requests: Any, **control: Any) -> list[Take]:
        if self.generated and not self.died:
            self.died = True
            raise KeyboardInterrupt
        return super().generate(requests, **control)


def test_finished_batches_survive_an_interruption(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "chat.sqlite", check_same_thread=False) as connection:
        engine = KilledEngine()
        agent = MotionAgent(
            engine=engine,
            store=MotionStore(tmp_path),
            checkpointer=LatestCheckpoints(connection),
        )
        with pytest.raises(KeyboardInterrupt):
            agent.run(REQUEST)
        assert agent.unfinished() == REQUEST
        sizes = [len(batch) for batch in engine.generated]
        items = list(agent.resume())
        turn = items[-1]
        assert isinstance(turn, Turn)
        assert turn.motion is not None
        assert len(turn.motion.segments) == 35
        assert sum(len(batch) for batch in engine.generated) == 35
        assert sizes == [10]
        assert agent.unfinished() is None
        with pytest.raises(InputError, match="no unfinished turn"):
            next(agent.resume())
    connection.close()


def test_a_new_request_leaves_an_interrupted_turn_behind() -> None:
    engine = KilledEngine()
    agent = MotionAgent(engine=engine)
    agent.run("A person walks.")
    with pytest.raises(KeyboardInterrupt):
        agent.run("A person bows.")
    turn = agent.run("A person jumps.")
    assert turn.motion is not None
    assert [s.description for s in turn.motion.segments] == ["a person jumps"]
    assert agent.unfinished() is None
    assert [t.name for t in agent.timelines()] == ["motion 1", "motion 2"]


def test_an_abandoned_turn_does_not_come_back() -> None:
    agent = MotionAgent(engine=KilledEngine())
    first = agent.run("A person walks.")
    with pytest.raises(KeyboardInterrupt):
        agent.run("add a bow at the end")
    agent.abandon()
    assert agent.unfinished() is None
    assert agent.timeline().motions == {1: first.motion_id}
    agent.abandon()  # nothing to abandon is nothing to do
    assert "a person bows (s2, " in agent.run("add a bow at the end").reply


def test_the_same_again_costs_nothing() -> None:
    engine = FakeEngine()
    agent = MotionAgent(engine=engine)
    agent.run("A person walks.")
    agent.run("start over")
    again = agent.run("A person walks.")
    assert again.motion is not None
    assert len(engine.generated) == 1


def test_the_journal_lies_beside_the_motions(tmp_path: Path) -> None:
    agent = MotionAgent(engine=FakeEngine(), store=MotionStore(tmp_path))
    motion = agent.run("A person walks.").motion
    assert motion is not None
    key = ("fake-1", "a person walks", 1, 0.0)
    assert SegmentJournal(tmp_path / JOURNAL).get(key) == Entry(motion.tokens)
    assert agent.store.list() == (motion.id,)


def test_kept_conversations_do_not_grow_with_every_turn(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "chat.sqlite", check_same_thread=False)
    agent = MotionAgent(engine=FakeEngine(), checkpointer=LatestCheckpoints(connection))
    agent.run("A person walks.", thread="other")
    for _ in range(5):
        agent.run("A person walks.")
        agent.run("undo")
    rows = connection.execute("SELECT thread_id, count(*) FROM checkpoints GROUP BY 1").fetchall()
    assert sorted(rows) == [("default", 1), ("other", 1)]
    assert connection.execute("SELECT count(*) FROM writes").fetchone()[0] < 20
    assert agent.run("redo").name == "motion 1"
    agent.graph.checkpointer.prune(["default"], strategy="delete")  # type: ignore[union-attr]
    assert agent.motions() == {}
    assert len(agent.motions("other")) == 1
    connection.close()
