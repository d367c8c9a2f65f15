"""Arrays that models and their users write: joints in any arrangement, features, batches.

(T, 22, 3)  (T, 24 | 52 | 55 …, 3)   joints; the first 22 of SMPL, SMPL-H and SMPL-X are ours
(J, 3, T)  (B, J, 3, T)              the same as MDM and its kin arrange them
(T, 66)  (T, 72) …                   the same, a frame a row
(1, T, …)  (B, T, …)                 a batch, of which `clip` says which one
(T, 263)  (1, T, 263)                HumanML3D's features
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..motion import FEATURES
from ..skeleton import JOINT_NAMES

_COUNTS = (22, 23, 24, 45, 52, 55, 73, 127, 144)
"""Numbers of joints of the SMPL family, whose first 22 are ours."""


def as_features(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return features ``(T, 263)`` if the array holds such, of one motion."""
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    return array if array.ndim == 2 and array.shape[1] == FEATURES else None


def as_joints(
    array: NDArray[Any], clip: str | None = None, lengths: Sequence[int] | None = None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return joints ``(T, 22, 3)`` of an array, and notes on how it was read.

    Args:
        array: of any number of axes.
        clip: the number of the motion in a batch, from 0.
        lengths: how many frames count of each motion in a batch, which end with padding.

    Raises:
        FormatError: joints of another kind.
        InputError: a batch of several motions, and no number or a wrong one.
    """
    shape = array.shape
    joints = array
    if joints.ndim in (3, 4) and joints.shape[-3] in _COUNTS and joints.shape[-2] == 3:
        joints = np.moveaxis(joints, -1, -3)  # (…, J, 3, T)
    elif joints.ndim in (2, 3) and joints.shape[-1] in tuple(3 * count for count in _COUNTS):
        joints = joints.reshape(*joints.shape[:-1], -1, 3)
    if joints.ndim == 4 and joints.shape[-1] == 3:
        if len(joints) > 1 and (clip is None or not clip.isdecimal() or int(clip) >= len(joints)):
            raise InputError(
                f"an array of {len(joints)} motions; say which, 0 to {len(joints) - 1} (--clip)"
            )
        chosen = int(clip) if clip is not None and len(joints) > 1 else 0
        joints = joints[chosen][: lengths[chosen] if lengths is not None else None]
    if joints.ndim != 3 or joints.shape[2] != 3 or joints.shape[1] not in _COUNTS:
        raise FormatError(
            f"holds an array of the shape {shape}; joints are (frames, 22, 3), or 24, 52 or 55 of "
            f"them as SMPL orders them, and HumanML3D's features (frames, {FEATURES})"
        )
    count = joints.shape[1]
    notes = () if count == len(JOINT_NAMES) else (f"of its {count} joints the first 22 were taken",)
    return joints[:, : len(JOINT_NAMES)].astype(np.float64), notes
