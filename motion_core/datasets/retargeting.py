"""Rotations of other skeletons retargeted to ours: 22 joints, standard bone lengths, y up, facing
+z.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..skeleton import BONE_LENGTHS, JOINT_NAMES, PARENTS

Array = NDArray[np.float64]

# Direction of each bone from its parent in a T-pose: SMPL's mean body, made symmetric, with level
# arms and straight feet. For the right side x is negated.
_REST = {
    "hip": (0.069, -0.091, -0.005),
    "knee": (0.0, -0.38, -0.005),
    "ankle": (0.0, -0.40, -0.035),
    "foot": (0.0, -0.052, 0.121),
    "spine1": (0.0, 0.109, -0.027),
    "spine2": (0.0, 0.135, 0.001),
    "spine3": (0.0, 0.053, 0.025),
    "neck": (0.0, 0.214, -0.043),
    "head": (0.0, 0.065, 0.051),
    "collar": (0.080, 0.120, -0.036),
    "shoulder": (0.094, 0.031, -0.009),
    "elbow": (1.0, 0.0, 0.0),
    "wrist": (1.0, 0.0, 0.0),
}
_LEG = (4, 7)  # knee and ankle, whose bones form the leg


def _rest_offsets() -> Array:
    offsets = np.zeros((len(JOINT_NAMES), 3))
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        side, _, part = name.rpartition("_")
        offsets[joint] = np.array(_REST[part]) * (-1 if side == "right" else 1, 1, 1)
    return np.asarray(rotations.normalize(offsets) * BONE_LENGTHS[:, None])


REST_OFFSETS = _rest_offsets()
LEG_LENGTH = float(BONE_LENGTHS[list(_LEG)].sum())


@dataclass(frozen=True)
class HipPath:
    """The path of the hips.

    Attributes:
        hips: halfway between the two hip joints, ``(T, 3)``, metres.
        leg: length of the leg, the knee and ankle bones together, metres.
    """

    hips: Array
    leg: float


def pose(turns: Mapping[str, Array], path: HipPath) -> Array:
    """Return joints ``(T, 22, 3)`` of the standard skeleton.

    Args:
        turns: for each of our joints with children, its world rotation from the T-pose, ``(T, 4)``.
        path: scaled by the lengths of the legs, so that standing feet keep standing.
    """
    joints = np.zeros((len(path.hips), len(JOINT_NAMES), 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone = rotations.rotate(turns[JOINT_NAMES[parent]], REST_OFFSETS[joint])
        joints[:, joint] = joints[:, parent] + bone
    hips = joints[:, [1, 2]].mean(axis=1)
    return np.asarray(joints + (path.hips * (LEG_LENGTH / path.leg) - hips)[:, None])
