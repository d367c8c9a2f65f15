"""The speed of rendering on one core, and that a long motion needs no more memory.

    OMP_NUM_THREADS=1 python benchmarks/rendering.py [FILE] [--size 960x540] [--long]

Renders FILE (by default a clip of ../shared/data/humanml3d-sample, repeated to half a minute)
with a standing camera, with one that follows, with two people, and as a GIF, and paints a film
strip. The process is bound to one core if the system allows it. `--long` also renders ten
minutes and compares peak memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.rendering import Body, Placement, film_strip, render_video

SAMPLE = Path(__file__).resolve().parents[2] / "shared/data/humanml3d-sample/new_joint_vecs"
GOAL = 10.0  # times real time


def repeated(motion: Motion, seconds: float) -> Motion:
    """Return the motion repeated, in segments of 4 seconds with captions to draw."""
    frames = int(seconds * 20) // 80 * 80
    features = motion.features[np.arange(frames) % len(motion)]
    segments = tuple(
        Segment(f"s{i + 1}", f"a person does it again, part {i + 1}", (i,) * 20)
        for i in range(frames // 80)
    )
    return Motion(features, segments)


def timed(motion: Motion | list[Body], path: Path, **options: object) -> tuple[float, float]:
    """Return wall and CPU seconds of rendering, or of a film strip."""
    wall, cpu = time.perf_counter(), time.process_time()
    if path.suffix == ".png":
        film_strip(motion, path)
    else:
        render_video(motion, path, **options)  # type: ignore[arg-type]
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_memory(seconds: float, source: Path, size: tuple[int, int]) -> float:
    """Return the peak memory in MB of a process that renders a motion of that length."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_render_alone, (seconds, source, size))


def _render_alone(seconds: float, source: Path, size: tuple[int, int]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        render_video(repeated(read_motion(source), seconds), Path(folder) / "a.mp4", size=size)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=SAMPLE / "012314.npy")
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--seconds", type=float, default=28.0)
    parser.add_argument(
        "--long", action="store_true", help="also render ten minutes, for the memory"
    )
    arguments = parser.parse_args()
    size = tuple(int(side) for side in arguments.size.split("x"))
    if not arguments.file.exists():
        sys.exit(f"no motion at {arguments.file}; give a .npy, .npz or .bvh file")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    motion = repeated(read_motion(arguments.file), arguments.seconds)
    assert motion.joints.shape[0] == len(motion)  # computed before the clock starts
    pair = [Body(motion), Body(motion, Placement(180.0, 0.0, 2.0))]
    print(f"{motion.duration:.0f} s of motion at {size[0]}×{size[1]}, one core")
    print(f"{'':24}{'wall s':>8}{'× real time':>13}{'CPU s':>8}{'× real time':>13}{'MB':>7}")
    slowest = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        mp4, gif, strip = (Path(folder) / f"motion{suffix}" for suffix in (".mp4", ".gif", ".png"))
        render_video(repeated(motion, 4.0), mp4, size=size)  # loads fonts and codecs
        for name, who, path, options in (
            ("standing camera", motion, mp4, {"size": size, "camera": "frame"}),
            ("following camera", motion, mp4, {"size": size, "camera": "follow"}),
            ("two people", pair, mp4, {"size": size, "camera": "frame"}),
            ("GIF, standing", motion, gif, {"camera": "frame"}),
            ("GIF, following", motion, gif, {"camera": "follow"}),
            ("film strip", motion, strip, {}),
        ):
            wall, cpu = timed(who, path, **options)
            ratios = motion.duration / wall, motion.duration / cpu
            slowest = min(slowest, ratios[1])
            megabytes = path.stat().st_size / 1e6
            print(
                f"{name:24}{wall:8.2f}{ratios[0]:13.1f}{cpu:8.2f}{ratios[1]:13.1f}{megabytes:7.2f}"
            )
    if arguments.long:
        short, long = (peak_memory(s, arguments.file, size) for s in (30, 600))
        print(f"peak memory: {short:.0f} MB for 30 s, {long:.0f} MB for 10 minutes")
    verdict = "reached" if slowest >= GOAL else "MISSED"
    print(
        f"goal: {GOAL:.0f} × real time, by CPU time since other work may share the core: {verdict}"
    )
    sys.exit(slowest < GOAL)


if __name__ == "__main__":
    main()
