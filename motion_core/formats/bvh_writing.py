"""BVH: writing, with the joint rotations that `posing` solves.

The hierarchy is that of our 22 joints in a T-pose facing +z. Head, hands and feet have end sites,
so that they can be seen. Only the root has position channels, and all joints have one order of
rotations: readers take the first joint's for all. So every bone has one length, and joints of a
generated motion move as little as possible for it (`bone_change`).

Names, order and unit are those of a `BvhStyle`; axes are y up, facing +z, and by default all is
what Blender's importer expects.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from ..motion import Motion
from ..placement import Placement
from ..skeleton import FPS
from .bvh_styles import BVH_STYLES, BvhStyle
from .posing import CHILDREN, Pose, pose_transforms, solve_rigid_pose

Array = NDArray[np.float64]

_HERE = Placement()
_END_SITES = {  # metres: toes, crown, fingertips
    10: np.array([0, 0, 0.08]),
    11: np.array([0, 0, 0.08]),
    15: np.array([0, 0.15, 0]),
    20: np.array([0.17, 0, 0]),
    21: np.array([-0.17, 0, 0]),
}
_SCALE = {"m": 1.0, "cm": 100.0}


def write_bvh(
    motion: Motion,
    path: str | Path,
    *,
    style: BvhStyle = BVH_STYLES["plain"],
    placement: Placement = _HERE,
) -> None:
    """Write a motion as BVH, 20 fps, atomically.

    Args:
        motion: of at least one frame.
        path: the file to write.
        style: names, order of rotations and unit; see `BVH_STYLES`.
        placement: where the person's origin is in the scene.

    Raises:
        UnavailableError: the file cannot be written.
    """
    scale = _SCALE[style.unit]
    pose = solve_rigid_pose(placement.apply(motion.joints.astype(np.float64)))
    columns = []
    for joint in _depth_first(0):
        if joint in pose.translations:
            columns.append(pose.translations[joint] * scale)
        columns.append(np.degrees(_euler(pose.rotations[:, joint], style.order)))
    rows = np.concatenate(columns, axis=1)
    lines = ["HIERARCHY", *_hierarchy(0, pose, style, ""), "MOTION"]
    lines += [f"Frames: {len(rows)}", f"Frame Time: {1 / FPS:.6f}"]
    template = " ".join(["%.6f"] * rows.shape[1])
    lines += [template % tuple(row) for row in rows]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def bone_change(motion: Motion) -> tuple[float, float]:
    """Return how far joints move, in metres, for bones to have one length: in the mean, and at
    most.
    """
    joints = motion.joints.astype(np.float64)
    reached, _ = pose_transforms(solve_rigid_pose(joints))
    away = np.linalg.norm(reached - joints, axis=-1)
    return float(away.mean()), float(away.max())


def _euler(matrices: Array, order: str) -> Array:
    """Return angles ``(T, 3)`` in radians of ``R = R_order[0] R_order[1] R_order[2]``, without
    jumps.
    """
    i, j, k = ("xyz".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0  # +1 for xyz, yzx, zxy
    middle = np.arcsin(np.clip(sign * matrices[:, i, k], -1, 1))
    first = np.arctan2(-sign * matrices[:, j, k], matrices[:, k, k])
    last = np.arctan2(-sign * matrices[:, i, j], matrices[:, i, i])
    return np.stack([np.unwrap(first), middle, np.unwrap(last)], axis=1)


def _depth_first(joint: int) -> list[int]:
    return [joint, *(below for child in CHILDREN[joint] for below in _depth_first(child))]


def _hierarchy(joint: int, pose: Pose, style: BvhStyle, indent: str) -> list[str]:
    scale = _SCALE[style.unit]
    inner = indent + "  "
    position = "Xposition Yposition Zposition " if joint in pose.translations else ""
    channels = position + " ".join(f"{axis.upper()}rotation" for axis in style.order)
    lines = [
        f"{indent}{'JOINT' if joint else 'ROOT'} {style.names[joint]}",
        f"{indent}{{",
        f"{inner}OFFSET {_numbers(pose.offsets[joint] * scale)}",
        f"{inner}CHANNELS {len(channels.split())} {channels}",
    ]
    for child in CHILDREN[joint]:
        lines += _hierarchy(child, pose, style, inner)
    if joint in _END_SITES:
        end = _numbers(_END_SITES[joint] * scale)
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {end}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
