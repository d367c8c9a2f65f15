"""Batches on a Ray cluster of this computer: as in one process, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_batch import good, write
from typer.testing import CliRunner

from motion_agent.batch import BatchSettings, BatchSummary, read_results, run_batch
from motion_agent.cli import app
from motion_agent.motion_core.errors import UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.ray_workers import RayWorkers

SMALL = BatchSettings(shard=4)


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    prompts = write(tmp_path / "p.jsonl", good(2))
    words = ["batch", str(prompts), "--out", str(tmp_path / "out"), "--engine", "fake"]
    result = CliRunner().invoke(app, [*words, "--workers", "2"])
    assert result.exit_code != 0 and "motion-agent[ray]" in result.stderr


def test_a_killed_worker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    prompts, out = write(tmp_path / "p.jsonl", [*good(30), "no row"]), tmp_path / "out"
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed and done >= 8:
            killed.append(workers()[0])
            os.kill(killed[0], signal.SIGKILL)

    make = RayWorkers("fake", SMALL, workers=2)
    done = run_batch(prompts, out, FakeEngine(), SMALL, make=make, progress=kill_one)
    assert killed and done == BatchSummary(rows=31, made=30, failed=1, kept=0)
    run_batch(prompts, tmp_path / "alone", FakeEngine(), SMALL)
    assert list(read_results(out)) == list(read_results(tmp_path / "alone"))


def test_a_server_that_is_down_ends_the_batch_and_it_goes_on_later(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    prompts, out = write(tmp_path / "p.jsonl", good(8)), tmp_path / "out"
    engine = tmp_path / "down.py"
    engine.write_text(
        "from motion_agent.motion_core.errors import UnavailableError\n"
        "from motion_agent.motion_core.fake import FakeEngine\n"
        "class Down(FakeEngine):\n"
        "    def generate(self, requests, **options):\n"
        "        raise UnavailableError('no server answers')\n"
    )
    with pytest.raises(UnavailableError, match="no server answers"):
        make = RayWorkers(f"{engine}:Down", SMALL, workers=1)
        run_batch(prompts, out, FakeEngine(), SMALL, make=make)
    assert run_batch(prompts, out, FakeEngine(), SMALL).made == 8


def workers() -> list[int]:
    """Processes of this computer that Ray calls by the name of our worker."""
    for _ in range(100):
        table = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
        found = [int(line.split()[0]) for line in table.splitlines() if "ray::_Worker" in line]
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("Ray shows no worker")
