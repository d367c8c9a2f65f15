"""HumanML3D's features a second time: frame by frame, with rotation matrices, and no NumPy tricks.

Written from the text of the paper and the order of its columns, to hold the vectorised code of
`representation.py` against something that shares nothing with it but the skeleton's numbers.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from motion_agent.motion_core.skeleton import (
    KINEMATIC_CHAINS,
    PARENTS,
    REST_DIRECTIONS,
    TARGET_OFFSETS,
)

UP, FORWARD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
SIGMA = 20  # frames
FEET = (7, 10, 8, 11)


def reference_features(joints: np.ndarray) -> np.ndarray:
    """Features ``(T - 1, 263)`` of joints ``(T, 22, 3)``."""
    poses = on_the_standard_skeleton(np.asarray(joints, dtype=np.float64))
    poses = at_the_origin(poses)
    facing = smoothed([forward_of(pose) for pose in poses])
    turns = [np.eye(3)] + [between(direction, FORWARD) for direction in facing[1:]]
    rows = []
    for frame in range(len(poses) - 1):
        pose, after = poses[frame], poses[frame + 1]
        turn, next_turn = turns[frame], turns[frame + 1]
        change = next_turn @ turn.T
        half_angle = math.atan2(change[0, 2], change[2, 2]) / 2
        velocity = next_turn @ (after[0] - pose[0])
        row = [half_angle, velocity[0], velocity[2], pose[0, 1]]
        for joint in range(1, 22):
            row += list(turn @ (pose[joint] - [pose[0, 0], 0, pose[0, 2]]))
        for rotation in local_rotations(pose, turn)[1:]:
            row += [*rotation[:, 0], *rotation[:, 1]]
        for joint in range(22):
            row += list(turn @ (after[joint] - pose[joint]))
        row += [float(((after[foot] - pose[foot]) ** 2).sum() < 0.002) for foot in FEET]
        rows.append(row)
    return np.array(rows)


def reference_joints(features: np.ndarray) -> np.ndarray:
    """Joints ``(T, 22, 3)`` of features ``(T, 263)``, by walking along the path."""
    angle, place = 0.0, np.zeros(3)
    poses = []
    for frame, row in enumerate(np.asarray(features, dtype=np.float64)):
        if frame:
            before = features[frame - 1]
            angle += 2 * float(before[0])
            place = place + about_y(-angle) @ [float(before[1]), 0, float(before[2])]
        pose = [[place[0], row[3], place[2]]]
        for joint in range(21):
            local = about_y(-angle) @ row[4 + 3 * joint : 7 + 3 * joint]
            pose.append([local[0] + place[0], local[1], local[2] + place[2]])
        poses.append(pose)
    return np.array(poses)


def on_the_standard_skeleton(joints: np.ndarray) -> np.ndarray:
    """The same directions with the standard lengths, and the path in proportion to the legs."""
    leg = sum(np.linalg.norm(joints[0, end] - joints[0, PARENTS[end]]) for end in (5, 8))
    scale = sum(np.linalg.norm(TARGET_OFFSETS[end]) for end in (5, 8)) / leg
    out = np.empty_like(joints)
    for frame, pose in enumerate(joints):
        out[frame, 0] = pose[0] * scale
        for chain in KINEMATIC_CHAINS:
            for parent, joint in pairwise(chain):
                bone = pose[joint] - pose[parent]
                length = np.linalg.norm(TARGET_OFFSETS[joint])
                out[frame, joint] = out[frame, parent] + bone / np.linalg.norm(bone) * length
    return out


def at_the_origin(poses: np.ndarray) -> np.ndarray:
    """On the floor, the first root above the origin, the first frame facing +z."""
    moved = poses - [poses[0, 0, 0], poses[..., 1].min(), poses[0, 0, 2]]
    first = moved[0]
    across = first[2] - first[1] + first[17] - first[16]  # to the right, hips and shoulders
    turn = between(np.cross(UP, across), FORWARD)
    return np.array([[turn @ joint for joint in pose] for pose in moved])


def forward_of(pose: np.ndarray) -> np.ndarray:
    """Where a pose faces; the published features mix up the hips, and so must this."""
    across = pose[1] - pose[2] + pose[17] - pose[16]
    return np.cross(UP, across / np.linalg.norm(across))


def smoothed(directions: list[np.ndarray]) -> list[np.ndarray]:
    """A Gaussian over the frames, four sigmas wide; beyond the ends the outermost goes on."""
    reach = range(-4 * SIGMA, 4 * SIGMA + 1)
    weights = [math.exp(-0.5 * (offset / SIGMA) ** 2) for offset in reach]
    last = len(directions) - 1
    out = []
    for frame in range(len(directions)):
        total = np.zeros(3)
        for offset, weight in zip(reach, weights, strict=True):
            total += weight * directions[min(max(frame + offset, 0), last)]
        out.append(total / sum(weights))
    return out


def local_rotations(pose: np.ndarray, turn: np.ndarray) -> list[np.ndarray]:
    """Of each joint, relative to its parent; each chain begins with the turn of the root."""
    rotations = [turn] * 22
    for chain in KINEMATIC_CHAINS:
        above = turn
        for parent, joint in pairwise(chain):
            world = between(REST_DIRECTIONS[joint], pose[joint] - pose[parent])
            rotations[joint] = above.T @ world
            above = world
    return rotations


def between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The shortest rotation from one direction to another (Rodrigues)."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + start @ end)


def about_y(angle: float) -> np.ndarray:
    """Rotation by `angle` about the vertical."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
