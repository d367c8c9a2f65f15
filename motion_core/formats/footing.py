"""The scale of a path, inferred from the feet: a standing foot must not move.

The path of the hips and the bones may come in different units: a translation in centimetres with a
body model in metres, offsets in centimetres with a path in metres. In each step the foot that moves
least is taken as the one that stands, and the path is scaled in the way that keeps it still. Who
skates or rides slides too, but neither up and down nor to and fro.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FEET = (7, 8, 10, 11)
_STEPS_A_SECOND = 20
_SLIDING = 0.3  # metres per second from which on standing feet slide
_TRIMMED = 0.9  # share of the steps that count, the slowest: one leap says nothing
_BETTER = 0.35  # share of the sliding that is left where another scale fits
_STILL = 0.08  # the same where nothing moves but the path
_WALKING = 0.9  # the same of somebody who walks on the spot
_ON_THE_SPOT = 6.0  # up to which feet slide hardly more with the path scaled: real paths, 13 times
_MOVING = 0.05  # metres that a path is long once it is scaled
_FAR = 30.0  # metres from the origin that a path ends up only if it is not too short
_STRAY = 0.5  # straightness from which on a path leads somewhere
_FASTEST = 13.0  # metres per second of somebody's feet while they stand on something
_TOO_LONG = {0.01: "centimetres", 0.001: "millimetres"}
_TOO_SHORT = (100.0, 1000.0)


def scale_path(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` whose path has the unit of the bones, and notes.

    Whichever axis is up; what only the vertical axis can tell is left to `check_sliding`.

    Args:
        joints: metres by the bones.
        fps: frames per second.
    """
    motion = _Motion.of(joints, fps)
    if motion is None:
        return joints, []
    slid = motion.sliding(1)
    scale, unit = motion.shorter()
    if slid > _FASTEST or (
        slid > _SLIDING and motion.sliding(scale) < _STILL * slid and motion.stray() < _STRAY
    ):
        return _shortened(joints, scale, unit, slid)
    scale = min(_TOO_SHORT, key=motion.sliding)
    share = motion.sliding(scale) / max(slid, 1e-6)
    if share > _ON_THE_SPOT or scale * np.ptp(motion.root, axis=0).max() < _MOVING:
        return joints, []
    far = scale * float(np.linalg.norm(np.median(motion.root, axis=0)))
    if share < _WALKING and far < _FAR:
        return _scaled(joints, scale), [
            f"its path was multiplied by {scale:g}: the feet stepped in place"
        ]
    return joints, [
        "the feet step in place; if the path is in a larger unit than the bones, "
        "say so (--unit) or scale it"
    ]


def check_sliding(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` with a shorter path if the body bobs on sliding feet, and notes.

    Args:
        joints: metres by the bones, y up.
        fps: frames per second.
    """
    motion = _Motion.of(joints, fps)
    if motion is None or (slid := motion.sliding(1)) < _SLIDING:
        return joints, []
    scale, unit = motion.shorter()
    if motion.sliding(scale) > _BETTER * slid:
        return joints, []
    if motion.bounces(scale):
        return _shortened(joints, scale, unit, slid)
    return joints, [
        f"the feet slide at {slid:.1f} m/s, as on wheels; if the path is in {unit}, "
        "say so (--unit) or scale it"
    ]


@dataclass(frozen=True)
class _Motion:
    """A person's path and steps.

    Attributes:
        root: ``(T, 3)``, metres.
        path: ``(T-1, 1, 3)``, of the root, metres per second.
        steps: ``(T-1, 4, 3)``, of the feet against the root, metres per second.
    """

    root: Array
    path: Array
    steps: Array

    @classmethod
    def of(cls, joints: Array, fps: float) -> _Motion | None:
        """Return the motion in joints ``(T, 22, 3)``, or nothing if it is too short to tell."""
        every = max(1, round(fps / _STEPS_A_SECOND))
        root = joints[::every, 0]
        if len(root) < 6 or not np.isfinite(joints).all():
            return None
        feet = joints[::every, _FEET] - root[:, None]
        speed = fps / every
        return cls(root, np.diff(root, axis=0)[:, None] * speed, np.diff(feet, axis=0) * speed)

    def sliding(self, scale: float) -> float:
        """Return how fast the slowest foot moves with the path scaled, metres per second."""
        return _slowest(scale * self.path + self.steps)

    def shorter(self) -> tuple[float, str]:
        """Return the scale and the unit of a path that is too long."""
        scale = 0.01 if self.sliding(0.01) < 2 * self.sliding(0.001) else 0.001
        return scale, _TOO_LONG[scale]

    def stray(self) -> float:
        """Return how straight the path is: the distance from its start to its end over its
        length.
        """
        length = float(np.linalg.norm(np.diff(self.root, axis=0), axis=-1).sum())
        return float(np.linalg.norm(self.root[-1] - self.root[0])) / max(length, 1e-9)

    def bounces(self, scale: float) -> bool:
        """Return whether both feet bob up and down together unless the path is scaled."""
        rising = _slowest((self.path + self.steps)[..., 1:2])
        flat = _slowest((scale * self.path + self.steps)[..., 1:2])
        return rising > 0.8 * _SLIDING and flat < 0.5 * rising


def _shortened(joints: Array, scale: float, unit: str, slid: float) -> tuple[Array, list[str]]:
    return _scaled(joints, scale), [
        f"its path was taken as {unit}: the feet slid at {slid:.1f} m/s"
    ]


def _scaled(joints: Array, scale: float) -> Array:
    return joints + (scale - 1) * joints[:, :1]


def _slowest(velocity: Array) -> float:
    """Return the mean speed of the slowest foot without the fastest steps; ``(T, feet, n)``."""
    speeds = np.sort(np.linalg.norm(velocity, axis=-1).min(axis=1))
    return float(speeds[: max(1, int(_TRIMMED * len(speeds)))].mean())
