"""FBX as Blender writes it, read by a process of its own that may crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motion_agent import read_motion
from motion_agent.motion_core.errors import ConfigurationError, FormatError, InputError
from motion_agent.motion_core.formats import fbx, find_map, list_clips, read_joints
from motion_agent.motion_core.skeleton import JOINT_NAMES

SAMPLES = Path(__file__).parent / "samples"
WALK = SAMPLES / "walk-blender.fbx"  # samples/walk.npy as GLB, imported into Blender 5.0 and saved

pytest.importorskip("ufbx", reason="needs the extra fbx: pip install ufbx")


def test_a_file_of_blender_holds_the_motion_that_was_put_into_it() -> None:
    joints, fps = read_joints(WALK)
    walk = read_motion(SAMPLES / "walk.npy").joints
    assert (joints.shape, fps) == (walk.shape, 20)
    walked = joints[-1, 0] - joints[0, 0]
    np.testing.assert_allclose(walked, walk[-1, 0] - walk[0, 0], atol=0.08)
    for start, end in ((1, 4), (4, 7), (16, 18), (18, 20)):  # limbs point where they pointed
        bones = [each[:, end] - each[:, start] for each in (joints, walk)]
        first, second = (bone / np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones)
        assert np.degrees(np.arccos(np.clip((first * second).sum(-1), -1, 1))).max() < 1.0


def test_its_animation_and_joints_have_the_names_of_the_file() -> None:
    (clip,) = list_clips(WALK)
    assert clip.startswith("person 1|m-")
    assert len(read_joints(WALK, clip=clip.partition("|")[2])[0]) == 23
    with pytest.raises(InputError, match=r"no animation 'run'; it has person 1\|m-"):
        read_joints(WALK, clip="run")
    assert find_map(WALK).joints == {name: name for name in JOINT_NAMES}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_damaged_files_are_refused_and_crash_nobody(tmp_path: Path, share: float) -> None:
    data = WALK.read_bytes()
    (tmp_path / "cut.fbx").write_bytes(data[: int(share * len(data))])
    with pytest.raises(FormatError, match=r"cut.fbx (is not FBX, or damaged|is damaged|holds no)"):
        read_joints(tmp_path / "cut.fbx")


def test_a_reader_that_crashes_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = tmp_path / "crash.py"
    crash.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(fbx, "_READER", crash)
    with pytest.raises(
        FormatError, match=r"convert it to GLB, as Blender does \(it ended with -11"
    ):
        read_joints(WALK)


def test_without_ufbx_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fbx.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install motion-agent\[fbx\]"):
        read_joints(WALK)
