"""Units and up-axis of recorded joints: told by the caller, or seen from the body itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..skeleton import JOINT_NAMES

Unit = Literal["m", "cm", "mm", "inch", "acclaim"]
UpAxis = Literal["x", "y", "z"]

METRES: dict[Unit, float] = {
    "m": 1.0,
    "cm": 0.01,
    "mm": 0.001,
    "inch": 0.0254,
    "acclaim": 0.0254 / 0.45,  # CMU's and HDM05's ASF files: inches / 0.45
}
_LEG = 0.82  # metres from hip to ankle of a grown person
_LEFT_LEG, _RIGHT_LEG = (1, 4, 7), (2, 5, 8)


def detect_unit(joints: NDArray[np.float64]) -> Unit:
    """The unit in which the legs of joints ``(T, 22, 3)`` come closest to a person's.

    Raises:
        FormatError: the legs have no length, or in no unit that of a person.
    """
    bones = [
        np.linalg.norm(joints[:, lower] - joints[:, upper], axis=-1)
        for leg in (_LEFT_LEG, _RIGHT_LEG)
        for upper, lower in pairwise(leg)
    ]
    leg = float(np.median(sum(bones))) / 2
    if leg <= 0:
        raise FormatError("has legs of no length; not a person")
    unit = min(METRES, key=lambda each: abs(np.log(leg * METRES[each] / _LEG)))
    if not 0.4 < leg * METRES[unit] < 1.6:
        raise FormatError(f"has legs {leg:.3g} units long, in no known unit those of a person")
    return unit


def detect_up(joints: NDArray[np.float64]) -> UpAxis:
    """The axis y, unless the body stands along z or x and never along y."""
    ankles = joints[:, [_LEFT_LEG[-1], _RIGHT_LEG[-1]]].mean(axis=1)
    body = joints[:, JOINT_NAMES.index("neck")] - ankles  # (T, 3)
    along = np.abs(body) / np.maximum(np.linalg.norm(body, axis=-1, keepdims=True), 1e-9)
    standing = (along > 0.85).mean(axis=0)  # share of frames in which each axis is up
    if standing[1] > 0.02 or standing.max() < 0.5:
        return "y"
    return "z" if standing[2] >= standing[0] else "x"


def to_metres_y_up(
    joints: NDArray[np.float64], *, unit: Unit | None = None, up: UpAxis | None = None
) -> NDArray[np.float64]:
    """Joints ``(T, 22, 3)`` in metres with y up; what is not told is detected."""
    scaled = joints * METRES[unit or detect_unit(joints)]
    match up or detect_up(joints):
        case "z":
            return scaled[..., [1, 2, 0]]
        case "x":
            return scaled[..., [2, 0, 1]]
        case _:
            return scaled


def reference_frames(joints: NDArray[np.float64]) -> int:
    """How many frames at the start, 0 or 1, are a pose for reference and not of the motion.

    Ten of CMU's trials begin with one frame at the origin, 2.5 m from the next: a joint that
    moves far in the first step and nowhere near as far in those that follow tells it.
    """
    moved = np.linalg.norm(np.diff(joints[:12], axis=0), axis=-1).max(axis=1)
    if len(moved) < 3:
        return 0
    return int(moved[0] > 0.3 and moved[0] > 5 * moved[1:].max())
