"""The rotations of any skeleton on a human one of our own: for chibi, cartoon and game characters.

Positions of a character with a big head and short legs are nobody's. What carries over is how each
part of it is turned against its rest pose:

- the trunk, head and feet turn as theirs do, from rest to rest;
- thighs, shins and arms point where theirs point, so a rest pose in A or T does not matter;
- the path of the hips is scaled by their height at rest;
- in each frame the lowest part of the body is as high above the floor as theirs is, scaled: feet,
  hands in push-ups and knees stay on the floor whatever the proportions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..skeleton import JOINT_NAMES, PARENTS
from .posing import rest_positions, standard_offsets
from .recording import Recording

Array = NDArray[np.float64]

_POINTED = {  # joints that their parents point at; all others are turned
    f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle", "elbow", "wrist")
}
_UPRIGHT = 0.9  # cosine of a trunk at rest to the vertical
_ALIKE = 0.95  # cosine between a leg's bone at rest and the other leg's, mirrored
_TURNED_WITH = {  # who is asked for a joint's turn, in this order, where the file has none
    "spine1": ("spine1", "spine2", "pelvis"),
    "spine2": ("spine2", "spine1", "spine3", "pelvis"),
    "spine3": ("spine3", "spine2", "spine1", "pelvis"),
    "neck": ("neck", "head", "spine3", "spine2"),
    "head": ("head", "neck"),
    "left_collar": ("left_collar", "spine3", "spine2", "spine1"),
    "right_collar": ("right_collar", "spine3", "spine2", "spine1"),
}
_RADII = {  # metres from a joint to the skin below it
    **{"pelvis": 0.10, "spine1": 0.10, "spine2": 0.10, "spine3": 0.11, "neck": 0.06, "head": 0.10},
    **{"hip": 0.09, "knee": 0.05, "ankle": 0.06, "foot": 0.02},
    **{"collar": 0.09, "shoulder": 0.06, "elbow": 0.04, "wrist": 0.03},
}


def retarget(recording: Recording, joints: Mapping[str, int]) -> Array:
    """Return joints ``(T, 22, 3)`` of a grown person who moves as the recording does; metres, y up.

    Args:
        recording: with its rest pose.
        joints: index of its joint for ours; legs, arms and pelvis at least.

    Raises:
        FormatError: the rest pose is not that of somebody who stands alike on both sides.
    """
    found = sorted(set(joints.values()))
    place = {joint: at for at, joint in enumerate(found)}
    positions, turns = recording.world(found)
    rest, rest_turns = recording.rest[found], None
    if recording.rest_turns is not None:
        rest_turns = recording.rest_turns[found]
    at = {ours: place[joint] for ours, joint in joints.items()}
    frame = standing_frame(rest, at)  # columns: left, up, ahead, as the file has them
    positions, rest = positions @ frame, rest @ frame
    _check_rest(rest, at)
    turns = np.swapaxes(frame, 0, 1) @ turns
    if rest_turns is not None:
        turns = turns @ np.swapaxes(rest_turns, 1, 2)
    turns = turns @ frame  # from our rest pose, facing +z

    soles = [
        at[f"{side}_{part}"]
        for side in ("left", "right")
        for part in ("foot", "ankle")
        if f"{side}_{part}" in at
    ]
    offsets = standard_offsets()
    # From hip joints to hip joints: a root may lie anywhere about the pelvis.
    hips = [at["left_hip"], at["right_hip"]]
    hip_height = float(rest[hips, 1].mean() - rest[soles, 1].min())
    standing = rest_positions(offsets)
    scale = float(standing[1:3, 1].mean() - standing[:, 1].min()) / hip_height
    result = np.empty((recording.frames, len(JOINT_NAMES), 3))
    middle = turns[:, at["pelvis"]] @ offsets[1:3].mean(axis=0)
    result[:, 0] = scale * positions[:, hips].mean(axis=1) - middle
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        parent = PARENTS[joint]
        above = JOINT_NAMES[parent]
        if name in _POINTED:
            bone = positions[:, at[name]] - positions[:, at[above]]
            length = np.linalg.norm(bone, axis=-1, keepdims=True)
            step = bone / np.maximum(length, 1e-9) * np.linalg.norm(offsets[joint])
        else:
            turner = next(
                (each for each in _TURNED_WITH.get(above, (above,)) if each in at), "pelvis"
            )
            step = turns[:, at[turner]] @ offsets[joint]
        result[:, joint] = result[:, parent] + step
    names = sorted(at, key=at.__getitem__)
    sole = rest[soles, 1].min()
    heights = scale * (positions[:, [at[name] for name in names], 1] - sole)
    clearance = _clearance(heights, names)
    # Some packs lost the path of their hips: then somebody touches the floor in every frame.
    if np.ptp(positions[:, at["pelvis"], 1]) < 1e-3 * hip_height and np.ptp(clearance) > 0.02:
        clearance = np.zeros_like(clearance)
    result[..., 1] += (clearance - _clearance(result[..., 1], JOINT_NAMES))[:, None]
    return result


def _check_rest(rest: Array, at: Mapping[str, int]) -> None:
    """Check that a rest pose is upright and symmetric, not a frame of a motion.

    Raises:
        FormatError: it is not.
    """
    up = rest[[at["left_shoulder"], at["right_shoulder"]]].mean(axis=0) - rest[at["pelvis"]]
    alike = [up[1] > _UPRIGHT * np.linalg.norm(up)]
    for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot")):
        if f"left_{lower}" in at and f"right_{lower}" in at:
            left, right = (
                rest[at[f"{side}_{lower}"]] - rest[at[f"{side}_{upper}"]]
                for side in ("left", "right")
            )
            cosine = left * [-1, 1, 1] @ right
            alike.append(cosine > _ALIKE * np.linalg.norm(left) * np.linalg.norm(right))
    if not all(alike):
        raise FormatError("has a frame of its motion where its rest pose should be")


def _clearance(heights: Array, names: Sequence[str]) -> Array:
    """Return how far ``(T,)`` the lowest part of a body is above the floor; heights ``(T, n)``."""
    radii = np.array([_RADII[name.rpartition("_")[2]] for name in names])
    return np.asarray((heights - radii).min(axis=1))


def standing_frame(rest: Array, at: Mapping[str, int]) -> Array:
    """Return left, up and ahead of the rest pose as columns ``(3, 3)``.

    Raises:
        FormatError: nobody stands there.
    """
    ankles = (rest[at["left_ankle"]] + rest[at["right_ankle"]]) / 2
    top = (rest[at["left_shoulder"]] + rest[at["right_shoulder"]]) / 2
    across = (
        rest[at["left_hip"]]
        - rest[at["right_hip"]]
        + rest[at["left_shoulder"]]
        - rest[at["right_shoulder"]]
    )
    body = top - ankles
    if min(np.linalg.norm(body), np.linalg.norm(across)) < 1e-9:
        raise FormatError("has a rest pose in which nobody stands")
    axis = np.argmax(np.abs(body))
    up = np.zeros(3)
    up[axis] = np.sign(body[axis])
    left = across - (across @ up) * up
    if np.linalg.norm(left) < 0.3 * np.linalg.norm(across) or abs(
        body[axis]
    ) < 0.8 * np.linalg.norm(body):
        raise FormatError("has a rest pose in which nobody stands")
    # Rest poses look along an axis; what is a little off it is the modeller's hand.
    left /= np.linalg.norm(left)
    if np.abs(left).max() > 0.98:
        left = np.round(left)
    return np.stack([left, up, np.cross(left, up)], axis=1)
