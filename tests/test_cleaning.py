"""Clean-up: feet stand, the floor is where they stand, and the rest is left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rendering_people import standing, walker

from motion_agent.motion_core.cleaning import bend_leg, clean, planted_feet
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.skeleton import BONE_LENGTHS, PARENTS

SAMPLES = Path(__file__).parent / "samples"
FEET = [7, 10, 8, 11]


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


def standing_still(frames: int = 60) -> np.ndarray:
    """Joints of somebody who stands on slightly bent knees; nothing moves."""
    joints = standing()
    joints[[4, 5], 2] += 0.08
    return np.repeat(joints[None], frames, axis=0)


def speed(motion: Motion, joints: list[int]) -> np.ndarray:
    """Metres per second along the floor ``(T - 1, joints)``."""
    steps = np.diff(motion.joints[:, joints][..., [0, 2]].astype(float), axis=0)
    return np.linalg.norm(steps, axis=-1) * 20


def test_feet_that_slide_while_they_stand_are_kept_in_place() -> None:
    joints = standing_still()
    sway = 0.05 * np.sin(np.arange(60) / 8)  # the feet slide with the body
    joints[..., 0] += sway[:, None]
    before = Motion.from_joints(joints)
    after = clean(before, smooth=0)
    assert speed(before, FEET).mean() > 0.05
    assert speed(after, FEET).mean() < 0.005
    hips = speed(after, [0]) / np.maximum(speed(before, [0]), 1e-3)
    assert np.median(hips) == pytest.approx(1, abs=0.02)  # the body still sways


def stepping(slide: float) -> Motion:
    """Four seconds of steps along +z; feet that stand slide on at `slide` m/s."""
    joints = standing_still(80)
    time = np.arange(80)
    joints[..., 2] += 0.02 * time[:, None]  # 0.4 m/s
    for (hip, knee, ankle, ball), late in (((1, 4, 7, 10), 0), ((2, 5, 8, 11), 12)):
        phase, steps = (time + late) % 24, (time + late) // 24
        share = np.clip((phase - 14) / 10, 0, 1)  # of the way to the next place
        ahead = 0.48 * (steps + share) - 0.24 - 0.02 * late
        ahead += slide * np.minimum(phase, 14) / 20 * (1 - share)
        at = joints[:1, ankle] + np.stack(
            [np.zeros(80), 0.1 * np.sin(np.pi * share), ahead], axis=-1
        )
        foot = joints[0, ball] - joints[0, ankle]
        knees, ankles = bend_leg(joints[:, hip], joints[:, knee], joints[:, ankle], at)
        joints[:, knee], joints[:, ankle], joints[:, ball] = knees, ankles, ankles + foot
    return Motion.from_joints(joints)


def test_feet_that_step_go_on_stepping() -> None:
    before = stepping(slide=0.2)
    stands = planted_feet(before.joints.astype(float), before.features[:, 259:263] > 0.5)
    after = clean(before)
    both = stands[1:] & stands[:-1]
    assert 0.3 < both.mean() < 0.8
    assert speed(before, FEET)[both].mean() > 0.1
    assert speed(after, FEET)[both].mean() < 0.05  # a leg at full stretch is pulled along
    assert speed(after, FEET).max() > 0.8 * speed(before, FEET).max()
    knees = after.joints[:, 4, 2] - 0.5 * (after.joints[:, 1, 2] + after.joints[:, 7, 2])
    assert knees.min() > -0.01  # bent forwards


def test_what_is_clean_is_hardly_moved(walk: Motion) -> None:
    after = clean(walk, feet=False, ground=False, smooth=0)
    size = [np.linalg.norm(m.joints - m.joints[:, :1], axis=-1) for m in (walk, after)]
    assert np.abs(size[1] - size[0]).max() < 0.01
    assert np.abs(after.joints[:, 0, 1] - walk.joints[:, 0, 1]).max() < 0.01


def test_a_floor_that_rises_and_sinks_is_levelled() -> None:
    features = np.array(Motion.from_joints(standing_still()).features)
    features[:, 3] += 0.04 * np.sin(np.arange(len(features)) / 12)  # the body floats
    local = features[:, 4:67].reshape(-1, 21, 3)
    local[..., 1] += 0.04 * np.sin(np.arange(len(features)) / 12)[:, None]
    before = Motion(features)
    level = {
        name: np.ptp(motion.joints[:, [10, 11], 1])
        for name, motion in (("before", before), ("after", clean(before, feet=False)))
    }
    assert level["before"] > 0.07 and level["after"] < 0.02


def test_somebody_on_a_step_stays_on_it() -> None:
    joints = standing_still(80)
    joints[40:, :, 1] += 0.3
    after = clean(Motion.from_joints(joints), smooth=0)
    height = after.joints[:, 10, 1]
    assert height[60:].mean() - height[:20].mean() == pytest.approx(0.3, abs=0.03)


def test_jitter_goes_and_the_way_stays(walk: Motion) -> None:
    features = np.array(walk.features)
    features[:, 4:67] += np.random.default_rng(0).normal(scale=0.01, size=(len(walk), 63))
    rough = Motion(features)
    third = {
        smooth: np.abs(np.diff(clean(rough, smooth=smooth).joints, n=3, axis=0)).mean()
        for smooth in (0, 5, 9)
    }
    assert third[9] < third[5] < third[0]
    assert third[9] < 0.4 * third[0]
    way = clean(rough, smooth=9).joints[-1, 0] - clean(rough, smooth=0).joints[-1, 0]
    assert np.linalg.norm(way) < 0.05


def test_the_skeleton_becomes_the_standard_one(walk: Motion) -> None:
    features = np.array(walk.features)
    features[:, 4:67] += np.random.default_rng(0).normal(scale=0.01, size=(len(walk), 63))
    joints = clean(Motion(features)).joints.astype(float)
    bones = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
    np.testing.assert_allclose(bones, np.tile(BONE_LENGTHS[1:], (len(walk), 1)), atol=1e-4)


def test_length_segments_and_tokens_stay_and_provenance_tells() -> None:
    motion = walker(24, words=("a person glides", "a person glides on"))
    after = clean(motion, ground=False)
    assert (len(after), after.segments, after.tokens) == (24, motion.segments, motion.tokens)
    done = {"of": motion.id, "feet": True, "ground": False, "smooth": 5}
    assert after.provenance == {**motion.provenance, "cleaned": done}
    assert after.id != motion.id


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 9])
def test_short_motions_keep_their_length(walk: Motion, frames: int) -> None:
    after = clean(Motion(walk.features[:frames]))
    assert len(after) == frames and np.isfinite(after.joints).all()


@pytest.mark.parametrize("smooth", [-5, 1, 3, 6, 103])
def test_a_window_that_cannot_smooth_is_refused(walk: Motion, smooth: int) -> None:
    with pytest.raises(InputError, match=f"window of {smooth} frames"):
        clean(walk, smooth=smooth)


def test_a_body_of_no_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"leg is 0\.0000 m long"):
        clean(Motion(np.zeros((8, 263), np.float32)))


@pytest.mark.slow
def test_the_longest_motion_can_be_cleaned(walk: Motion) -> None:
    longest = walk.features[np.arange(100_000) % len(walk)]
    assert len(clean(Motion(longest[:99_998]))) == 99_998
    with pytest.raises(InputError, match="99999 frames cannot be cleaned; cut to 99998"):
        clean(Motion(longest[:99_999]))


def test_a_leg_reaches_its_target_and_bends_where_it_did() -> None:
    generator = np.random.default_rng(0)
    hip = np.tile([0.1, 0.9, 0.0], (50, 1))
    knee = hip + generator.normal([0.0, -0.38, 0.08], 0.02, size=(50, 3))
    ankle = knee + generator.normal([0.0, -0.42, -0.08], 0.02, size=(50, 3))
    target = ankle + generator.normal([0.0, 0.08, 0.0], 0.05, size=(50, 3))
    new_knee, new_ankle = bend_leg(hip, knee, ankle, target)
    np.testing.assert_allclose(new_ankle, target, atol=1e-9)
    for above, below, new_above, new_below in (
        (hip, knee, hip, new_knee),
        (knee, ankle, new_knee, new_ankle),
    ):
        np.testing.assert_allclose(
            np.linalg.norm(new_below - new_above, axis=-1), np.linalg.norm(below - above, axis=-1)
        )
    middle = hip + 0.5 * (new_ankle - hip)
    assert ((new_knee - middle)[:, 2] > 0).all()  # knees point forward


def test_a_target_out_of_reach_is_approached_with_a_leg_that_is_not_torn() -> None:
    hip, knee, ankle = (np.array([[0.0, y, z]]) for y, z in ((0.9, 0), (0.5, 0.05), (0.1, 0)))
    new_knee, new_ankle = bend_leg(hip, knee, ankle, np.array([[0.0, -0.9, 0.0]]))
    assert np.linalg.norm(new_knee - hip) == pytest.approx(np.linalg.norm(knee - hip))
    assert new_ankle[0, 1] == pytest.approx(0.9 - 0.998 * 2 * np.hypot(0.4, 0.05), abs=1e-6)
    assert new_knee[0, 2] > 0
