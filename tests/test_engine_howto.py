"""The engine of the documentation works as it stands there, from the command line on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from motion_agent import MotionAgent
from motion_agent.cli import app
from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.engines import load_engine

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "engines.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    code = re.search(r'^```python title="swaying.py"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
    assert code is not None
    assert len(code[1].splitlines()) <= 40
    path = tmp_path / "swaying.py"
    path.write_text(code[1])
    return path


def test_it_makes_motion_on_the_command_line(file: Path) -> None:
    arguments = ["run", "A person sways, then sways.", "--engine", f"{file}:SwayingEngine"]
    options = ["--out", str(file.parent), "--format", "npz"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert len(list(file.parent.glob("*.npz"))) == 1


def test_its_features_come_out_bit_for_bit_and_no_batch_changes_them(file: Path) -> None:
    engine = load_engine(f"{file}:SwayingEngine")
    alone = engine.generate([GenerationRequest("a person sways", seed=1)])[0]
    together = engine.generate([GenerationRequest("x", seed=n) for n in (0, 1, 2)])
    assert together[1] == alone
    motion = MotionAgent(engine=engine).run("A person sways.").motion
    assert motion is not None and alone.features is not None
    assert np.array_equal(motion.features, alone.features)
