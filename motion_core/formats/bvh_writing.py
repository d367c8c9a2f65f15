"""BVH: writing, with the joint rotations that `posing` solves.

The hierarchy is that of our 22 joints in a T-pose facing +z. Head, hands and feet have end sites,
so that they can be seen. Only the root has position channels, and joints whose bone does not keep
its length to within 8 mm.

Axes and units are what Blender's importer expects by default: metres, y up, facing +z.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from ..motion import Motion
from ..placement import Placement
from ..skeleton import FPS, JOINT_NAMES
from .posing import CHILDREN, Pose, solve_pose

Array = NDArray[np.float64]

_HERE = Placement()
_END_SITES = {  # metres: toes, crown, fingertips
    10: np.array([0, 0, 0.08]),
    11: np.array([0, 0, 0.08]),
    15: np.array([0, 0.15, 0]),
    20: np.array([0.17, 0, 0]),
    21: np.array([-0.17, 0, 0]),
}
# Euler orders, left to right. The middle angle must stay below 90 degrees: a body lies down
# less often than it turns round, a thigh rarely twists but often swings forward by 90 degrees.
_ORDER, _LEG_ORDER = "zxy", "xyz"
_LEG_JOINTS = (1, 2, 4, 5, 7, 8, 10, 11)


def write_bvh(
    motion: Motion,
    path: str | Path,
    *,
    unit: Literal["m", "cm"] = "m",
    placement: Placement = _HERE,
) -> None:
    """Write a motion as BVH, 20 fps, atomically.

    Args:
        motion: of at least one frame.
        path: the file to write.
        unit: metres suit Blender; most other programs take BVH as centimetres.
        placement: where the person's origin is in the scene.

    Raises:
        UnavailableError: the file cannot be written.
    """
    scale = {"m": 1.0, "cm": 100.0}[unit]
    pose = solve_pose(placement.apply(motion.joints.astype(np.float64)))
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
    return [joint, *(below for child in CHILDREN[joint] for below in _depth_first(child))]


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
    for child in CHILDREN[joint]:
        lines += _hierarchy(child, pose, scale, inner)
    if joint in _END_SITES:
        end = _numbers(_END_SITES[joint] * scale)
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}  OFFSET {end}", f"{inner}}}"]
    return [*lines, f"{indent}}}"]


def _numbers(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
