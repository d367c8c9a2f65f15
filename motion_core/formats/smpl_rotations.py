"""Rotations of the SMPL family's joints, in the ways that models write them.

    axis-angle           3 numbers a joint, radians: AMASS, and what is taken if nothing else fits
    matrices             9 numbers a joint, orthonormal
    quaternions          4 numbers a joint, of length one, w first or last
    first two columns    6 numbers a joint: rows or columns, which nobody can tell; refused

Numbers that are no rotations in any of these ways are refused, degrees too: as radians they would
be another pose, and with bones of our own nobody would see it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..errors import FormatError

Array = NDArray[np.float64]

_JOINTS = 22
_CLOSE = 0.02  # how far from a rotation its numbers may be, by rounding
_MOST = 2 * np.pi  # radians that a joint of the body turns against its parent


def axis_angles(poses: Array) -> tuple[Array, tuple[str, ...]]:
    """Return poses ``(T, n)`` as axis-angles ``(T, 3 * J)``, and what they were taken for.

    Raises:
        FormatError: they are no rotations that are read, or of fewer than 22 joints.
    """
    frames, numbers = poses.shape
    if _holds(numbers, 9):
        matrices = poses.reshape(frames, -1, 3, 3)
        if np.abs(matrices @ np.swapaxes(matrices, -1, -2) - np.eye(3)).max() < _CLOSE:
            return _rotvecs(Rotation.from_matrix(matrices.reshape(-1, 3, 3)), frames), (
                "its rotations were taken as matrices",
            )
    if _holds(numbers, 6):
        pairs = poses.reshape(frames, -1, 2, 3)
        interleaved = np.swapaxes(poses.reshape(frames, -1, 3, 2), -1, -2)
        for each in (pairs, interleaved):
            if np.abs(each @ np.swapaxes(each, -1, -2) - np.eye(2)).max() < _CLOSE:
                raise FormatError(
                    "has rotations of 6 numbers a joint, which may be rows or columns of a matrix; "
                    "write axis-angles or matrices"
                )
    if _holds(numbers, 4):
        quaternions = poses.reshape(frames, -1, 4)
        if np.abs(np.linalg.norm(quaternions, axis=-1) - 1).max() < _CLOSE:
            # Most joints are turned little: w is near to one.
            first, last = np.abs(quaternions[..., 0]).mean(), np.abs(quaternions[..., 3]).mean()
            if first > last:
                quaternions = np.roll(quaternions, -1, axis=-1)
            order = "w first" if first > last else "w last"
            return _rotvecs(Rotation.from_quat(quaternions.reshape(-1, 4)), frames), (
                f"its rotations were taken as quaternions, {order}",
            )
    if not _holds(numbers, 3):
        raise FormatError(
            f"has {numbers} numbers a frame in poses; SMPL's are 72, SMPL+H's 156, SMPL-X's 165"
        )
    turns = np.linalg.norm(poses.reshape(frames, -1, 3)[:, 1:_JOINTS], axis=-1)
    most = float(np.percentile(turns, 95, axis=0).max(initial=0.0))
    if most > _MOST:
        raise FormatError(
            f"has joints that turn by {most:.1f} radians in poses; "
            "axis-angles are read in radians, not in degrees"
        )
    return poses, ()


def _holds(numbers: int, each: int) -> bool:
    """Return whether so many numbers a frame are joints of `each` numbers, 22 or more of them."""
    return numbers % each == 0 and numbers >= each * _JOINTS


def _rotvecs(turns: Rotation, frames: int) -> Array:
    return np.asarray(turns.as_rotvec().reshape(frames, -1))
