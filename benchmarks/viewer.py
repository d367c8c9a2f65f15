"""The size of the interactive page, how fast it opens and what a frame costs, in Chromium.

    python benchmarks/viewer.py [FILE] [--seconds 10 600]

Opens pages of FILE (by default a clip of ../shared/data/humanml3d-sample, repeated) for one and for
two people in headless Chromium, through Playwright, from disk. Without a graphics card, Chromium
draws in software: its frame rate then says nothing about a real screen, so what counts is the time
that the page's own script takes in each frame: 60 frames a second leave 16.7 ms for everything.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.rendering import Body, Placement, write_player

SAMPLE = Path(__file__).resolve().parents[2] / "shared/data/humanml3d-sample/new_joint_vecs"
SOFTWARE_GL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
OPENS = 2.0  # seconds
SCRIPT = 8.0  # ms of each frame; the other half of 16.7 ms is the browser's
PLAYED = 4000  # ms


def repeated(motion: Motion, seconds: float) -> Motion:
    """Return the motion repeated, in segments of 4 seconds."""
    frames = max(80, int(seconds * 20) // 80 * 80)
    features = motion.features[np.arange(frames) % len(motion)]
    segments = tuple(
        Segment(f"s{i + 1}", f"a person does it again, part {i + 1}", (i % 512,) * 20)
        for i in range(frames // 80)
    )
    return Motion(features, segments)


def waited(page: Any, expression: str) -> None:
    while not page.evaluate(expression):
        page.wait_for_timeout(20)


def measured(browser: Any, path: Path) -> tuple[float, float, float, float]:
    """Return seconds until the first picture; ms of script and of style and layout per frame;
    fps.
    """
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(path.as_uri())
    waited(page, "performance.getEntriesByName('motion drawn').length > 0")
    opened = page.evaluate("performance.getEntriesByName('motion drawn')[0].startTime / 1000")
    page.evaluate(
        "window.ticks = 0; (function tick() { window.ticks++; requestAnimationFrame(tick); })()"
    )
    page.evaluate("motionPlayer.seek(Math.floor(motionPlayer.frames / 3)); motionPlayer.play()")
    waited(page, "window.ticks > 45")  # by then it knows the speed of drawing here
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before, ticks = page_times(session), page.evaluate("window.ticks")
    page.wait_for_timeout(PLAYED)
    after, frames = page_times(session), page.evaluate("window.ticks") - ticks
    spent = {name: (after[name] - before[name]) / frames * 1000 for name in after}
    page.close()
    layout = spent["LayoutDuration"] + spent["RecalcStyleDuration"]
    return opened, spent["ScriptDuration"], layout, frames / PLAYED * 1000


def page_times(session: Any) -> dict[str, float]:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=SAMPLE / "012314.npy")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 600.0])
    arguments = parser.parse_args()
    if not arguments.file.exists():
        sys.exit(f"no motion at {arguments.file}; give a .npy, .npz or .bvh file")
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    missed = []
    print(f"{'':26}{'MB':>7}{'opens s':>9}{'script ms':>11}{'layout ms':>11}{'frames/s':>10}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        options = ["--no-sandbox", *SOFTWARE_GL]
        browser = driver.chromium.launch(executable_path=chromium, args=options)
        for seconds in arguments.seconds:
            motion = repeated(read_motion(arguments.file), seconds)
            pair = [Body(motion), Body(motion, Placement(180.0, 0.0, 2.0))]
            for name, who in (("one person", motion), ("two people", pair)):
                path = write_player(who, Path(folder) / "motion.html")
                opened, script, layout, frames = measured(browser, path)
                label = f"{motion.duration:.0f} s, {name}"
                size = path.stat().st_size / 1e6
                print(
                    f"{label:26}{size:7.2f}{opened:9.2f}{script:11.2f}{layout:11.2f}{frames:10.1f}"
                )
                if opened > OPENS or script > SCRIPT:
                    missed.append(label)
        browser.close()
    verdict = f"MISSED by {', '.join(missed)}" if missed else "reached"
    print(f"goal: opens in {OPENS:.0f} s, at most {SCRIPT:.0f} ms of script a frame: {verdict}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
