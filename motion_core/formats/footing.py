"""The scale of a path, inferred from the feet: a standing foot must not move.

The path of the hips and the bones may come in different units: a translation in centimetres with a
body model in metres, offsets in centimetres with a path in metres. In each step the foot that moves
least is taken as the one that stands, and the path is scaled in the way that keeps it still. Who
skates or rides slides too, but neither up and down nor to and fro.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FEET = (7, 8, 10, 11)
_STEPS_A_SECOND = 20
_SLIDING = 0.3  # metres per second from which on standing feet slide
_TRIMMED = 0.9  # share of the steps that count, the slowest: one leap says nothing
_BETTER = 0.35  # share of the sliding that is left where another scale fits
_STILL = 0.08  # the same where nothing moves but the path
_WALKING = 0.6  # the same of somebody who walks on the spot
_STRAY = 0.5  # straightness from which on a path leads somewhere
_FASTEST = 13.0  # metres per second of somebody's feet while they stand on something
_TOO_LONG = {0.01: "centimetres", 0.001: "millimetres"}
_TOO_SHORT = (100.0, 1000.0)


def scale_path(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` whose path has the unit of the bones, and notes.

    Args:
        joints: metres by the bones, y up.
        fps: frames per second.
    """
    every = max(1, round(fps / _STEPS_A_SECOND))
    root = joints[::every, 0]
    if len(root) < 6:
        return joints, []
    feet = joints[::every, _FEET] - root[:, None]
    path = np.diff(root, axis=0)[:, None] * fps / every  # (T-1, 1, 3), metres per second
    steps = np.diff(feet, axis=0) * fps / every  # (T-1, 4, 3)

    def sliding(scale: float) -> float:
        return _slowest(scale * path + steps)

    slid = sliding(1)
    if slid < _SLIDING:
        return joints, []
    too_long = 0.01 if sliding(0.01) < 2 * sliding(0.001) else 0.001
    unit = _TOO_LONG[too_long]
    share = sliding(too_long) / slid
    if slid > _FASTEST or (
        share < _BETTER
        and (_bounces(path, steps, too_long) or (share < _STILL and _stray(root) < _STRAY))
    ):
        return _scaled(joints, too_long), [
            f"its path was taken as {unit}: the feet slid at {slid:.1f} m/s"
        ]
    if share < _BETTER:
        return joints, [
            f"the feet slide at {slid:.1f} m/s, as on wheels; if the path is in {unit}, "
            "say so (--unit) or scale it"
        ]
    too_short = min(_TOO_SHORT, key=sliding)
    if sliding(too_short) < _WALKING * slid:
        return _scaled(joints, too_short), [
            f"its path was multiplied by {too_short:g}: the feet stepped in place"
        ]
    return joints, []


def _scaled(joints: Array, scale: float) -> Array:
    return joints + (scale - 1) * joints[:, :1]


def _bounces(path: Array, steps: Array, scale: float) -> bool:
    """Return whether both feet bob up and down together unless the path is scaled."""
    rising = _slowest((path + steps)[..., 1:2])
    return rising > 0.8 * _SLIDING and _slowest((scale * path + steps)[..., 1:2]) < 0.5 * rising


def _stray(root: Array) -> float:
    """Return how straight a path is: the distance from its start to its end over its length."""
    length = float(np.linalg.norm(np.diff(root, axis=0), axis=-1).sum())
    return float(np.linalg.norm(root[-1] - root[0])) / max(length, 1e-9)


def _slowest(velocity: Array) -> float:
    """Return the mean speed of the slowest foot without the fastest steps; ``(T, feet, n)``."""
    speeds = np.sort(np.linalg.norm(velocity, axis=-1).min(axis=1))
    return float(speeds[: max(1, int(_TRIMMED * len(speeds)))].mean())
