"""Smoothness of the joins in composed motions: peak jerk, area under the jerk, transition FID.

Source: Barquero et al., "Seamless Human Motion Composition with Blended Positional Encodings"
(FlowMDM), CVPR 2024, section 5 and ``utils/metrics.py`` of its code. A window is cut around each
join. The jerk of a frame is the third difference of the joint positions in metres per frame cubed:
the L1 norm over the axes, the maximum over the joints. Its mean over the windows is a curve; the
curve's maximum is the peak jerk, and its summed distance from the mean jerk of real motion is the
area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..motion import FloatArray
from ..representation import features_to_joints

WINDOW = 60  # frames around a join: FlowMDM's for HumanML3D, at 20 fps
REAL_JERK = 0.033031363
"""Mean jerk of real motion that FlowMDM took from HumanML3D."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Smoothness:
    """Smoothness of the joins of a set of motions.

    Attributes:
        joins: measured windows.
        peak_jerk: maximum of the mean curve.
        area: sum of the curve's distances from `real_jerk`, AUJ.
        curve: ``(window - 3,)``, the mean jerk of each frame.
        real_jerk: the reference value.
        left_out: joins too near an end for a whole window.
    """

    joins: int
    peak_jerk: float
    area: float
    curve: tuple[float, ...]
    real_jerk: float
    left_out: int = 0


def jerk(joints: NDArray[Any]) -> Floats:
    """Return the jerk of each frame, ``(..., T - 3)``, of positions ``(..., T, J, 3)``.

    Raises:
        InputError: fewer than four frames.
    """
    array = np.asarray(joints, dtype=np.float64)
    if array.ndim < 3 or array.shape[-3] < 4:
        raise InputError(f"jerk needs at least 4 frames of joints, not the shape {array.shape}")
    third = np.diff(array, n=3, axis=-3)  # (..., T - 3, J, 3)
    largest: Floats = np.abs(third).sum(axis=-1).max(axis=-1)
    return largest


def windows_of(
    motion: NDArray[Any], joins: Sequence[int], window: int = WINDOW
) -> tuple[list[NDArray[Any]], int]:
    """Return a window around each join of a motion ``(T, D)``, and the number of joins without room
    for one.

    Args:
        motion: features or joints, time first.
        joins: first frames of the following parts.
        window: length in frames; half lie before the join.
    """
    before = window // 2
    cut = [motion[at - before : at - before + window] for at in joins if at >= before]
    whole = [part for part in cut if len(part) == window]
    return whole, len(joins) - len(whole)


def smoothness(
    motions: Sequence[FloatArray],
    joins: Sequence[Sequence[int]],
    *,
    window: int = WINDOW,
    real_jerk: float = REAL_JERK,
) -> Smoothness:
    """Return the peak jerk and area of composed motions.

    Args:
        motions: features ``(T, 263)`` of each.
        joins: for each motion, the first frames of the following parts.
        window: frames around a join.
        real_jerk: mean jerk of real motion, see `mean_jerk`.

    Raises:
        InputError: no join has a whole window.
    """
    windows: list[NDArray[Any]] = []
    left_out = 0
    for motion, own in zip(motions, joins, strict=True):
        whole, short = windows_of(features_to_joints(motion), own, window)
        windows += whole
        left_out += short
    if not windows:
        raise InputError(
            f"no join has {window} frames around it; give longer motions or a smaller window"
        )
    curve = jerk(np.stack(windows)).mean(axis=0)
    return Smoothness(
        joins=len(windows),
        peak_jerk=float(curve.max()),
        area=float(np.abs(curve - real_jerk).sum()),
        curve=tuple(float(value) for value in curve),
        real_jerk=real_jerk,
        left_out=left_out,
    )


def mean_jerk(motions: Sequence[FloatArray]) -> float:
    """Return the mean jerk of all frames of real motions ``(T, 263)``, the baseline of the area."""
    values = [jerk(features_to_joints(motion)) for motion in motions if len(motion) > 3]
    if not values:
        raise InputError("no motion has four frames")
    return float(np.concatenate(values).mean())
