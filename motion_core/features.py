"""Features and joints as arrays: shapes, limits and checks.

HumanML3D's representation has 263 numbers per frame at 20 fps; `representation` converts it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .skeleton import JOINT_NAMES

FloatArray = NDArray[np.float32]

FEATURES = 263
KIT_FEATURES = 251  # of KIT-ML's 21 joints, at 12.5 fps: for training and evaluation alone
FRAMES_PER_TOKEN = 4
MAX_FRAMES = 100_000  # 83 minutes; more is assumed to be a mistake


@dataclass(frozen=True)
class Columns:
    """What the numbers of a frame are, for a skeleton of any number of joints.

    Attributes:
        features: numbers of a frame: 263, or KIT-ML's 251.
    """

    features: int = FEATURES

    @property
    def joints(self) -> int:
        """Joints of the skeleton."""
        return (self.features + 1) // 12

    @property
    def groups(self) -> tuple[slice, ...]:
        """Turn of the root (half angles, radians a frame), its velocity in the plane, its height;
        positions, rotations and velocities of the joints; foot contacts.
        """
        ends = np.cumsum([0, 1, 2, 1, *(k * (self.joints - 1) for k in (3, 6)), 3 * self.joints, 4])
        pairs = itertools.pairwise(ends.tolist())
        return tuple(slice(first, last) for first, last in pairs)

    @property
    def root(self) -> slice:
        """Turn, velocity and height of the root."""
        return slice(0, 4)

    @property
    def positions(self) -> slice:
        """All joints but the root, relative to its vertical, heading-aligned, metres."""
        return self.groups[3]

    @property
    def contacts(self) -> slice:
        """The four foot contacts."""
        return self.groups[6]


def check_features(features: NDArray[Any], width: int = FEATURES) -> FloatArray:
    """Return `features` as a new float32 array ``(T, width)``.

    Raises:
        InputError: they have another shape, no frames, more than `MAX_FRAMES`, or values that are
            not finite.
    """
    array = np.array(features, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != width:
        raise InputError(f"features have the shape {array.shape}; expected (frames, {width})")
    _check_frames(array)
    return array


def movement(features: FloatArray, mean: NDArray[Any], std: NDArray[Any]) -> FloatArray:
    """Describe a motion for look-up: mean and spread of its normalised features over time.

    Args:
        features: ``(T, D)``.
        mean: ``(D,)``, to normalise with.
        std: ``(D,)``, likewise.

    Returns:
        ``(2 D,)``.
    """
    normal = (features - mean) / std
    return np.concatenate([normal.mean(axis=0), normal.std(axis=0)]).astype(np.float32)


def check_joints(joints: NDArray[Any]) -> NDArray[np.float64]:
    """Return `joints` as a float64 array ``(T, 22, 3)``, checked to be plausible.

    Raises:
        InputError: they have another shape, no frames, values that are not finite, or positions
            beyond a kilometre.
    """
    array = np.asarray(joints, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != (len(JOINT_NAMES), 3):
        raise InputError(f"joints have the shape {array.shape}; expected (frames, 22, 3)")
    _check_frames(array)
    extent = float(np.abs(array).max())
    if extent > 1000:
        raise InputError(
            f"a joint is {extent:.0f} m from the origin; joints are expected in metres"
        )
    return array


def _check_frames(array: NDArray[Any]) -> None:
    if len(array) == 0:
        raise InputError("the motion has no frames")
    if len(array) > MAX_FRAMES:
        raise InputError(f"the motion has {len(array)} frames; the limit is {MAX_FRAMES}")
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if bad.size:
        raise InputError(f"frame {bad[0]} holds NaN or infinity ({bad.size} such frames in all)")
