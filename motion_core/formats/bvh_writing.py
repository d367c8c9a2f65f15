"""BVH: writing, with joint rotations solved from joint positions.

The hierarchy is that of our 22 joints in a T-pose facing +z, y up, with bones of constant length
(their mean over the frames; a decoded motion's bones breathe a little). From the pelvis outwards
each joint turns

- with several children (pelvis, spine3): as brings them closest to where they are (Kabsch);
- with one child: the shortest way from its parent's orientation that points the bone at where the
  child is, so that no twist is invented;
- without children (head, wrists, feet): not at all; an end site gives it a length to be seen.

A bone points from where the joint came to lie, so errors do not add up along a limb. Where the
children of pelvis or spine3 move against each other by more than 5 mm, as on skeletons that bend
between hips and spine (ASF/AMC), those children get position channels too.

Axes and units are what Blender's importer expects by default: metres, y up, facing +z.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..motion import Motion
from ..skeleton import FPS, JOINT_NAMES, PARENTS
from .atomic import replacing

Array = NDArray[np.float64]

_CHILDREN = tuple(
    tuple(child for child, parent in enumerate(PARENTS) if parent == joint)
    for joint in range(len(PARENTS))
)
_UP, _DOWN, _FORWARD = np.array([0.0, 1, 0]), np.array([0.0, -1, 0]), np.array([0.0, 0, 1])
_LEFT, _RIGHT = np.array([1.0, 0, 0]), np.array([-1.0, 0, 0])
# Where each bone points in the T-pose. Bones of joints with several children keep their
# own shape, which these only turn upright.
_T_POSE = {
    **dict.fromkeys((3, 6, 9, 12, 15), _UP),
    **dict.fromkeys((4, 5, 7, 8), _DOWN),
    **dict.fromkeys((10, 11), _FORWARD),
    **dict.fromkeys((1, 13, 16, 18, 20), _LEFT),
    **dict.fromkeys((2, 14, 17, 19, 21), _RIGHT),
}
_END_SITES = {  # metres: toes, crown, fingertips
    10: 0.08 * _FORWARD,
    11: 0.08 * _FORWARD,
    15: 0.15 * _UP,
    20: 0.17 * _LEFT,
    21: 0.17 * _RIGHT,
}
_TOLERANCE = 0.005  # metres a child of a branching joint may be off
# Euler orders, left to right. The middle angle must stay below 90 degrees: a body lies down
# less often than it turns round, a thigh rarely twists but often swings forward by 90 degrees.
_ORDER, _LEG_ORDER = "zxy", "xyz"
_LEG_JOINTS = (1, 2, 4, 5, 7, 8, 10, 11)


def write_bvh(motion: Motion, path: str | Path, *, unit: Literal["m", "cm"] = "m") -> None:
    """Write a motion as BVH, 20 fps, atomically.

    Args:
        motion: of at least one frame.
        path: the file to write.
        unit: metres suit Blender; most other programs take BVH as centimetres.

    Raises:
        UnavailableError: the file cannot be written.
    """
    scale = {"m": 1.0, "cm": 100.0}[unit]
    pose = solve_pose(motion.joints.astype(np.float64))
    columns = []
    for joint in _depth_first(0):
        if joint in pose.translations:
            columns.append(pose.translations[joint] * scale)
        columns.append(np.degrees(_euler(pose.rotations[:, joint], _order(joint))))
    rows = np.concatenate(columns, axis=1)
    lines = ["HIERARCHY", *_hierarchy(0, pose, scale, ""), "MOTION"]
    lines += [f"Frames: {len(rows)}", f"Frame Time: {1 / FPS:.6f}"]
    template = " ".join(["%.6f"] * rows.shape[1])
    lines += [template % tuple(row) for row in rows]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


@dataclass(frozen=True)
class Pose:
    """A skeleton and how it moves.

    Attributes:
        offsets: ``(22, 3)``, of each joint from its parent in the T-pose, metres.
        rotations: ``(T, 22, 3, 3)``, of each joint relative to its parent.
        translations: ``(T, 3)`` in the parent's frame, of the root and of joints whose offset
            does not hold.
    """

    offsets: Array
    rotations: Array
    translations: Mapping[int, Array]


def solve_pose(joints: Array) -> Pose:
    """The skeleton and rotations that come closest to joints ``(T, 22, 3)``."""
    offsets = _rest_offsets(joints)
    frames = len(joints)
    world = np.broadcast_to(np.eye(3), (frames, len(PARENTS), 3, 3)).copy()
    local = world.copy()
    reached = joints.copy()
    translations = {0: joints[:, 0]}
    for joint, children in enumerate(_CHILDREN):
        parent = PARENTS[joint]
        above = world[:, max(parent, 0)]  # of the root: still the identity
        if parent >= 0:
            reached[:, joint] = reached[:, parent] + above @ offsets[joint]
            away = joints[:, joint] - reached[:, joint]
            if len(_CHILDREN[parent]) > 1 and np.linalg.norm(away, axis=-1).max() > _TOLERANCE:
                reached[:, joint] = joints[:, joint]
                step = (reached[:, joint] - reached[:, parent])[:, None]
                translations[joint] = (step @ above)[:, 0]
        aims = joints[:, list(children)] - reached[:, joint, None]  # (T, children, 3)
        world[:, joint] = above
        if len(children) > 1:
            world[:, joint] = _kabsch(offsets[list(children)], aims)
        elif children:
            bone = rotations.normalize(above @ offsets[children[0]])
            swing = rotations.between(bone, rotations.normalize(aims[:, 0]))
            world[:, joint] = _matrices(swing) @ above
        if parent >= 0:
            local[:, joint] = np.swapaxes(above, 1, 2) @ world[:, joint]
        else:
            local[:, joint] = world[:, joint]
    return Pose(offsets, local, translations)


def _rest_offsets(joints: Array) -> Array:
    """Offsets ``(22, 3)`` in the T-pose with the bones' mean lengths."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1).mean(axis=0)
    offsets = np.zeros((len(PARENTS), 3))
    for joint, length in enumerate(lengths, start=1):
        offsets[joint] = _T_POSE[joint] * length
    for joint, children in enumerate(_CHILDREN):
        if len(children) > 1:
            aims = joints[:, list(children)] - joints[:, joint, None]
            shape = _mean_shape(aims, offsets[list(children)])
            offsets[list(children)] = shape
    return offsets


def _mean_shape(aims: Array, upright: Array) -> Array:
    """The rigid shape ``(children, 3)`` closest to `aims` ``(T, children, 3)``, turned upright."""
    shape = upright
    for _ in range(5):  # generalised Procrustes; converges in two or three rounds
        turned = _kabsch(shape, aims)
        shape = (aims @ turned).mean(axis=0)  # rows times R = R transposed times columns
    return np.asarray(shape @ _kabsch(shape, upright[None])[0].T)


def _kabsch(points: Array, targets: Array) -> Array:
    """Rotations ``(T, 3, 3)`` that bring points ``(n, 3)`` closest to targets ``(T, n, 3)``."""
    u, _, vt = np.linalg.svd(np.swapaxes(targets, 1, 2) @ points)
    flip = np.linalg.det(u @ vt)  # -1 where the best fit would be a mirror image
    u[..., 2] *= np.where(flip < 0, -1.0, 1.0)[:, None]
    return np.asarray(u @ vt)


def _matrices(q: Array) -> Array:
    columns = rotations.to_cont6d(q).reshape(*q.shape[:-1], 2, 3)
    first, second = columns[..., 0, :], columns[..., 1, :]
    return np.stack([first, second, rotations.cross(first, second)], axis=-1)


def _euler(matrices: Array, order: str) -> Array:
    """Angles ``(T, 3)`` in radians of ``R = R_order[0] R_order[1] R_order[2]``, without jumps."""
    i, j, k = ("xyz".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0  # +1 for xyz, yzx, zxy
    middle = np.arcsin(np.clip(sign * matrices[:, i, k], -1, 1))
    first = np.arctan2(-sign * matrices[:, j, k], matrices[:, k, k])
    last = np.arctan2(-sign * matrices[:, i, j], matrices[:, i, i])
    return np.stack([np.unwrap(first), middle, np.unwrap(last)], axis=1)


def _order(joint: int) -> str:
    return _LEG_ORDER if joint in _LEG_JOINTS else _ORDER


def _depth_first(joint: int) -> list[int]:
    return [joint, *(below for child in _CHILDREN[joint] for below in _depth_first(child))]


def _hierarchy(joint: int, pose: Pose, scale: float, indent: str) -> list[str]:
    inner = indent + "  "
    position = "Xposition Yposition Zposition " if joint in pose.translations else ""
    channels = position + " ".join(f"{axis.upper()}rotation" for axis in _order(joint))
    lines = [
        f"{indent}{'JOINT' if joint else 'ROOT'} {JOINT_NAMES[joint]}",
        f"{indent}{{",
        f"{inner}OFFSET {_numbers(pose.offsets[joint] * scale)}",
        f"{inner}CHANNELS {len(channels.split())} {channels}",
    ]
    for child in _CHILDREN[joint]:
        lines += _hierarchy(child, pose, scale, inner)
    if joint in _END_SITES:
        end = _numbers(_END_SITES[joint] * scale)
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {end}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
