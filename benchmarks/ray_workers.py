"""Many prompts on a local Ray cluster, a worker of which is killed: is it what one process makes?

    python benchmarks/ray_workers.py --prompts 2000 --engine motionllm
    python benchmarks/ray_workers.py --prompts 10000 --engine fake

A motion of one second for each prompt, by two workers. When a third is done one of them is killed.
Shown are what is lost, what is there twice, and how many rows differ from those of one process.
Run again with the same --out it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
from collections import Counter
from itertools import zip_longest
from pathlib import Path
from typing import Any

from motion_agent import load_engine
from motion_agent.batch import BatchSettings, read_results, run_batch
from motion_agent.motion_core.stages import peak_memory
from motion_agent.ray_workers import RayWorkers

VERBS = ("walks", "waves", "jumps", "sits down", "kicks", "turns around", "bows", "dances")
HOW = ("slowly", "quickly", "happily", "sadly", "twice", "forward", "backward", "to the left")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--engine", default="motionllm")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard", type=int, default=64, help="rows in each file")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    prompts = _prompts(arguments.out / "prompts.jsonl", arguments.prompts)
    settings, engine = BatchSettings(shard=arguments.shard), load_engine(arguments.engine)
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if not killed and 3 * done >= total and (found := _workers()):
            os.kill(found[0], signal.SIGKILL)
            killed.append(found[0])

    for name in ("ray", "alone"):
        make = RayWorkers(arguments.engine, settings, arguments.workers) if name == "ray" else None
        begin, progress = time.perf_counter(), kill if make else None
        out = arguments.out / name
        done = run_batch(prompts, out, engine, settings, make=make, progress=progress)
        print(f"{name}: {done}, {time.perf_counter() - begin:.0f} s", flush=True)
    print(f"workers killed: {len(killed)}; peak memory of this process {_peak():.0f} MB")
    _compare(arguments.out, arguments.prompts)


def _prompts(path: Path, count: int) -> Path:
    rows = [
        {"prompt": f"a person {VERBS[n % 8]} {HOW[n // 8 % 8]}", "seed": n, "seconds": 1}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _workers() -> list[int]:
    table = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in table.splitlines() if "ray::_Worker" in line]


def _peak() -> float:
    return (peak_memory() or 0) / 1e6


def _compare(out: Path, count: int) -> None:
    times: Counter[int] = Counter()
    differ = 0
    nothing: dict[str, Any] = {}
    pairs = zip_longest(read_results(out / "ray"), read_results(out / "alone"), fillvalue=nothing)
    for ours, theirs in pairs:
        times[ours.get("row", -1)] += 1
        differ += ours.get("tokens") != theirs.get("tokens")
    lost = sum(not times[row] for row in range(count))
    double = sum(number > 1 for number in times.values())
    print(f"lost {lost}, twice {double}, other tokens than one process {differ} of {count}")


if __name__ == "__main__":
    main()
