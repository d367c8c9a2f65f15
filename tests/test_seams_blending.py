"""Blending decoded features around a seam."""

from __future__ import annotations

import numpy as np
import pytest

from motion_agent.motion_core.blending import blend_seams
from motion_agent.motion_core.fake import BLOCK, FakeEngine
from motion_agent.motion_core.motion import FloatArray, Motion, Segment
from motion_agent.motion_core.representation import features_to_joints
from motion_agent.motion_core.seams import measure_seams

STAND, RUN = 0, 2 * BLOCK
SEAM = 60


def from_run_to_stand() -> FloatArray:
    """120 frames: a run at 3 m/s without a foot on the ground, and a dead stop at frame 60."""
    features = np.array(FakeEngine().decode([RUN] * 15 + [STAND] * 15))
    features[:, 259:] = 0
    return features


def varied(seed: int = 0) -> FloatArray:
    """120 frames of noise of which the rotations are none: the worst that can be decoded."""
    return np.random.default_rng(seed).normal(0, 0.2, (120, 263)).astype(np.float32)


def root_jump(features: FloatArray) -> float:
    halves = (Segment("s1", "", (0,) * 15), Segment("s2", "", (0,) * 15))
    return measure_seams(Motion(features, halves))[0].root_jump


def test_standing_still_stays_as_it_is() -> None:
    features = np.repeat(FakeEngine().decode([STAND])[:1], 40, axis=0)
    assert np.abs(blend_seams(features, {20: 8}) - features).max() < 1e-6


def test_a_wider_blend_takes_more_of_the_jump() -> None:
    features = from_run_to_stand()
    jumps = [root_jump(blend_seams(features, {SEAM: width})) for width in (0, 4, 8, 12)]
    assert jumps[0] == pytest.approx(3.0, rel=1e-4)
    assert jumps == sorted(jumps, reverse=True)
    assert jumps[-1] < 0.3 * jumps[0]


def test_nothing_changes_beyond_the_window() -> None:
    features = varied()
    blended = blend_seams(features, {SEAM: 8})
    changed = np.flatnonzero((blended != features).any(axis=1))
    assert changed.min() == SEAM - 9  # its step leads into the window
    assert changed.max() == SEAM + 7
    assert (blended[SEAM - 9, 3:] == features[SEAM - 9, 3:]).all()


def test_the_path_leaves_the_window_where_it_did_if_no_foot_bears() -> None:
    features = from_run_to_stand()
    before, after = features_to_joints(features), features_to_joints(blend_seams(features, {60: 8}))
    assert np.abs(before[SEAM + 9 :] - after[SEAM + 9 :]).max() < 1e-4
    assert np.abs(before[SEAM - 4 : SEAM + 4] - after[SEAM - 4 : SEAM + 4]).max() > 0.05


def test_feet_that_bear_slide_less() -> None:
    features = np.repeat(FakeEngine().decode([STAND])[:1], 120, axis=0)
    features[:, 1] = np.where(np.abs(np.arange(120) - SEAM) < 4, 0.03, 0.0)  # pushed by 21 cm
    halves = (Segment("s1", "", (0,) * 15), Segment("s2", "", (0,) * 15))
    before = measure_seams(Motion(features, halves))[0]
    after = measure_seams(Motion(blend_seams(features, {SEAM: 12}), halves))[0]
    assert before.foot_slide == pytest.approx(0.21, rel=1e-3)
    assert after.foot_slide < 0.5 * before.foot_slide


def test_contacts_stay_and_rotations_are_rotations() -> None:
    features = varied()
    features[:, 259:] = features[:, 259:] > 0
    blended = blend_seams(features, {SEAM: 10})
    assert (blended[:, 259:] == features[:, 259:]).all()
    columns = blended[SEAM - 10 : SEAM + 10, 67:193].reshape(20, 21, 2, 3)
    assert np.linalg.norm(columns, axis=-1) == pytest.approx(1.0, abs=1e-5)
    assert (columns[:, :, 0] * columns[:, :, 1]).sum(-1) == pytest.approx(0.0, abs=1e-5)


def test_the_same_input_gives_the_same_bits_and_stays_untouched() -> None:
    features = varied()
    kept = features.copy()
    first = blend_seams(features, {40: 8, 80: 4})
    assert first.tobytes() == blend_seams(features, {80: 4, 40: 8}).tobytes()
    assert (features == kept).all()
    assert first.dtype == np.float32 and np.isfinite(first).all()


@pytest.mark.parametrize("seam", [1, 2, 118, 119])
def test_a_window_beyond_the_ends_is_narrowed(seam: int) -> None:
    features = varied()
    blended = blend_seams(features, {seam: 50})
    width = min(seam, 120 - seam)
    changed = np.flatnonzero((blended != features).any(axis=1))
    assert changed.min() >= seam - width - 1 and changed.max() < seam + width
    assert (blend_seams(features, {seam: 0}) == features).all()
