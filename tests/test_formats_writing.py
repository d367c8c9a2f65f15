"""Written BVH: the joints come back, with rotations and a skeleton that other programs can use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.errors import InputError, UnavailableError
from motion_agent.motion_core.formats import read_joints, read_motion, write_bvh
from motion_agent.motion_core.formats.bvh import Bvh, parse_bvh
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES, bvh_style
from motion_agent.motion_core.formats.bvh_writing import bone_change
from motion_agent.motion_core.formats.constant_bones import constant_bones
from motion_agent.motion_core.formats.posing import (
    pose_transforms,
    rest_positions,
    solve_pose,
    solve_rigid_pose,
    standard_offsets,
)
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.skeleton import JOINT_NAMES, PARENTS

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


@pytest.fixture
def written(walk: Motion, tmp_path: Path) -> Bvh:
    write_bvh(walk, tmp_path / "walk.bvh")
    return parse_bvh((tmp_path / "walk.bvh").read_text())


@pytest.mark.parametrize("unit", ["m", "cm"])
def test_joints_come_back(walk: Motion, tmp_path: Path, unit) -> None:
    write_bvh(walk, tmp_path / "walk.bvh", style=bvh_style("plain", unit=unit))
    joints, fps = read_joints(tmp_path / "walk.bvh")
    assert fps == 20 and joints.shape == walk.joints.shape
    assert np.linalg.norm(joints - walk.joints, axis=-1).max() < 0.002
    tall = np.ptp(
        parse_bvh((tmp_path / "walk.bvh").read_text()).recording().positions(range(22))[0, :, 1]
    )
    assert 1.2 < tall / {"m": 1, "cm": 100}[unit] < 1.8


def test_joints_come_back_from_bones_that_breathe(walk: Motion, tmp_path: Path) -> None:
    # As the detokenizer's do: every joint wanders smoothly by some millimetres.
    noise = np.random.default_rng(0).normal(size=(len(walk), 63))
    smooth = np.apply_along_axis(np.convolve, 0, noise, np.hanning(9), mode="same") * 0.002
    features = np.array(walk.features)
    features[:, 4:67] += smooth
    motion = Motion(features)
    lengths = np.linalg.norm(motion.joints[:, 1:] - motion.joints[:, list(PARENTS[1:])], axis=-1)
    assert 0.002 < lengths.std(axis=0).mean() < 0.01
    write_bvh(motion, tmp_path / "breathing.bvh")
    joints, _ = read_joints(tmp_path / "breathing.bvh")
    error = np.linalg.norm(joints - motion.joints, axis=-1)
    assert error.max() < 0.03 and error.mean() < 0.007
    mean, most = bone_change(motion)
    assert mean == pytest.approx(error.mean(), abs=1e-4) and most == pytest.approx(
        error.max(), abs=1e-3
    )
    lengths = np.linalg.norm(joints[:, 4] - joints[:, 1], axis=-1)
    assert lengths.std() < 1e-5


def folding(walk: Motion) -> np.ndarray:
    """Joints of a person whose pelvis slides up and down between the hips, as decoded ones may."""
    joints = walk.joints.astype(float)
    joints[:, 0, 1] += 0.06 * np.sin(np.arange(len(joints)) / 3)
    return joints


def test_a_folding_pelvis_moves_legs_little(walk: Motion) -> None:
    joints = folding(walk)
    pinned, _ = pose_transforms(solve_pose(joints, tolerance=np.inf))
    pose = solve_rigid_pose(joints)
    fitted, _ = pose_transforms(pose)
    assert list(pose.translations) == [0]
    before, after = (np.linalg.norm(each - joints, axis=-1) for each in (pinned, fitted))
    assert after.mean() < 0.2 * before.mean()
    legs = [4, 5, 7, 8, 10, 11]
    assert after[:, legs].mean() < 0.1 * before[:, legs].mean()


def test_no_nearby_skeleton_is_closer(walk: Motion) -> None:
    joints = folding(walk)
    pose = solve_rigid_pose(joints)
    world = pose_transforms(pose)[1]
    again = constant_bones(joints, world, pose.offsets)
    errors = [float(((each - joints) ** 2).sum()) for each in (pose_transforms(pose)[0], again)]
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    moved = np.linalg.norm(again[:, 1:] - again[:, list(PARENTS[1:])], axis=-1)
    assert moved.std(axis=0).max() < 1e-9


def test_a_body_that_bends_between_hips_and_spine_comes_back(tmp_path: Path) -> None:
    joints = np.load(SAMPLES / "walk.npy").astype(float)
    bend = 0.05 * np.sin(np.arange(len(joints)) / 3)
    joints[:, [3, 6, 9, 12, 15, *range(13, 22)], 2] += bend[:, None]
    motion = Motion.from_joints(joints)
    write_bvh(motion, tmp_path / "bending.bvh")
    error = np.linalg.norm(read_joints(tmp_path / "bending.bvh")[0] - motion.joints, axis=-1)
    assert error.max() < 0.03


def test_bones_that_change_by_centimetres_get_one_length(walk: Motion, tmp_path: Path) -> None:
    features = np.array(walk.features)
    wave = np.sin(np.arange(len(walk)) / 4)
    for joint in (7, 15, 20):  # left ankle, head, left wrist
        features[:, 4 + 3 * (joint - 1)] += 0.1 * wave
    motion = Motion(features)
    write_bvh(motion, tmp_path / "stretching.bvh")
    error = np.linalg.norm(read_joints(tmp_path / "stretching.bvh")[0] - motion.joints, axis=-1)
    assert error.mean() < 0.01 and error.max() < 0.1
    bvh = parse_bvh((tmp_path / "stretching.bvh").read_text())
    moving = {name for name, kinds in zip(bvh.names, bvh.channels, strict=True) if len(kinds) == 6}
    assert moving == {"pelvis"}


def test_the_hierarchy_is_the_skeleton_with_end_sites(written: Bvh) -> None:
    joints = [name for name in written.names if not name.endswith(" End")]
    assert sorted(joints) == sorted(JOINT_NAMES)
    for child, parent in enumerate(PARENTS[1:], start=1):
        at = written.names.index(JOINT_NAMES[child])
        assert written.names[written.parents[at]] == JOINT_NAMES[parent]
    ends = {name[: -len(" End")] for name in written.names if name.endswith(" End")}
    assert ends == {"head", "left_wrist", "right_wrist", "left_foot", "right_foot"}


def test_only_the_root_moves_where_bones_are_rigid(written: Bvh) -> None:
    assert written.channels[0][:3] == ("xposition", "yposition", "zposition")
    assert len(written.channels[0]) == 6
    for name, channels in zip(written.names[1:], written.channels[1:], strict=True):
        assert len(channels) == (0 if name.endswith(" End") else 3)
        assert all(channel.endswith("rotation") for channel in channels)


def test_the_rest_pose_is_a_t_pose_facing_forward(written: Bvh) -> None:
    rest = np.zeros((len(written.names), 3))
    for at, parent in enumerate(written.parents):
        rest[at] = written.offsets[at] + (rest[parent] if parent >= 0 else 0)
    place = dict(zip(written.names, rest, strict=True))
    assert place["left_wrist"][0] > 0.5 and place["right_wrist"][0] < -0.5
    assert abs(place["left_wrist"][1] - place["left_shoulder"][1]) < 1e-6
    assert place["head"][1] > place["pelvis"][1] > place["left_ankle"][1] + 0.7
    assert place["left_foot"][2] > place["left_ankle"][2] + 0.1
    assert place["left_foot"][1] == pytest.approx(place["left_ankle"][1] - 0.06, abs=0.01)
    assert place["left_hip"][0] > 0.05 and abs(place["spine1"][0]) < 0.02


def test_angles_do_not_jump(written: Bvh) -> None:
    assert np.abs(np.diff(written.values[:, 3:], axis=0)).max() < 60


def test_angles_do_not_jump_when_a_person_turns_round(tmp_path: Path) -> None:
    joints = np.load(SAMPLES / "walk.npy").astype(float)
    yaw = np.linspace(0, 4 * np.pi, len(joints))
    c, s, zero, one = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
    turn = np.array([[c, zero, s], [zero, one, zero], [-s, zero, c]]).transpose(2, 0, 1)
    pose = solve_pose(joints @ turn.transpose(0, 2, 1))
    assert len(pose.translations) == 1
    write_bvh(Motion.from_joints(joints @ turn.transpose(0, 2, 1)), tmp_path / "turning.bvh")
    values = parse_bvh((tmp_path / "turning.bvh").read_text()).values
    assert np.abs(np.diff(values[:, 3:6], axis=0)).max() < 60


def test_rotations_are_rotations_and_limbs_do_not_twist(walk: Motion) -> None:
    pose = solve_pose(walk.joints.astype(float))
    product = pose.rotations @ np.swapaxes(pose.rotations, -1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(pose.rotations), 1, atol=1e-9)
    # The shortest turn's axis is perpendicular to the bone it turns.
    for joint, child in ((4, 7), (18, 20), (12, 15)):
        turns = pose.rotations[:, joint]
        axes = np.stack([turns[:, 2, 1] - turns[:, 1, 2], turns[:, 0, 2] - turns[:, 2, 0],
                         turns[:, 1, 0] - turns[:, 0, 1]], axis=-1)  # fmt: skip
        np.testing.assert_allclose(axes @ pose.offsets[child], 0, atol=1e-9)


def turned_up_leg(yaw: float, bend: float) -> np.ndarray:
    """Five frames of somebody standing with the left leg turned out and its knee bent forward."""
    joints = rest_positions(standard_offsets())
    outward = np.array([np.sin(yaw), 0, np.cos(yaw)])
    knee = joints[1] + 0.39 * (np.cos(bend) * np.array([0, -1, 0]) + np.sin(bend) * outward)
    joints[4], joints[7] = knee, knee - np.array([0, 0.43, 0])
    joints[10] = joints[7] + 0.13 * outward + [0, -0.06, 0]
    return np.repeat(joints[None], 5, axis=0)


@pytest.mark.parametrize("bend", [0.0, 0.6, 1.4])
def test_a_leg_that_is_turned_out_turns_at_the_hip(bend: float) -> None:
    pose = solve_pose(turned_up_leg(0.7, bend))
    thigh = pose.rotations[0, 0] @ pose.rotations[0, 1]
    hinge = thigh @ [1, 0, 0]  # about which the knee bends
    np.testing.assert_allclose(hinge, [np.cos(0.7), 0, -np.sin(0.7)], atol=0.05)
    knee = pose.rotations[0, 4]
    np.testing.assert_allclose(knee @ [1, 0, 0], [1, 0, 0], atol=0.02)  # bends like a hinge


def test_feet_flat_on_the_floor_are_level() -> None:
    pose = solve_pose(turned_up_leg(0.0, 0.0))
    turn = np.eye(3)
    for joint in (0, 1, 4, 7):
        turn = turn @ pose.rotations[0, joint]
    assert turn[1, 1] > 0.999


def test_an_arm_keeps_its_twist_while_it_is_straight() -> None:
    bend = np.concatenate([np.linspace(1.2, 0, 20), np.zeros(20), np.linspace(0, 1.2, 20)])
    joints = np.repeat(rest_positions(standard_offsets())[None], 60, axis=0)
    # The forearm bends upwards, so the arm has turned by 90 degrees from the rest pose.
    forearm = np.stack([np.cos(bend), np.sin(bend), np.zeros(60)], axis=-1)
    joints[:, 20] = joints[:, 18] + 0.26 * forearm
    turn = solve_pose(joints).rotations[:, 16]
    angle = np.degrees(np.arctan2(turn[:, 2, 1], turn[:, 1, 1]))
    assert np.abs(angle[[5, 54]]) == pytest.approx(90, abs=5)
    assert np.abs(np.diff(angle)).max() < 10 and np.abs(angle).min() > 30


def test_one_frame_and_a_body_of_no_size_are_written(tmp_path: Path, walk: Motion) -> None:
    write_bvh(Motion(walk.features[:1]), tmp_path / "one.bvh")
    assert read_joints(tmp_path / "one.bvh")[0].shape == (1, 22, 3)
    write_bvh(Motion(np.zeros((4, 263), np.float32)), tmp_path / "nobody.bvh")
    assert np.isfinite(parse_bvh((tmp_path / "nobody.bvh").read_text()).values).all()


def test_an_impossible_folder_leaves_nothing(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError):
        write_bvh(walk, tmp_path / "file" / "walk.bvh")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", BVH_STYLES)
def test_each_style_is_read_again_with_its_names(walk: Motion, tmp_path: Path, name: str) -> None:
    write_bvh(walk, tmp_path / "walk.bvh", style=BVH_STYLES[name])
    bvh = parse_bvh((tmp_path / "walk.bvh").read_text())
    assert set(BVH_STYLES[name].names) <= set(bvh.names)
    channels = [each for each in bvh.channels if each]
    assert len(channels[0]) == 6 and {len(each) for each in channels[1:]} == {3}
    assert {each[-3:] for each in channels} == {channels[0][-3:]}  # one order for all
    joints, _ = read_joints(tmp_path / "walk.bvh")
    assert np.linalg.norm(joints - walk.joints, axis=-1).max() < 0.002


def test_orders_of_rotations_are_all_the_same_motion(walk: Motion, tmp_path: Path) -> None:
    for order in ("xyz", "YXZ", "zyx"):
        write_bvh(walk, tmp_path / "walk.bvh", style=bvh_style("plain", order=order))
        joints, _ = read_joints(tmp_path / "walk.bvh")
        assert np.linalg.norm(joints - walk.joints, axis=-1).max() < 0.002
    with pytest.raises(InputError, match="'xyx' is no order of rotations"):
        bvh_style("plain", order="xyx")
    with pytest.raises(InputError, match="unknown BVH style 'maya'; there are plain, mixamo"):
        bvh_style("maya")
