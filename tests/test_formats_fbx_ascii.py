"""The same walk as ASCII FBX in the ways of different programs: always the same joints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fbx_writing import Fbx, ascii_fbx

from motion_agent import read_motion
from motion_agent.motion_core.errors import FormatError
from motion_agent.motion_core.formats import list_clips, read_capture, read_joints
from motion_agent.motion_core.formats.bvh import parse_bvh

pytest.importorskip("ufbx", reason="needs the extra fbx: pip install ufbx")

MIXAMO = Path(__file__).parent / "samples" / "walk-mixamo.bvh"
FPS = 30.0


def write(path: Path, how: Fbx, names: Sequence[str] = (), still: bool = False) -> Path:
    """Write the sample without its reference frame; `still` holds it in its rest pose."""
    bvh = parse_bvh(MIXAMO.read_text())
    recording = bvh.recording()
    joints = [at for at in range(len(bvh.names)) if at not in recording.ends]
    parents = [joints.index(bvh.parents[at]) if bvh.parents[at] >= 0 else -1 for at in joints]
    local = [recording.local(at, slice(1, None)) for at in joints]
    turns = np.stack([turn for _, turn in local], axis=1)
    if still:
        turns = np.broadcast_to(np.eye(3), turns.shape)
    offsets, root = bvh.offsets[joints] / 100, local[0][0] / 100
    offsets[0] = root[0]
    labels = names or [bvh.names[at] for at in joints]
    path.write_text(ascii_fbx(labels, parents, offsets, root, turns, FPS, how))
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return read_joints(write(tmp_path_factory.mktemp("fbx") / "a.fbx", Fbx()))[0]


def test_limbs_point_where_they_point_in_the_bvh(plain: np.ndarray) -> None:
    walk = read_joints(MIXAMO)[0]
    for start, end in ((1, 4), (4, 7), (16, 18), (18, 20)):
        bones = [each[:, end] - each[:, start] for each in (plain, walk)]
        first, second = (bone / np.linalg.norm(bone, axis=-1, keepdims=True) for bone in bones)
        assert np.degrees(np.arccos(np.clip((first * second).sum(-1), -1, 1))).max() < 1.0


WAYS = {
    "another order": Fbx(order="zxy"),
    "joint orients": Fbx(joint_turns=True, order="zyx"),
    "inherit type 0": Fbx(inherit=0, scale=0.01),
    "inherit type 2": Fbx(inherit=2, joint_turns=True),
    "millimetres": Fbx(metres=0.001),
    "metres under a scale": Fbx(metres=1.0, scale=0.01),
    "z up": Fbx(up="+z", front="-y", across="+x"),
    "z up, x ahead": Fbx(up="+z", front="+x", across="+y", joint_turns=True),
    "x up": Fbx(up="+x", front="+z", across="-y"),
    "left-handed, y up": Fbx(up="+y", front="-z", across="+x"),
    "left-handed, z up": Fbx(up="+z", front="+y", across="+x", joint_turns=True, order="yzx"),
    "steps": Fbx(linear=False),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_of_writing_the_same_walk(plain: np.ndarray, tmp_path: Path, way: str) -> None:
    found = read_capture(write(tmp_path / "a.fbx", WAYS[way]))
    turned = found.joints - found.joints[:1, :1] + plain[:1, :1]
    np.testing.assert_allclose(turned, plain, atol=2e-3)
    assert found.fps == FPS and found.notes == ()


@pytest.mark.parametrize("names", [["joint"] * 22, [f"b{at}" for at in range(22)]])
def test_names_that_say_nothing(plain: np.ndarray, tmp_path: Path, names: list[str]) -> None:
    found = read_joints(write(tmp_path / "a.fbx", Fbx(), names))[0]
    np.testing.assert_allclose(found, plain, atol=1e-3)


@pytest.mark.parametrize("resting", [5, 20])
def test_a_pose_of_the_walk_is_no_rest_pose(tmp_path: Path, resting: int) -> None:
    how = Fbx(resting=resting, joint_turns=True)
    found = read_capture(write(tmp_path / "a.fbx", how))
    walk = read_joints(MIXAMO)[0]
    np.testing.assert_allclose(found.joints, walk, atol=2e-3)  # places, as they are
    assert "has a frame of its motion where its rest pose should be" in found.notes[0]


def test_of_several_takes_the_longest_is_read_and_any_can_be_chosen(
    plain: np.ndarray, tmp_path: Path
) -> None:
    takes = {"T-Pose": slice(0, 1), "Walk": slice(None), "Half": slice(0, 18)}
    path = write(tmp_path / "a.fbx", Fbx(takes=takes))
    assert list_clips(path) == ("T-Pose", "Walk", "Half")
    np.testing.assert_allclose(read_joints(path)[0], plain, atol=1e-3)
    np.testing.assert_allclose(read_joints(path, clip="Half")[0], plain[:18], atol=1e-3)
    with pytest.raises(FormatError, match="is too short: 1 frames"):
        read_motion(path, clip="T-Pose")


@pytest.mark.parametrize(
    ("takes", "message"),
    [({}, "holds no animation"), ({"Empty": slice(0, 0)}, "is too short: 1 frames")],
)
def test_files_without_motion(tmp_path: Path, takes: dict[str, slice], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_motion(write(tmp_path / "a.fbx", Fbx(takes=takes)))


def test_axes_without_curves_stay_where_the_nodes_are(plain: np.ndarray, tmp_path: Path) -> None:
    """Only the path moves, and only ahead: the rest is the rest pose's."""
    found = read_joints(write(tmp_path / "a.fbx", Fbx(moving="z", resting=0), still=True))[0]
    walked = found[-1, 0] - found[0, 0]
    np.testing.assert_allclose(walked, (plain[-1, 0] - plain[0, 0]) * [0, 0, 1], atol=0.02)
    np.testing.assert_allclose(found - found[:, :1], (found - found[:, :1])[:1].repeat(36, 0))
