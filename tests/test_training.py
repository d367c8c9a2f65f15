"""The training loop: continue after any kind of end, and leave nothing half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fakes import PATIENCE

from motion_agent.motion_core.atomic import replacing
from motion_agent.motion_core.errors import (
    ConfigurationError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.training import TrainingRun
from motion_agent.motion_core.training import run as training_run


class Walk:
    """A random walk that draws from all three global generators."""

    def __init__(self) -> None:
        self.place = torch.zeros(3)

    def step(self) -> float:
        self.place += torch.randn(3)
        self.place[0] += float(np.random.rand())
        self.place[1] += random.random()
        return float(self.place.abs().sum()) + 1

    def save(self) -> dict[str, Any]:
        return {"place": self.place}

    def load(self, state: dict[str, Any]) -> None:
        self.place = state["place"]


def seed() -> None:
    torch.manual_seed(1)
    np.random.seed(2)
    random.seed(3)


def walk(folder: Path, steps: int, stop_at: int | None = None) -> Walk:
    walker = Walk()
    run = TrainingRun(folder, steps=steps, title="walk", save=walker.save)
    run.resume(walker.load)
    for step in run:
        run.log(loss=walker.step())
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
    return walker


def test_an_interrupted_run_continues_bit_for_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed()
    whole = walk(tmp_path / "whole", 20)
    seed()
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path / "parts", 20, stop_at=7)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line == (
        f"walk: stopped after step 8 of 20; saved in {tmp_path / 'parts' / 'state.pt'}, "
        "the same command continues"
    )
    seed_elsewhere = torch.randn(5)  # the generators are somewhere else by now
    assert seed_elsewhere.shape == (5,)
    parts = walk(tmp_path / "parts", 20)
    assert torch.equal(whole.place, parts.place)
    logs = [(tmp_path / name / "log.csv").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]
    assert len(logs[0].splitlines()) == 21


def test_ctrl_c_keeps_the_callers_handlers(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path, 5, stop_at=2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_rows_of_lost_steps_are_dropped_on_resume(tmp_path: Path) -> None:
    def crash(folder: Path) -> None:
        walker = Walk()
        run = TrainingRun(folder, steps=10, title="walk", save=walker.save)
        for step in run:
            run.log(loss=walker.step())
            if step == 3:
                run.save_now()  # holds steps 0 to 2: step 3 is not over
            if step == 6:
                raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        crash(tmp_path)
    walk(tmp_path, 10)
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(10))


def test_a_torn_last_row_of_the_log_is_left_out(tmp_path: Path) -> None:
    walk(tmp_path, 4)
    log = tmp_path / "log.csv"
    log.write_text(log.read_text() + "4,0.1e")
    walk(tmp_path, 6)
    assert [row.split(",")[0] for row in log.read_text().splitlines()[1:]] == list("012345")


def test_a_name_that_is_logged_late_gets_a_column(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, steps=4, save=dict)
    for step in run:
        run.log(loss=1.5, **({"test": 2.5} if step == 2 else {}))
    rows = (tmp_path / "log.csv").read_text().splitlines()
    assert rows == ["step,loss,test", "0,1.5,", "1,1.5,", "2,1.5,2.5", "3,1.5,"]


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    first = walk(tmp_path, 3)
    again = walk(tmp_path, 3)
    assert torch.equal(first.place, again.place)


def test_time_is_counted_over_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(training_run, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for steps in (2, 4):
        run = TrainingRun(tmp_path, steps=steps, save=dict)
        run.resume(lambda state: None)
        for _ in run:
            now[0] += 0.5
        now[0] += 7  # between the parts
    assert run.seconds == 2.0


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    walk(tmp_path, 5)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_temporary_is_left(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    walk(tmp_path, 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "log.csv", "state.pt"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_diverged_loss_ends_the_training(tmp_path: Path, value: float) -> None:
    run = TrainingRun(tmp_path, steps=3, title="walk", save=dict)
    with pytest.raises(ConfigurationError, match=r"walk: loss is (nan|inf) at step 0; lower"):
        for _ in run:
            run.log(loss=value)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "foreign", "pickle"])
def test_a_damaged_state_is_told_in_one_line(tmp_path: Path, damage: str) -> None:
    walk(tmp_path, 3)
    path = tmp_path / "state.pt"
    whole = path.read_bytes()
    if damage == "foreign":
        torch.save({"hello": 1}, path)
    elif damage == "pickle":
        torch.save(Walk(), path)  # would run code of its own on loading
    else:
        cut = whole[: len(whole) // 2]
        middle = whole[:200] + bytes(255 - byte for byte in whole[200:400]) + whole[400:]
        path.write_bytes({"empty": b"", "cut": cut, "flipped": middle}[damage])
    with pytest.raises(IntegrityError, match="delete it to start the training again") as caught:
        walk(tmp_path, 5)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_state_of_another_training_is_refused(tmp_path: Path) -> None:
    walk(tmp_path, 3)
    run = TrainingRun(tmp_path, steps=3, title="run", save=dict)
    with pytest.raises(ConfigurationError, match="state of 'walk', not of 'run'"):
        run.resume(lambda state: None)


def test_no_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="steps is 0"):
        TrainingRun(tmp_path, steps=0, save=dict)


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        TrainingRun(tmp_path / "file" / "run", steps=3, save=dict)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder_is_told_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UnavailableError, match="Permission denied"):
        TrainingRun(tmp_path, steps=3, save=dict)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    with replacing(path) as temporary:
        temporary.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("killed")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["weights.bin"]


_PROGRAM = """
import sys, time, torch
from motion_agent.motion_core.training import TrainingRun
place = torch.zeros(1)
run = TrainingRun(sys.argv[1], steps=10_000, title="walk", save=lambda: {"place": place})
run.resume(lambda state: place.copy_(state["place"]))
try:
    for step in run:
        assert place.item() == step
        place += 1
        run.log(loss=1.0)
        if step == 5:
            print("running", flush=True)
        time.sleep(0.002)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_a_state_to_continue_from(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(number)
    _, output = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    lines = output.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("walk: stopped after step ")
    place = torch.zeros(1)
    run = TrainingRun(tmp_path, steps=10_000, title="walk", save=dict)
    first = run.resume(lambda state: place.copy_(state["place"]))
    assert 5 < first < 10_000
    assert place.item() == first
