"""A motion store of 100,000 motions: how long a list, the latest and an unknown id take.

    python benchmarks/store_listing.py [--motions 100000]

The files are empty but for one: only their names count here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.store import MotionStore


def seconds(work: Callable[[], object]) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return round(min(times), 4)


def main() -> None:
    """Fill a store, measure and print JSON."""
    parser = argparse.ArgumentParser(description="Measure a large motion store.")
    parser.add_argument("--motions", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(given.motions):
            (folder / f"m-{number:07x}.npz").touch()
        begin = time.perf_counter()
        store = MotionStore(folder)
        store.add(Motion(FakeEngine().decode([1, 2])))
        first = round(time.perf_counter() - begin, 4)

        def unknown() -> None:
            try:
                store.get("m-ffffff")
            except InputError:
                return

        found = {"motions": len(store), "first add": first, "list": seconds(store.list)}
        found |= {"latest": seconds(store.latest), "unknown id": seconds(unknown)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
