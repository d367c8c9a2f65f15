"""The skeleton: SMPL's first 22 joints in HumanML3D's order, y up, metres.

Source: HumanML3D (Guo et al., CVPR 2022), `paramUtil.py` (`t2m_raw_offsets`,
`t2m_kinematic_chain`) and the target skeleton of clip 000021, whose bone lengths are
`BONE_LENGTHS`. A person in rest pose looks along +z; left is +x.
"""

from __future__ import annotations

import numpy as np

FPS = 20
"""Frames per second of every `Motion`."""

JOINT_NAMES = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
)

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

KINEMATIC_CHAINS = (
    (0, 2, 5, 8, 11),  # right leg
    (0, 1, 4, 7, 10),  # left leg
    (0, 3, 6, 9, 12, 15),  # spine, neck, head
    (9, 14, 17, 19, 21),  # right arm
    (9, 13, 16, 18, 20),  # left arm
)

# Direction of each bone (from its parent) in the rest pose that rotations refer to.
REST_DIRECTIONS = np.array(
    [
        [0, 0, 0],
        [1, 0, 0],
        [-1, 0, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, -1, 0],
        [0, 1, 0],
        [0, -1, 0],
        [0, -1, 0],
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
        [-1, 0, 0],
        [0, 0, 1],
        [0, -1, 0],
        [0, -1, 0],
        [0, -1, 0],
        [0, -1, 0],
        [0, -1, 0],
        [0, -1, 0],
    ],
    dtype=np.float64,
)

# Length in metres of the bone from each joint's parent, in the target skeleton.
BONE_LENGTHS = np.array(
    [
        0.0,
        0.10307395,
        0.10988335,
        0.13156825,
        0.39362314,
        0.39018813,
        0.14319026,
        0.43243298,
        0.42564332,
        0.05736471,
        0.14338174,
        0.14941867,
        0.21936,
        0.13748683,
        0.14338283,
        0.10303927,
        0.13161398,
        0.12298431,
        0.25683984,
        0.26309186,
        0.26601186,
        0.2698763,
    ]
)

TARGET_OFFSETS = REST_DIRECTIONS * BONE_LENGTHS[:, None]  # (22, 3)

LEFT_RIGHT_PAIRS = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21))
LEFT_FOOT, RIGHT_FOOT = (7, 10), (8, 11)  # ankle, toe base
