"""A race in which another program swaps folders and files for links while a workspace is in use.

    python benchmarks/workspace_races.py [--attempts 132000] [--seed 1]

Beside the workspace is a folder with a file of the same name, which must not be read or written.
The other program replaces the workspace's own folder and file with links to it and back, as fast as
it can. Nothing that is read may come from there, nothing may be written there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from motion_agent.motion_core.errors import MotionAgentError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.workspace import Workspace

NAME = "sub/walk.npz"
_FORK = multiprocessing.get_context("fork")


def exchange(inside: Path, outside: Path) -> None:
    """Swap the folder and the file for links and back, forever."""
    own = [inside / "sub", inside / NAME]
    while True:
        for path, target in zip(own, (outside / "sub", outside / NAME), strict=True):
            aside = inside / f"aside-{path.name}"
            with suppress(OSError):
                path.rename(aside)
                os.symlink(target, path)
                path.unlink()
            with suppress(OSError):
                aside.rename(path)


def attempt(workspace: Workspace, new: str, own: str) -> str:
    """Write a new file, or read if no name is given; return the outcome."""
    try:
        if new:
            workspace.write(new, _write)
            return "written"
        return "read" if workspace.read(NAME).digest == own else "READ OUTSIDE"
    except MotionAgentError:
        return "refused"


def _write(path: Path) -> list[Path]:
    path.write_text("new")
    return [path]


def main() -> None:
    """Run the race and print its counts as JSON."""
    parser = argparse.ArgumentParser(description="Race to escape from a workspace.")
    parser.add_argument("--attempts", type=int, default=132_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, part) for part in ("inside", "outside")]
        for token, folder in enumerate(folders, start=1):
            (folder / "sub").mkdir(parents=True)
            save_npz(Motion(FakeEngine().decode([token])), folder / NAME)
        inside, outside = folders
        workspace, chance = Workspace(inside), random.Random(arguments.seed)
        own = workspace.read(NAME).digest
        there = {path.name for path in outside.rglob("*")}
        other = _FORK.Process(target=exchange, args=(inside, outside), daemon=True)
        other.start()
        begin = time.monotonic()
        for number in range(arguments.attempts):
            new = f"sub/new-{number}.txt" if chance.random() < 0.5 else ""
            counts[attempt(workspace, new, own)] += 1
        other.kill()
        other.join()
        counts["WRITTEN OUTSIDE"] = len({path.name for path in outside.rglob("*")} - there)
        seconds = round(time.monotonic() - begin, 1)
    print(json.dumps({"attempts": arguments.attempts, "seconds": seconds, **counts}))
    raise SystemExit(1 if counts["READ OUTSIDE"] or counts["WRITTEN OUTSIDE"] else 0)


if __name__ == "__main__":
    main()
