"""A test that every reply of a conversation survives the program's being killed.

    python benchmarks/kills.py [--kills 200] [--seed 1]

Each time, a program holds a conversation and records every reply once it is given. It is killed
(SIGKILL) at a random moment. Another program then opens the conversation: the recorded replies are
there, in order, with their motions; there is at most one more turn (kept but not yet reported), and
an unfinished one can be finished.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from motion_agent.agent_graph import MotionAgent
from motion_agent.cli.checkpoints import LatestCheckpoints
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, Progress, Take
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore

REQUESTS = ("a person walks", "add a bow at the end", "add a jump at the end", "undo", "redo")
TURNS = 8
_FORK = multiprocessing.get_context("fork")  # a new process without loading everything again


@dataclass
class Count:
    """The outcome of the kills."""

    kills: int = 0
    replies: int = 0  # replies before the kills
    lost: int = 0  # of these, missing afterwards
    kept_untold: int = 0  # turns that were kept but not yet reported at the kill
    unfinished: int = 0  # turns that were resumed


class SlowEngine(FakeEngine):
    """Takes 10 ms, so that a kill can hit it."""

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        time.sleep(0.01)
        return super().generate(requests, progress=progress, cancel=cancel)


def whole_conversation(folder: Path) -> float:
    """Return how many seconds a conversation takes without a kill."""
    receiver, sender = _FORK.Pipe(duplex=False)
    requests = [REQUESTS[number % len(REQUESTS)] for number in range(TURNS)]
    process = _FORK.Process(target=_converse, args=(folder, "whole", requests, sender))
    process.start()
    receiver.recv()  # it has started
    begin = time.perf_counter()
    process.join()
    return time.perf_counter() - begin


def kill_once(folder: Path, moments: random.Random, count: Count, *, longest: float) -> None:
    """Hold a conversation in `folder`, kill it, and compare the record with what is kept.

    Args:
        folder: of the conversation.
        moments: random source for requests and the time of the kill.
        count: to update.
        longest: most seconds before the kill.
    """
    receiver, sender = _FORK.Pipe(duplex=False)
    thread = f"kill {count.kills}"
    requests = [REQUESTS[0], *moments.choices(REQUESTS, k=TURNS - 1)]
    process = _FORK.Process(target=_converse, args=(folder, thread, requests, sender))
    process.start()
    sender.close()
    receiver.recv()  # it has started
    time.sleep(moments.uniform(0, longest))  # seconds
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    turns_before: list[dict[str, Any]] = []
    try:
        while receiver.poll():
            turns_before.append(receiver.recv())
    except EOFError:
        pass
    kept = _in_another_program(folder, thread)
    replies = [turn["reply"] for turn in turns_before]
    same = [one == other for one, other in zip(replies, kept["replies"], strict=False)]
    count.lost += len(replies) - sum(same)
    if turns_before and kept["replies"] == replies and not kept["unfinished"]:
        count.lost += kept["motions"] != turns_before[-1]["motions"]
    count.kills += 1
    count.replies += len(turns_before)
    count.kept_untold += max(len(kept["replies"]) - len(replies), 0)
    count.unfinished += kept["unfinished"]


def _open(folder: Path) -> tuple[MotionAgent, sqlite3.Connection]:
    connection = sqlite3.connect(folder / "conversations.sqlite", check_same_thread=False)
    store = MotionStore(folder / "motions")
    agent = MotionAgent(
        engine=SlowEngine(), store=store, checkpointer=LatestCheckpoints(connection)
    )
    return agent, connection


def _converse(folder: Path, thread: str, requests: Sequence[str], sender: Connection) -> None:
    agent, _ = _open(folder)
    sender.send("begun")
    for request in requests:
        turn = agent.run(request, thread)
        sender.send({"reply": turn.reply, "motions": dict(agent.timeline(thread).motions)})


def _in_another_program(folder: Path, thread: str) -> dict[str, Any]:
    receiver, sender = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_look, args=(folder, thread, sender))
    process.start()
    sender.close()
    result: dict[str, Any] = receiver.recv()
    process.join()
    return result


def _look(folder: Path, thread: str, sender: Connection) -> None:
    agent, connection = _open(folder)
    state: Any = agent.graph.get_state({"configurable": {"thread_id": thread}}).values
    replies = [m.text for m in state.get("messages", ()) if isinstance(m, AIMessage)]
    motions = dict(agent.timeline(thread).motions)
    for motion_id in motions.values():
        agent.store.get(motion_id)
    unfinished = agent.unfinished(thread) is not None
    if unfinished:
        list(agent.resume(thread))
    connection.close()
    sender.send({"replies": replies, "motions": motions, "unfinished": unfinished})


def main() -> None:
    """Kill, and print the count as JSON."""
    parser = argparse.ArgumentParser(description="Kill conversations and check what is left.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    count, moments = Count(), random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        lasts = whole_conversation(Path(folder))
        for _ in range(arguments.kills):
            kill_once(Path(folder), moments, count, longest=lasts)
    print(json.dumps(vars(count)))
    raise SystemExit(1 if count.lost else 0)


if __name__ == "__main__":
    main()
