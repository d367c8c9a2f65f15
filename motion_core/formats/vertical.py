"""Which axis is up, judged by a body's posture, support, sides and falls.

No sign is certain by itself: people who bend or lie extend along the floor, a swimmer touches none,
and a file may have its floor anywhere. Each axis scores points for every sign. An axis other than y
is chosen only if it leads clearly; if its lead is small, y stays and a note says so.
`benchmarks/damaged_imports.py` measures how often that is right.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ..choices import Axis

Array = NDArray[np.float64]

AXES: tuple[Axis, ...] = get_args(Axis)

_WEIGHTS = {
    "upright": 3.5,
    "rests": 1.5,
    "floor": 1.5,
    "steady": -0.7,
    "sliding": -1.0,
    "sides": -2.6,
    "toes": -1.0,
    "head below feet": -2.5,
    "falls": 0.9,
}
"""Points for each sign: a logistic regression on recordings with a known vertical axis, rounded."""

_CHANGED = 3.0  # lead at which another axis replaces y
_CHANGED_STILL = 5.5  # the same of a body that does not move, which gives fewer signs
_CERTAIN = 1.5  # lead at which y is beyond doubt
_CERTAIN_ADRIFT = 3.0  # the same of a body that rests on nothing, such as a swimmer's
_STILL, _FAST = 0.05, 2.0  # metres per second
_UPRIGHT = 0.85  # cosine to the vertical of a body that stands
_GRAVITY = 9.81
_STEPS_A_SECOND = 20
_FEET, _WRISTS, _HEAD = (7, 8, 10, 11), (20, 21), 15
_TRUNK = (0, 1, 2, 3, 6, 9, 12, 15, 16, 17)


def upright(joints: Array, fps: float, up: Axis | None) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` with y up, and a note if their axis was changed or is doubtful.

    Args:
        joints: in metres.
        fps: frames per second.
        up: the vertical axis, if the user named it.
    """
    if up is not None:
        return joints @ turn_up(up), []
    if not np.isfinite(joints).all():
        return joints, []
    signs = vertical_signs(joints, fps)
    points = sum((_WEIGHTS[name] * values for name, values in signs.items()), np.zeros(len(AXES)))
    ahead = points - points[AXES.index("y")]
    others = [at for at, axis in enumerate(AXES) if axis != "y"]
    best = max(others, key=lambda at: float(ahead[at]))
    moves = _speeds(joints, fps).mean() > _STILL
    if ahead[best] > (_CHANGED if moves else _CHANGED_STILL):
        return joints @ turn_up(AXES[best]), [
            f"{AXES[best]} was taken as the vertical axis, as the person stands and moves; "
            "if another one is, say so (--up)"
        ]
    adrift = signs["rests"][AXES.index("y")] < 0.05
    if ahead[best] > -(_CERTAIN_ADRIFT if adrift else _CERTAIN):
        return joints, [
            f"y was taken as the vertical axis, which is uncertain; {AXES[best]} may be it (--up)"
        ]
    return joints, []


def vertical_signs(joints: Array, fps: float) -> dict[str, Array]:
    """Return the evidence for and against each of `AXES` being vertical, ``(6,)`` for each sign.

    upright          share of the movement in which the body stands on a foot or a hand
    rests            the same where that foot or hand rests
    floor            whether the lowest joints are at 0, from 0 to 1
    steady           logarithm of how much the height of the lowest joint varies
    sliding          logarithm of the lowest joint's speed over that of all joints
    sides            how much left is above or below right
    toes             how much feet point up or down
    head below feet  share of the movement in which it is by 0.3 m or more
    falls            logarithm of the share of frames in free fall
    """
    every = max(1, round(fps / _STEPS_A_SECOND))
    joints, fps = joints[::every], fps / every
    axes = np.stack([turn_up(axis)[:, 1] for axis in AXES])  # (6, 3)
    heights = joints @ axes.T  # (T, 22, 6)
    lowest, which = heights.min(axis=1), heights.argmin(axis=1)  # (T, 6)
    speeds = np.minimum(_speeds(joints, fps), _FAST)  # a leap of one frame says nothing
    support = np.take_along_axis(speeds, which, axis=1)
    usual = speeds.mean(axis=1, keepdims=True)
    rests = support < 0.4 * usual + 0.05
    weights = np.minimum(usual, 0.5) + 0.02  # still frames tell little
    weights /= weights.sum()
    body = _unit(joints[:, 12] - joints[:, [7, 8]].mean(axis=1)) @ axes.T
    on_feet = np.isin(which, _FEET) & (body > _UPRIGHT)
    on_hands = np.isin(which, _WRISTS) & (body < -_UPRIGHT)
    left = _unit(joints[:, 1] - joints[:, 2] + joints[:, 16] - joints[:, 17])
    toes = _unit(joints[:, [10, 11]] - joints[:, [7, 8]])
    pull = np.diff(joints[:, _TRUNK].mean(axis=1), 2, axis=0) * fps**2  # (T-2, 3)
    off = np.linalg.norm(pull[:, None] + _GRAVITY * axes, axis=-1)  # (T-2, 6)
    falls = (off < 3).mean(axis=0) if len(pull) else np.zeros(len(axes))
    steady = np.sqrt(_weighted(weights, (lowest - _weighted(weights, lowest)) ** 2))
    upside_down = heights[:, _HEAD] < heights[:, [7, 8]].mean(axis=1) - 0.3
    return {
        "upright": _weighted(weights, on_feet | on_hands),
        "rests": _weighted(weights, (on_feet | on_hands) & rests),
        "floor": np.exp(-((np.percentile(lowest, 20, axis=0) / 0.08) ** 2)),
        "steady": np.log(steady + 0.02),
        "sliding": np.log((support.mean(axis=0) + 0.05) / (usual.mean() + 0.05)),
        "sides": _weighted(weights, np.abs(left @ axes.T)),
        "toes": _weighted(weights, np.abs(toes @ axes.T).mean(axis=1)),
        "head below feet": _weighted(weights, upside_down),
        "falls": np.log(falls + 0.01),
    }


def _weighted(weights: Array, values: NDArray[Any]) -> Array:
    """Return the mean ``(6,)`` of values ``(T, 6)`` with weights ``(T, 1)`` whose sum is 1."""
    return np.asarray((weights * values).sum(axis=0))


def _speeds(joints: Array, fps: float) -> Array:
    """Return speeds ``(T, 22)`` in metres per second; the last frame repeats the one before."""
    if len(joints) == 1:
        return np.zeros(joints.shape[:2])
    speeds = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps
    return np.concatenate([speeds, speeds[-1:]])


def turn_up(axis: Axis) -> Array:
    """Return the turn ``(3, 3)`` that brings an axis up, for rows: ``joints @ turn``."""
    turns: dict[Axis, list[list[int]]] = {
        "y": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "-y": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
        "z": [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        "-z": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
        "x": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
        "-x": [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    }
    return np.array(turns[axis], dtype=np.float64)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
