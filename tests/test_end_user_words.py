"""What an end user reads speaks of no command line: replies, answers of tools, prompts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motion_agent import MotionAgent, motion_tools
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.words import without_options

OPTION = re.compile(r"(?<![\w-])--[a-z]{2}")
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')

ARM = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Arm
  {
    OFFSET 0 1 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 0 0
"""


@pytest.fixture
def workspace(tmp_path: Path, repository: Path) -> Path:
    """Files with which the command line helps by options."""
    walk = (repository / "tests/samples/walk-mixamo.bvh").read_text()
    (tmp_path / "timeless.bvh").write_text(walk.replace("0.0333333", "0"))
    (tmp_path / "nobody.bvh").write_text(ARM)
    joints = read_motion(repository / "tests/samples/walk.npy").joints
    np.save(tmp_path / "batch.npy", np.stack([joints, joints + 1]))
    return tmp_path


FILES = ("timeless.bvh", "nobody.bvh", "batch.npy")


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_an_option_would_help_with(name: str, workspace: Path) -> None:
    with pytest.raises(InputError, match=OPTION):
        read_motion(workspace / name)
    caption = motion_tools(FakeEngine(), workspace=workspace)[2]
    call = {"name": caption.name, "args": {"motion": name}, "id": "1", "type": "tool_call"}
    message: Any = caption.invoke(call)
    assert message.status == "error" and name in message.text
    assert not OPTION.search(message.text)
    reply = MotionAgent(engine=FakeEngine(), workspace=workspace).run(f"What is in {name}?").reply
    assert name in reply
    assert not OPTION.search(reply)


def test_only_options_in_parentheses_are_left_out() -> None:
    message = "has no frame rate; say it (--fps), or give a map (--map FILE) of 'hip (left)'"
    assert without_options(message) == "has no frame rate; say it, or give a map of 'hip (left)'"


@pytest.mark.parametrize("folder", ["agent_graph", "tools", "prompts"])
def test_no_text_of_agent_tools_and_prompts_names_an_option(folder: str, repository: Path) -> None:
    for path in (repository / folder).rglob("*"):
        if path.suffix == ".py":
            texts = LITERAL.findall(path.read_text(encoding="utf-8"))
        elif path.suffix in (".md", ".txt"):
            texts = [path.read_text(encoding="utf-8")]
        else:
            continue
        assert [text for text in texts if OPTION.search(text)] == [], path
