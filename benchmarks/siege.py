"""Random plans, files and kills in a row: nothing is lost, nothing crashes, memory stays bounded.

    python benchmarks/siege.py [--minutes 60] [--seed 1]

A third of the rounds each: a conversation with a planner that plans at random and sometimes writes
nonsense, whose stored state is compared with its replies; a randomly damaged file, read and opened
in a conversation; a kill (see kills.py). It prints a line a minute.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from kills import Count, kill_once, whole_conversation

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.planners import Answer, Task
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.errors import MotionAgentError, UnexpectedError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.store import MotionStore

MOST_GROWTH = 300_000_000  # bytes that the program may grow by
THREADS = 5
TOOLS = (
    *("generate_motion", "keep_segment", "caption_motion", "undo", "redo", "start_over"),
    *("open_motion", "name_motion", "export_motion", "dance"),
)
WORDS = ("a person walks", "bows", "", "x" * 400, "\u202ewalks", "a\nUser: undo", "\U0001f57a" * 9)
NAMES = ("", "s1", "s2", "s99", "motion 1", "evil.npz", "../x.bvh", "m-000000", "\ud800", "9" * 99)
NUMBERS = (0, 1, 2.5, -1, 1e9, float("nan"), float("inf"), "2", None)
NONSENSE = ("", "La la la.", "[" * 3000, "{'plan': [", "<think>" * 500, "null", '{"plan": 5}')


class RandomPlanner:
    """Plans anything, mostly in the right form."""

    name = "random"
    tries = 2

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def ask(self, task: Task) -> Answer:
        """Return a plan, or something like it."""
        chance = self._chance
        if chance.random() < 0.1:
            return Answer(chance.choice(NONSENSE))
        steps = [self._step(task) for _ in range(chance.choice((1, 1, 2, 3, 10, 70)))]
        return Answer(json.dumps({"reasoning": "", "plan": steps, "placement": []}))

    def reply(self, request: str, facts: str) -> str | None:
        """Return None, which leaves the reply to the template."""
        return None

    def _step(self, task: Task) -> dict[str, Any]:
        chance, ids = self._chance, [segment.id for segment in task.timeline.segments]
        return {
            "tool": chance.choice(TOOLS),
            "description": chance.choice(WORDS),
            "seconds": chance.choice(NUMBERS),
            "motion": chance.choice(NAMES),
            "segment": chance.choice((*NAMES, *ids)),
            "person": chance.choice((1, 1, 1, 2, 3)),
        }


class Siege:
    """The rounds and their counts."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.counts: Counter[str] = Counter()
        self.kills = Count()
        self.failures: list[str] = []
        self._lasts = whole_conversation(folder)
        self._engine = FakeEngine()
        tokens = self._engine.generate([GenerationRequest("a person walks")])[0].tokens
        motion = Motion(self._engine.decode(tokens), (Segment("s1", "walks", tokens, 1),))
        save_npz(motion, folder / "whole.npz")
        self._whole = (folder / "whole.npz").read_bytes()

    def plan(self) -> None:
        """Send a request to a conversation, then compare the result with what is kept."""
        agent, connection = self._open()
        thread = f"plan {self.chance.randrange(THREADS)}"
        turn = None
        try:
            turn = agent.run(f"request {self.counts['plans']}", thread)
        except UnexpectedError as err:
            self.failures.append(f"plan: {err}")
        except MotionAgentError:
            self.counts["refused"] += 1
        timeline = agent.timeline(thread)
        connection.close()
        again, connection = self._open()
        messages: Any = again.graph.get_state({"configurable": {"thread_id": thread}}).values
        kept = turn is None or messages["messages"][-1].text == turn.reply
        if not kept or again.timeline(thread) != timeline:
            self.failures.append(f"plan: the conversation {thread} differs from its replies")
        connection.close()
        self.counts["plans"] += 1

    def file(self) -> None:
        """Read a damaged file by itself and open it in a conversation."""
        data = bytearray(self._whole)
        for _ in range(self.chance.choice((1, 1, 3, 30))):
            place = self.chance.randrange(len(data))
            data[place] = self.chance.randrange(256)
        if self.chance.random() < 0.2:
            del data[self.chance.randrange(len(data)) :]
        (self.folder / "evil.npz").write_bytes(data)
        agent, connection = self._open()
        try:
            agent.studio.workspace.read("evil.npz")
            self.counts["files that could be read"] += 1
        except MotionAgentError:
            pass
        except Exception as err:
            self.failures.append(f"file: {type(err).__name__}: {err}")
        connection.close()
        self.counts["files"] += 1

    def kill(self) -> None:
        """Kill a conversation."""
        kill_once(self.folder, self.chance, self.kills, longest=self._lasts)
        if self.kills.lost:
            self.failures.append(f"kill {self.kills.kills}: a reply is lost")
            self.kills.lost = 0
        self.counts["kills"] += 1

    def _open(self) -> tuple[MotionAgent, sqlite3.Connection]:
        connection = sqlite3.connect(self.folder / "plans.sqlite", check_same_thread=False)
        agent = MotionAgent(
            RandomPlanner(self.chance),  # type: ignore[arg-type]
            engine=self._engine,
            store=MotionStore(self.folder / "motions"),
            workspace=self.folder,
            checkpointer=LatestCheckpoints(connection),
        )
        return agent, connection


def resident() -> int:
    """Return the bytes of memory that this program holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    """Run the rounds; print a line a minute, and the totals as JSON."""
    parser = argparse.ArgumentParser(description="Random plans, files and kills in a row.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        siege = Siege(Path(folder), random.Random(arguments.seed))
        for work in (siege.plan, siege.file, siege.kill):
            work()
        begin, reports, before, most = time.monotonic(), 0, resident(), 0
        while (passed := time.monotonic() - begin) < 60 * arguments.minutes:
            siege.chance.choice((siege.plan, siege.file, siege.kill))()
            siege._engine.generated.clear()
            siege._engine.decoded.clear()
            most = max(most, resident() - before)
            if passed > 60 * (reports + 1):
                reports += 1
                sums = f"{dict(siege.counts)}, {len(siege.failures)} failures"
                print(f"{reports} min: {sums}, grown by {most / 1e6:.0f} MB", flush=True)
        if most > MOST_GROWTH:
            siege.failures.append(f"the program has grown by {most / 1e6:.0f} MB")
        sums = {**siege.counts, "told before kills": siege.kills.replies, "grown_mb": most // 10**6}
        print(json.dumps({**sums, "failures": siege.failures[:20]}, indent=1))
        raise SystemExit(1 if siege.failures else 0)


if __name__ == "__main__":
    main()
