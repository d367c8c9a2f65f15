"""Memory of one engine as the number of users grows.

    python benchmarks/tenants.py [--users 100] [--seconds 2]

Each user has motions of their own (`motion_tools(user=…)`, in one folder) and makes, edits, lists
and captions; ten at a time, as one batch. Printed are the resident memory of this process after so
many users, and what a second engine would add.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.limits import DEFAULT_ENGINE
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools

AT_ONCE = 10
ACTIONS = ("walks", "bows", "runs", "waves with both hands", "sits down")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2, help="of each new segment")
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    arguments = parser.parse_args()
    engine = load_engine(arguments.engine)
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(engine, MotionStore(Path(folder, "motions")), Path(folder, "files"))
        use(studio, 0, arguments.seconds)
        print("| users | resident memory, GB |")
        print("|---|---|")
        print(f"| 1 | {resident():.3f} |", flush=True)
        for first in range(1, arguments.users, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, arguments.users))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda number: use(studio, number, arguments.seconds), numbers))
            print(f"| {numbers[-1] + 1} | {resident():.3f} |", flush=True)
    before = resident()
    other = load_engine(arguments.engine)
    use(Studio(other), 0, arguments.seconds)
    print(f"\nA second engine adds {resident() - before:.3f} GB.")


def use(studio: Studio, number: int, seconds: float) -> None:
    """Do what one user does."""
    tools = {tool.name: tool for tool in motion_tools(studio=studio, user=f"user {number}")}

    def call(name: str, **arguments: Any) -> Any:
        message = {"name": name, "args": arguments, "id": "1", "type": "tool_call"}
        answer = tools[name].invoke(message)
        assert answer.status == "success", answer.text
        return answer.artifact

    text = f"a person {ACTIONS[number % len(ACTIONS)]}"
    made = call("generate_motion", descriptions=[text], seconds=seconds, seed=number)["motion_id"]
    bow = {"operation": "insert", "description": "a person bows", "seconds": seconds}
    edited = call("edit_motion", motion=made, **bow)["motion_id"]
    call("caption_motion", motion=edited)
    assert len(call("list_motions")["motions"]) == 2


def resident() -> float:
    """Return this process's resident memory in GB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


if __name__ == "__main__":
    main()
