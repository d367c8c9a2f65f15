"""A store of 100,000 motions: CPU seconds of a list, the latest and an unknown id.

    python benchmarks/store_listing.py [--motions 100000]

All files but one are empty: only their names matter here.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.store import MotionStore


def seconds(work: Callable[[], object]) -> float:
    """Return the best time of three."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return round(min(times), 4)


def main() -> None:
    """Fill a store, measure and print JSON."""
    parser = argparse.ArgumentParser(description="Measure a large motion store.")
    parser.add_argument("--motions", type=int, default=100_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(arguments.motions):
            (folder / f"m-{number:07x}.npz").touch()
        begin = time.process_time()
        store = MotionStore(folder)
        store.add(Motion(FakeEngine().decode([1, 2])))
        first = round(time.process_time() - begin, 4)

        def unknown() -> None:
            try:
                store.get("m-ffffff")
            except InputError:
                return

        begin = time.process_time()
        store.add(Motion(FakeEngine().decode([3, 4])))
        further = round(time.process_time() - begin, 4)
        results = {"motions": len(store), "first add": first, "further add": further}
        results["list"] = seconds(MotionStore(folder).list)
        os.utime(folder)  # as if another program had added a file
        begin = time.process_time()
        MotionStore(folder).list()
        results["list after a change"] = round(time.process_time() - begin, 4)
        results |= {"latest": seconds(store.latest), "unknown id": seconds(unknown)}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
