"""Many prompts in one process: nothing lost, nothing twice, a bad row is a row."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from motion_agent import read_motion
from motion_agent.batch import BatchSettings, BatchSummary, read_results, run_batch
from motion_agent.cli import app
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, Take
from motion_agent.motion_core.errors import Cancelled, InputError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine

pytest.importorskip("pyarrow", reason="needs the extra batch")

SMALL = BatchSettings(shard=4, captions=True)
VERBS = ("walks", "waves", "bows", "jumps", "kicks")


def write(path: Path, rows: Sequence[object]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def good(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"a person {VERBS[n % 5]}", "seed": n, "seconds": 1} for n in range(count)]


def test_every_row_has_its_motion_in_order(tmp_path: Path) -> None:
    prompts, out = write(tmp_path / "p.jsonl", good(10)), tmp_path / "out"
    progress: list[tuple[int, int]] = []
    done = run_batch(prompts, out, FakeEngine(), SMALL, progress=lambda *p: progress.append(p))
    assert done == BatchSummary(rows=10, made=10, failed=0, kept=0)
    assert progress == [(4, 10), (8, 10), (10, 10)]
    names = [f"part-{n:05d}.parquet" for n in range(3)]
    assert sorted(p.name for p in out.iterdir()) == ["batch.json", *names]
    rows = list(read_results(out))
    assert [row["row"] for row in rows] == list(range(10))
    for row in rows:
        (tmp_path / "m.npz").write_bytes(row["motions"][0])
        motion = read_motion(tmp_path / "m.npz")
        assert list(motion.tokens) == row["tokens"] and row["seconds"] == motion.duration == 1
        assert VERBS[row["row"] % 5] in row["caption"] and row["error"] is None
        assert row["score"] == 1 and row["unknown"] == []


def test_a_row_is_the_same_in_every_shard_and_alone(tmp_path: Path) -> None:
    prompts = write(tmp_path / "p.jsonl", good(7))
    rows = []
    for shard in (2, 7):
        run_batch(prompts, tmp_path / str(shard), FakeEngine(), BatchSettings(shard=shard))
        rows.append([row["tokens"] for row in read_results(tmp_path / str(shard))])
    last = write(tmp_path / "last.jsonl", good(7)[-1:])
    run_batch(last, tmp_path / "last", FakeEngine())
    assert rows[0] == rows[1]
    assert rows[0][-1] == next(read_results(tmp_path / "last"))["tokens"]


def test_a_bad_row_is_a_failure_in_its_place(tmp_path: Path) -> None:
    bad = [
        "{not json",
        {"prompt": ""},
        {"text": "a man waves"},
        {"prompt": "a man waves", "seed": -1},
        {"prompt": "a man waves", "seconds": -1},
        {"prompt": "a man waves", "sceonds": 1},
        {"prompt": 3},
    ]
    rows = [*bad, {"prompt": "a man waves", "id": "good"}]
    out = tmp_path / "out"
    done = run_batch(write(tmp_path / "p.jsonl", rows), out, FakeEngine(), SMALL)
    assert (done.made, done.failed) == (1, len(bad))
    results = list(read_results(out))
    assert [row["error_kind"] for row in results] == ["InputError"] * len(bad) + [None]
    assert all(row["error"] and not row["motions"] for row in results[:-1])
    assert "unknown field 'sceonds'" in results[5]["error"] and results[-1]["id"] == "good"


class Unreachable(FakeEngine):
    """Goes out of reach when somebody is to crawl."""

    def generate(self, requests: Sequence[GenerationRequest], **control: Any) -> list[Take]:
        if any("crawl" in request.description for request in requests):
            raise UnavailableError("the server is down")
        return super().generate(requests, **control)


@pytest.mark.parametrize("planner", ["", "offline"])
def test_a_hostile_row_does_not_end_the_others(planner: str, tmp_path: Path) -> None:
    hostile = [
        r'{"prompt": "walks \ud800"}',
        r'{"prompt": "walks", "id": "\udfff"}',
        '{"prompt": "walks", "seconds": 1' + "0" * 400 + "}",
        '{"prompt": "walks", "seconds": NaN}',
        '{"prompt": "walks", "seed": ' + "9" * 5000 + "}",
        '{"prompt": ' + "[" * 50_000,
        "[" * 50_000,
    ]
    prompts = write(tmp_path / "p.jsonl", [*hostile, {"prompt": "a person walks"}])
    run_batch(prompts, tmp_path / "out", FakeEngine(), BatchSettings(planner=planner))
    rows = list(read_results(tmp_path / "out"))
    assert all(row["error_kind"] == "InputError" for row in rows[:-1])
    assert rows[-1]["error"] is None and len(rows) == len(hostile) + 1


def test_a_forged_manifest_is_damaged(tmp_path: Path) -> None:
    prompts = write(tmp_path / "p.jsonl", good(1))
    (tmp_path / "batch.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="damaged"):
        run_batch(prompts, tmp_path, FakeEngine())


def test_what_was_stopped_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    rows = [*good(9), {"prompt": "a person crawls"}, *good(2)]
    prompts, out = write(tmp_path / "p.jsonl", rows), tmp_path / "out"
    with pytest.raises(UnavailableError, match="server is down"):
        run_batch(prompts, out, Unreachable(), SMALL)
    before = {path.name: path.read_bytes() for path in out.glob("*.parquet")}
    assert len(before) == 2
    engine = FakeEngine()
    done = run_batch(prompts, out, engine, SMALL)
    assert done == BatchSummary(rows=12, made=4, failed=0, kept=8)
    assert sum(map(len, engine.generated)) == 4
    assert all((out / name).read_bytes() == data for name, data in before.items())
    assert [row["row"] for row in read_results(out)] == list(range(12))
    again = FakeEngine()
    assert run_batch(prompts, out, again, SMALL).kept == 12 and not again.generated


def test_a_kill_leaves_whole_shards_only(tmp_path: Path) -> None:
    prompts, out = write(tmp_path / "p.jsonl", good(12)), tmp_path / "out"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from motion_agent.batch import BatchSettings, run_batch\n"
        "from motion_agent.motion_core.fake import FakeEngine\n"
        "def kill(done, total):\n"
        "    if done == 8: os.kill(os.getpid(), 9)\n"
        "settings = BatchSettings(shard=4, captions=True)\n"
        "run_batch(Path(sys.argv[1]), Path(sys.argv[2]), FakeEngine(), settings, progress=kill)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(prompts), str(out)])
    assert done.returncode == -9
    assert len(list(read_results(out))) == 8
    assert run_batch(prompts, out, FakeEngine(), SMALL) == BatchSummary(12, 4, 0, 8)
    assert [row["row"] for row in read_results(out)] == list(range(12))


def test_cancelling_ends_the_batch(tmp_path: Path) -> None:
    prompts, cancel = write(tmp_path / "p.jsonl", good(8)), CancelToken()
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        run_batch(
            prompts, out, FakeEngine(), SMALL, progress=lambda *p: cancel.cancel(), cancel=cancel
        )
    assert [path.name for path in out.glob("*.parquet")] == ["part-00000.parquet"]


def test_results_of_another_batch_are_refused(tmp_path: Path) -> None:
    prompts, out = write(tmp_path / "p.jsonl", good(3)), tmp_path / "out"
    run_batch(prompts, out, FakeEngine(), SMALL)
    with pytest.raises(InputError, match=r"another batch: seed changed"):
        run_batch(prompts, out, FakeEngine(), BatchSettings(shard=4, captions=True, seed=1))
    with pytest.raises(InputError, match=r"another batch: prompts, rows changed"):
        run_batch(write(prompts, good(4)), out, FakeEngine(), SMALL)
    with pytest.raises(InputError, match="no rows"):
        run_batch(write(prompts, [""]), tmp_path / "new", FakeEngine())


def test_a_planner_makes_several_actions_of_a_prompt(tmp_path: Path) -> None:
    prompts = write(
        tmp_path / "p.jsonl",
        [{"prompt": "A man walks, then bows."}, {"prompt": "A man walks.", "seconds": 2}],
    )
    out = tmp_path / "out"
    done = run_batch(prompts, out, FakeEngine(), BatchSettings(planner="offline"))
    assert (done.made, done.failed) == (1, 1)
    first, second = read_results(out)
    (tmp_path / "m.npz").write_bytes(first["motions"][0])
    assert [s.id for s in read_motion(tmp_path / "m.npz").segments] == ["s1", "s2"]
    assert "a planner decides the seconds" in second["error"]


def test_the_command_tells_what_became_of_the_rows(tmp_path: Path) -> None:
    prompts = write(tmp_path / "p.jsonl", [*good(2), "no row"])
    words = ["batch", str(prompts), "--out", str(tmp_path / "out"), "--engine", "fake", "--json"]
    summary = json.loads(CliRunner().invoke(app, words).stdout)
    assert (summary["rows"], summary["made"], summary["failed"], summary["kept"]) == (3, 2, 1, 0)
    again = CliRunner().invoke(app, words[:-1])
    assert "3 rows, 0 made, 0 failed, 3 from before" in again.stdout
