"""People made of nothing but the standard skeleton, for the tests of rendering."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.representation import joints_to_features
from motion_agent.motion_core.skeleton import PARENTS, TARGET_OFFSETS


def standing() -> NDArray[np.float64]:
    """Joints ``(22, 3)`` of somebody who stands at the origin, looks along +z, arms hanging."""
    joints = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS):
        joints[joint] = joints[max(parent, 0)] + TARGET_OFFSETS[joint]
    joints[15] = joints[12] + [0.0, 0.073, 0.073]  # heads are 45 degrees above the neck joint
    for side, (collar, shoulder, elbow, wrist) in ((1, (13, 16, 18, 20)), (-1, (14, 17, 19, 21))):
        joints[collar] = joints[9] + [side * 0.08, 0.11, 0]
        joints[shoulder] = joints[collar] + [side * 0.12, 0.03, 0]
        joints[elbow] = joints[shoulder] + [side * 0.06, -0.25, 0]
        joints[wrist] = joints[elbow] + [side * 0.03, -0.25, 0.05]
    joints[:, 1] -= joints[:, 1].min()
    return joints


def walker(frames: int = 24, *, speed: float = 1.0, words: tuple[str, ...] = ()) -> Motion:
    """A motion that glides along +z at `speed` m/s and swings its arms.

    Args:
        frames: length; a multiple of 4 for each of `words`.
        speed: metres per second.
        words: descriptions of as many equally long segments.
    """
    joints = np.repeat(standing()[None], frames + 1, axis=0)
    time = np.arange(frames + 1) / 20
    swing = 0.25 * np.sin(2 * np.pi * time)
    for joint, sign in ((20, 1), (21, -1)):
        joints[:, joint, 2] += sign * swing
    joints[:, :, 2] += (speed * time)[:, None]
    tokens = frames // 4 // max(len(words), 1)
    segments = tuple(
        Segment(f"s{i + 1}", text, tuple(range(i * tokens, (i + 1) * tokens)))
        for i, text in enumerate(words)
    )
    return Motion(joints_to_features(joints), segments)
