"""A conversation in a process of its own that a test can kill: python killed_turn.py FOLDER WHAT.

WHAT is ``ask`` (one long request) or ``resume``. Each segment that the engine finishes is a line of
``generated.txt``; the final timeline goes to stdout.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from motion_agent.agent_graph import MotionAgent, Turn
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
)
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore

REQUEST = "A person " + ", then ".join(
    f"{verb} {number} times"
    for number in ("two", "three")
    for verb in ("walks", "runs", "jumps", "waves", "bows", "kicks", "claps")
)


class SlowEngine(FakeEngine):
    """Takes 20 ms a batch and writes down what it made."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        time.sleep(0.02)
        segments = super().generate(requests, progress=progress, cancel=cancel)
        with self.log.open("a") as file:
            file.write("".join(f"{r.description}|{r.seed}\n" for r in requests))
        time.sleep(0.02)
        return segments


def main(folder: Path, what: str) -> None:
    """Ask or resume, and print the segments of the motion."""
    connection = sqlite3.connect(folder / "chat.sqlite", check_same_thread=False)
    agent = MotionAgent(
        engine=SlowEngine(folder / "generated.txt"),
        store=MotionStore(folder / "motions"),
        checkpointer=LatestCheckpoints(connection),
    )
    print("ready", flush=True)
    if what == "ask":
        agent.run(REQUEST)
    elif agent.unfinished() is not None:
        *_, turn = agent.resume()
        assert isinstance(turn, Turn)
        assert turn.error is None, turn.error
    motion = agent.motions().get(1)
    segments = (
        [[s.id, s.description, list(s.tokens), s.seed] for s in motion.segments] if motion else []
    )
    print(json.dumps({"unfinished": agent.unfinished(), "segments": segments}))
    connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
