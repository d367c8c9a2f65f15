"""Seams: what is measured at a join, and when it counts as bad."""

from __future__ import annotations

import json

import numpy as np
import pytest

from motion_agent.motion_core.fake import BLOCK, FakeEngine
from motion_agent.motion_core.motion import FloatArray, Motion, Segment
from motion_agent.motion_core.seams import LIMITS, NEAR, REACH, measure_seams

STAND, WALK, RUN = 0, 1 * BLOCK, 2 * BLOCK  # tokens of the fake engine: 0, 1.2 and 3 m/s


def decoded(*tokens: int, times: int = 15) -> Motion:
    """Segments of `times` equal tokens."""
    segments = tuple(
        Segment(f"s{i}", "", (token,) * times) for i, token in enumerate(tokens, start=1)
    )
    flat = [token for segment in segments for token in segment.tokens]
    return Motion(FakeEngine().decode(flat), segments)


def standing() -> FloatArray:
    """120 frames of somebody who does not move at all, feet on the floor."""
    features = np.array(FakeEngine().decode([STAND] * 30))
    features[:] = features[0]
    return features


def halved(features: FloatArray) -> Motion:
    tokens = len(features) // 8
    return Motion(features, (Segment("s1", "", (0,) * tokens), Segment("s2", "", (0,) * tokens)))


def test_one_segment_has_no_seam() -> None:
    assert measure_seams(decoded(WALK)) == ()
    assert measure_seams(Motion(standing())) == ()


def test_each_join_is_reported_in_order() -> None:
    seams = measure_seams(decoded(STAND, STAND, WALK))
    assert [(s.before, s.after, s.frame) for s in seams] == [("s1", "s2", 60), ("s2", "s3", 120)]


def test_standing_on_is_a_good_seam() -> None:
    seam = measure_seams(halved(standing()))[0]
    assert (seam.root_jump, seam.turn_jump, seam.pose_speed) == (0, 0, 0)
    assert seam.foot_slide == pytest.approx(0, abs=1e-6)
    assert not seam.bad and seam.severity < 1e-3 and seam.reasons == ()


def test_stopping_dead_from_a_run_is_a_jump_of_3_metres_a_second() -> None:
    seam = measure_seams(decoded(RUN, STAND))[0]
    assert seam.root_jump == pytest.approx(3.0, rel=1e-4)
    assert seam.bad and "the root's velocity jumps by 3.0 m/s" in seam.reasons


def test_a_jump_at_the_seam_is_not_blamed_on_the_next_one() -> None:
    seams = measure_seams(decoded(RUN, STAND, STAND))
    assert [seam.bad for seam in seams] == [True, False]
    assert seams[1].root_jump == pytest.approx(0, abs=1e-5)


def test_turning_is_measured_in_radians_a_second() -> None:
    features = standing()
    features[60:, 0] = 0.01  # half the turn of a frame: 0.4 rad/s
    seam = measure_seams(halved(features))[0]
    assert seam.turn_jump == pytest.approx(0.4, rel=1e-4)
    assert seam.reasons == ("the turning jumps by 0.40 rad/s",)


def test_pose_speed_is_the_mean_over_the_joints() -> None:
    features = standing()
    features[60:, 4 + 3 * 19] += 0.21  # a wrist jumps by 21 cm in a frame: 4.2 m/s over 21 joints
    seam = measure_seams(halved(features))[0]
    assert seam.pose_speed == pytest.approx(0.2, rel=1e-4)
    assert seam.pose_percentile == 100
    assert not seam.bad  # slower than LIMITS["pose_speed"]


def test_a_foot_that_slides_while_it_bears_is_told_in_centimetres() -> None:
    features = standing()
    slide = np.clip(np.arange(120) - 56, 0, 8) * 0.03  # 24 cm within 8 frames
    features[:, 4 + 3 * 9] += slide  # left toe base, x
    seam = measure_seams(halved(features))[0]
    assert seam.foot_slide == pytest.approx(0.24, rel=1e-3)
    assert seam.reasons == ("a foot slides 24 cm on the floor",)
    assert seam.severity == pytest.approx(0.24 / LIMITS["foot_slide"], rel=1e-3)


@pytest.mark.parametrize(("height", "contact"), [(0.3, 1.0), (0.0, 0.0)])
def test_a_foot_in_the_air_does_not_slide(height: float, contact: float) -> None:
    features = standing()
    features[:, 4 + 3 * 9] += np.clip(np.arange(120) - 56, 0, 8) * 0.03
    features[:, 4 + 3 * 9 + 1] += height
    features[:, 260] = contact
    assert measure_seams(halved(features))[0].foot_slide == pytest.approx(0, abs=1e-5)


def test_what_the_segments_do_all_the_time_is_no_fault_of_the_seam() -> None:
    features = standing()
    features[::6, 1] = 0.3  # shoved by 30 cm every 0.3 s
    everywhere = measure_seams(halved(features))[0]
    alone = standing()
    alone[60, 1] = 0.3
    here = measure_seams(halved(alone))[0]
    assert here.bad and not everywhere.bad
    assert here.root_jump == pytest.approx(everywhere.root_jump, rel=1e-4)


def test_only_what_happens_within_reach_counts() -> None:
    far, near = standing(), standing()
    far[60 - NEAR - REACH - 4, 1] = 0.5
    near[60 - NEAR - REACH + 4, 1] = 0.5
    assert measure_seams(halved(far))[0].root_jump == pytest.approx(0, abs=1e-6)
    assert measure_seams(halved(near))[0].root_jump > 4


def test_the_shortest_segments_can_be_measured() -> None:
    motion = decoded(RUN, STAND, times=1)
    assert motion.features.shape[0] == 8
    seam = measure_seams(motion)[0]
    assert seam.root_jump == pytest.approx(3.0, rel=1e-4) and seam.bad


def test_a_report_is_json() -> None:
    seam = measure_seams(decoded(RUN, STAND))[0]
    report = json.loads(json.dumps(seam.to_json()))
    assert report["bad"] is True and report["reasons"] == list(seam.reasons)
    assert (report["before"], report["after"], report["frame"]) == ("s1", "s2", 60)
    assert report["root_jump"] == seam.root_jump
