"""Tables of numbers and AMASS-style rotations: what they hold comes back."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.cleaning import clean
from motion_agent.motion_core.errors import FormatError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_capture, read_joints, read_motion
from motion_agent.motion_core.formats.amass import amass_joints
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.placement import Placement
from motion_agent.motion_core.skeleton import JOINT_NAMES

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


def test_npy_holds_features_and_joints_npy_joints(walk: Motion, tmp_path: Path) -> None:
    export(walk, tmp_path / "walk.npy")
    export(walk, tmp_path / "walk.joints.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "walk.npy"), walk.features)
    np.testing.assert_array_equal(np.load(tmp_path / "walk.joints.npy"), walk.joints)
    assert len(read_motion(tmp_path / "walk.joints.npy")) == len(walk) - 1


def test_a_table_has_a_row_a_frame_and_names(walk: Motion, tmp_path: Path) -> None:
    export(walk, tmp_path / "walk.csv")
    with (tmp_path / "walk.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(walk)
    assert len(rows[0]) == 1 + 22 * 3
    assert rows[3]["seconds"] == "0.15"
    wrist = [float(rows[3][f"left_wrist_{axis}"]) for axis in "xyz"]
    np.testing.assert_allclose(wrist, walk.joints[3, JOINT_NAMES.index("left_wrist")], atol=1e-5)


def amass(motion: Motion, path: Path) -> dict[str, np.ndarray]:
    export(motion, path)
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def test_rotations_give_the_joints_back(walk: Motion, tmp_path: Path) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    frames = 3 * (len(walk) - 1) + 1  # at 60 frames per second
    assert data["poses"].shape == (frames, 156) and data["trans"].shape == (frames, 3)
    assert not data["poses"][:, 66:].any()  # the hands
    assert data["mocap_framerate"] == 60 and data["gender"] == "neutral"
    assert data["betas"].shape == (16,) and not data["betas"].any()
    joints = amass_joints(data["poses"], data["trans"], data["offsets"])
    assert np.linalg.norm(joints[::3] - walk.joints, axis=-1).max() < 0.002
    between = (walk.joints[1:] + walk.joints[:-1]) / 2
    assert np.linalg.norm((joints[1::3] + joints[2::3]) / 2 - between, axis=-1).max() < 0.02


def test_the_file_is_read_again(walk: Motion, tmp_path: Path) -> None:
    export(walk, tmp_path / "walk.amass.npz")
    joints, fps = read_joints(tmp_path / "walk.amass.npz")
    assert fps == 60
    assert np.linalg.norm(joints[::3] - walk.joints, axis=-1).max() < 0.002
    again = read_motion(tmp_path / "walk.amass.npz")
    assert len(again) == len(walk) - 1 and "notes" not in again.provenance


@pytest.mark.parametrize("kind", ["z up", "SMPL-X", "SMPL with 24 joints"])
def test_files_of_the_smpl_family_are_read(walk: Motion, tmp_path: Path, kind: str) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    del data["offsets"], data["surface_model_type"]
    if kind == "z up":  # as AMASS has them
        turn = Rotation.from_euler("x", 90, degrees=True)
        root = turn * Rotation.from_rotvec(data["poses"][:, :3])
        data["poses"][:, :3] = root.as_rotvec()
        data["trans"] = turn.apply(data["trans"])
    elif kind == "SMPL-X":
        poses = data.pop("poses")
        data |= {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66]}
    else:
        data["poses"] = data["poses"][:, :72].astype(np.float32)
    np.savez(tmp_path / "foreign.npz", **data)
    motion = read_motion(tmp_path / "foreign.npz")
    # The bones are the standard ones, so only directions and the path are the same.
    assert np.linalg.norm(motion.joints - walk.joints[:-1], axis=-1).mean() < 0.06
    assert ("notes" in motion.provenance) == (kind == "z up")


def rotations_as(kind: str, poses: np.ndarray) -> np.ndarray:
    """Axis-angles ``(T, 156)`` in another way of writing rotations."""
    turns = Rotation.from_rotvec(poses.reshape(-1, 3))
    quaternions = turns.as_quat()
    matrices = turns.as_matrix()
    values = {
        "matrices": matrices,
        "quaternions, w last": quaternions,
        "quaternions, w first": np.roll(quaternions, 1, axis=-1),
        "rows of matrices": matrices[:, :2],
        "columns of matrices": matrices[:, :, :2],
        "degrees": np.degrees(turns.as_rotvec()),
    }[kind]
    return values.reshape(len(poses), -1)


@pytest.mark.parametrize("kind", ["matrices", "quaternions, w last", "quaternions, w first"])
def test_other_ways_of_writing_rotations_are_read_and_told(
    walk: Motion, tmp_path: Path, kind: str
) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    np.savez(tmp_path / "a.npz", **data | {"poses": rotations_as(kind, data["poses"])})
    capture = read_capture(tmp_path / "a.npz")
    expected, _ = read_joints(tmp_path / "walk.amass.npz")
    np.testing.assert_allclose(capture.joints, expected, atol=1e-6)
    assert capture.notes == (f"its rotations were taken as {kind}",)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("rows of matrices", "6 numbers a joint"),
        ("columns of matrices", "6 numbers a joint"),
        ("degrees", "radians in poses; axis-angles are read in radians, not in degrees"),
    ],
)
def test_rotations_that_would_be_another_pose_are_refused(
    walk: Motion, tmp_path: Path, kind: str, message: str
) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    np.savez(tmp_path / "a.npz", **data | {"poses": rotations_as(kind, data["poses"])})
    with pytest.raises(FormatError, match=message):
        read_capture(tmp_path / "a.npz")


@pytest.mark.parametrize(("name", "scale"), [("centimetres", 100), ("millimetres", 1000)])
def test_a_path_on_which_nobody_moves_is_of_another_unit(
    walk: Motion, tmp_path: Path, name: str, scale: float
) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    np.savez(tmp_path / "a.npz", **data | {"trans": scale * data["trans"]})
    capture = read_capture(tmp_path / "a.npz")
    expected, _ = read_joints(tmp_path / "walk.amass.npz")
    np.testing.assert_allclose(capture.joints, expected, atol=1e-6)
    assert f"its path was taken as {name}" in capture.notes[0]
    np.savez(tmp_path / "b.npz", **data | {"trans": 1e6 * data["trans"]})
    with pytest.raises(FormatError, match="on which nobody moves"):
        read_capture(tmp_path / "b.npz")


def test_poses_without_the_root_need_it(walk: Motion, tmp_path: Path) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    expected, _ = read_joints(tmp_path / "walk.amass.npz")
    parts = {"poses": data["poses"][:, 3:72], "trans": data["trans"], "offsets": data["offsets"]}
    np.savez(tmp_path / "a.npz", **parts, global_orient=data["poses"][:, :3])
    np.testing.assert_allclose(read_joints(tmp_path / "a.npz")[0], expected)
    np.savez(tmp_path / "b.npz", **parts)
    with pytest.raises(FormatError, match="not the root's"):
        read_capture(tmp_path / "b.npz")


def test_a_lacking_path_is_told(walk: Motion, tmp_path: Path) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    np.savez(tmp_path / "a.npz", **{key: data[key] for key in data if key != "trans"})
    assert "it has no path (trans)" in read_capture(tmp_path / "a.npz").notes[0]


def test_a_batch_of_one_is_read_and_a_lacking_frame_rate_is_told(
    walk: Motion, tmp_path: Path
) -> None:
    data = amass(walk, tmp_path / "walk.amass.npz")
    arrays = {"poses": data["poses"][None], "trans": data["trans"][None]}
    np.savez(tmp_path / "a.npz", **arrays, offsets=data["offsets"])
    capture = read_capture(tmp_path / "a.npz")
    np.testing.assert_allclose(capture.joints, read_joints(tmp_path / "walk.amass.npz")[0])
    assert capture.fps == 30 and "says no frame rate; 30 frames" in capture.notes[0]
    assert read_capture(tmp_path / "a.npz", fps=60).notes == ()


def test_rotations_of_bones_that_change_come_close_and_cleaned_ones_closer(
    walk: Motion, tmp_path: Path
) -> None:
    features = np.array(walk.features)
    features[:, 4:67] += np.random.default_rng(0).normal(scale=0.01, size=(len(walk), 63))
    rough = Motion(features)
    for motion, off in ((rough, 0.06), (clean(rough), 0.02)):
        data = amass(motion, tmp_path / "walk.amass.npz")
        joints = amass_joints(data["poses"], data["trans"], data["offsets"])
        error = np.linalg.norm(joints[::3] - motion.joints, axis=-1)
        assert error.max() < off


def test_at_rest_all_rotations_are_zero(walk: Motion, tmp_path: Path) -> None:
    offsets = amass(walk, tmp_path / "walk.amass.npz")["offsets"]
    rest = amass_joints(np.zeros((1, 66)), np.zeros((1, 3)), offsets)[0]
    assert rest[20, 0] > 0.5 and rest[21, 0] < -0.5  # a T-pose, left is +x
    assert abs(rest[20, 1] - rest[16, 1]) < 1e-6
    assert rest[15, 2] > rest[12, 2] + 0.05  # looks along +z


def test_the_second_person_is_placed_where_numbers_are_positions(
    walk: Motion, tmp_path: Path
) -> None:
    place = Placement(90.0, 1.0, 2.0)
    placed = place.apply(walk.joints)
    first, second = export([walk, walk], tmp_path / "two.joints.npy", placement=place)
    assert (first.name, second.name) == ("two.joints.npy", "two-person-2.joints.npy")
    np.testing.assert_array_equal(np.load(first), walk.joints)
    np.testing.assert_allclose(np.load(second), placed, atol=1e-5)
    _, second = export([walk, walk], tmp_path / "two.amass.npz", placement=place)
    with np.load(second) as data:
        joints = amass_joints(data["poses"], data["trans"], data["offsets"])
    assert np.linalg.norm(joints[::3] - placed, axis=-1).max() < 0.002
