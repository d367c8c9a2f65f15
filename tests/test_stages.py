"""Where the time of a command goes."""

from __future__ import annotations

import re
import threading
import time
from contextvars import copy_context
from pathlib import Path

import pytest
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.stages import count_stages, stage, stop_counting


def test_a_stage_has_the_seconds_that_no_stage_inside_has() -> None:
    def inner() -> None:
        with stage("inner"):
            time.sleep(0.2)

    stages = count_stages()
    try:
        with stage("outer"):
            time.sleep(0.1)
            inner()
            thread = threading.Thread(target=copy_context().run, args=(inner,))
            thread.start()
            thread.join()
        total, rest = stages.total(), stages.rest()
    finally:
        stop_counting()
    outer, within = stages.seconds["outer"], stages.seconds["inner"]
    assert list(stages.seconds) == ["inner", "outer"] and within.times == 2
    assert within.elapsed >= 0.4 and 0.1 <= outer.elapsed < within.elapsed
    parts = outer.elapsed + within.elapsed + rest.elapsed
    assert parts == pytest.approx(total.elapsed, abs=0.05)
    with stage("later"):
        pass
    assert "later" not in stages.seconds  # nobody counts any more


def test_verbose_tells_where_the_time_went(tmp_path: Path) -> None:
    words = ["run", "a man walks, then waves", "--engine", "fake", "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["--verbose", *words, "--format", "npz,bvh"])
    assert result.exit_code == 0, result.stderr
    table = result.stderr[result.stderr.index("stage ") :]
    rows = {m[1]: m for m in re.finditer(r"(?m)^(\S.*?) +(\d+) +(-?[\d.]+) +(-?[\d.]+)$", table)}
    assert {"plan", "graph", "imports", "writing .npz", "writing .bvh", "all"} <= rows.keys()
    seconds = {name: float(match[3]) for name, match in rows.items()}
    assert sum(seconds.values()) - seconds["all"] == pytest.approx(seconds["all"], abs=0.2)
    quiet = CliRunner().invoke(app, words)
    assert quiet.exit_code == 0 and "processor seconds" not in quiet.stderr
