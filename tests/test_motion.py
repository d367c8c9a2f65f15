"""`Motion` and its segments."""

from __future__ import annotations

import numpy as np
import pytest

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.motion import Motion, Segment


def features(frames: int = 8) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, 263)).astype(np.float32)


def test_tokens_of_a_motion_are_those_of_its_segments() -> None:
    motion = Motion(features(12), (Segment("s1", "walk", (5,)), Segment("s2", "bow", (6, 7))))
    assert motion.tokens == (5, 6, 7)
    assert [(s.id, a, b) for s, a, b in motion.segment_frames()] == [("s1", 0, 4), ("s2", 4, 12)]
    assert motion.duration == pytest.approx(0.6)


def test_the_id_follows_the_content() -> None:
    one = Motion(features())
    assert one.id == Motion(features()).id
    assert one.id != Motion(features() + 1).id
    assert one.id != Motion(features(), (Segment("s1", "walk", (1, 2)),)).id
    assert one.id == one.with_provenance(source="walk.bvh").id


def test_features_cannot_be_changed_behind_the_motions_back() -> None:
    mine = features()
    motion = Motion(mine)
    mine[:] = 0
    assert motion.features.any()
    with pytest.raises(ValueError, match="read-only"):
        motion.features[0, 0] = 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 262)), "shape"),
        (np.zeros((0, 263)), "no frames"),
        (np.full((4, 263), np.inf), "NaN or infinity"),
        (np.zeros((100_001, 263), dtype=np.float32), "limit"),
    ],
)
def test_features_that_are_no_motion_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Motion(values)


def test_segments_must_cover_the_frames_and_differ_in_id() -> None:
    with pytest.raises(InputError, match="4 frames"):
        Motion(features(8), (Segment("s1", "walk", (1,)),))
    with pytest.raises(InputError, match="same id"):
        Motion(features(8), (Segment("s1", "walk", (1,)), Segment("s1", "bow", (1,))))
