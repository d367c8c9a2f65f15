"""Foot pitch aligned across sources: feet flat on the floor in the source are flat in ours.

The ankle of a standing person is 4.5 cm above the toe joint in HumanML3D's skeleton. If a source
places its joints elsewhere, its feet point down more, and a figure that copies them stands on
tiptoe. These are medians over stance, when both joints of a foot are slower than 15 cm/s.

    source          ankle   toe    pitch of the bone   correction
    HumanML3D       5.5 cm  1.0    18°
    cmu-mocap       6.3     2.3    17°                 none; its floor is lowered instead
    hdm05           8.6     1.6    29°                 11°
    bandai-namco   10.3     0.7    41°                 23°
    deepmimic       9.4     2.9    26°                 8°
    kaykit          5.9     0.0    24°                 6°
    mesh2motion     6.2     0.5    23°                 5°
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import rotations

Joints = NDArray[np.float64]
PITCH = {
    "hdm05": 11.0,
    "bandai-namco": 23.0,
    "deepmimic": 8.0,
    "kaykit": 6.0,
    "mesh2motion": 5.0,
}
"""Degrees by which the toes of a source are raised."""

_FEET = ((4, 7, 10), (5, 8, 11))  # knee, ankle, toe


def level_feet(joints: Joints, degrees: float) -> Joints:
    """Return joints ``(T, 22, 3)`` with the toes raised about the ankle by an angle, shin
    unchanged.
    """
    levelled = joints.copy()
    for knee, ankle, toe in _FEET:
        shin = rotations.normalize(joints[:, ankle] - joints[:, knee])
        foot = joints[:, toe] - joints[:, ankle]
        across = rotations.normalize(rotations.cross(foot, -shin))  # (T, 3)
        half = np.radians(degrees) / 2
        turn = np.concatenate(
            [np.full((len(joints), 1), np.cos(half)), np.sin(half) * across], axis=1
        )
        levelled[:, toe] = joints[:, ankle] + rotations.rotate(turn, foot)
    return levelled
