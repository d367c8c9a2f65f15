"""The path of the hips, checked against the feet: a foot that stands must not move.

The path and the bones of a file may have different units (a path in centimetres with a body model
in metres) or different axes. In each step, the foot that moves least is taken to be the one that
stands, and the path is scaled so that this foot stays where it is. Feet on skates or wheels slide
too, but they neither bob up and down nor step to and fro. A path that fits the feet only when it is
turned is reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FEET = (7, 8, 10, 11)
_STEPS_A_SECOND = 20
_SLIDING = 0.3  # metres per second at which a standing foot slides
_TRIMMED = 0.9  # share of the steps that count, slowest first, so that one leap changes nothing
_BETTER = 0.35  # a path in another unit leaves at most this share of the sliding
_STILL = 0.08  # the same where nothing moves but the path
_WALKING = 0.9  # the same for a person who walks on the spot
_ON_THE_SPOT = 6.0  # scaling a path that is too short adds less sliding than this; a real one, 13
_MOVING = 0.05  # metres that a path is long once it is scaled
_FAR = 30.0  # metres from the origin within which a path that was too short stays
_STRAY = 0.5  # straightness of a path that leads somewhere
_FASTEST = 13.0  # metres per second of a standing foot on anything that moves
_TURNED = 0.5  # a turned path leaves at most this share of the sliding; real ones, 0.65 and more
_TOO_LONG = {0.01: "centimetres", 0.001: "millimetres"}
_TOO_SHORT = (100.0, 1000.0)
# Of the path's axes, as rows: turns about y, then y and z exchanged, then mirrored.
_TURNS = {
    "turned by 90 degrees": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    "turned by 180 degrees": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "turned by -90 degrees": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "taken as z up": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "taken as -z up": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "mirrored along x": ((-1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "mirrored along z": ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
}


def scale_path(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` whose path has the unit of the bones, and notes.

    Works with any axis up; what depends on the vertical axis is left to `check_sliding`.

    Args:
        joints: scaled so that the bones are in metres.
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
    """Return joints ``(T, 22, 3)``, their path shorter if the body bobs on sliding feet, and notes.

    Args:
        joints: scaled so that the bones are in metres; y up.
        fps: frames per second.
    """
    motion = _Motion.of(joints, fps)
    if motion is None or (slid := motion.sliding(1)) < _SLIDING:
        return joints, []
    scale, unit = motion.shorter()
    turn = min(_TURNS, key=motion.sliding_turned)
    if motion.sliding_turned(turn) < min(_TURNED * slid, motion.sliding(scale)):
        return joints, [
            f"the feet slide at {slid:.1f} m/s, but little if the path is {turn}; if its axes are "
            "not those of the rotations, turn it in the file"
        ]
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
        """Return how fast the slowest foot moves if the path is scaled, metres per second."""
        return _slowest(scale * self.path + self.steps)

    def sliding_turned(self, turn: str) -> float:
        """Return how fast the slowest foot moves with one of `_TURNS`, metres per second."""
        return _slowest(self.path @ np.array(_TURNS[turn], dtype=float).T + self.steps)

    def shorter(self) -> tuple[float, str]:
        """Return the scale and the unit of the path if it is too long."""
        scale = 0.01 if self.sliding(0.01) < 2 * self.sliding(0.001) else 0.001
        return scale, _TOO_LONG[scale]

    def stray(self) -> float:
        """Return how straight the path is: the distance from start to end, over its length."""
        length = float(np.linalg.norm(np.diff(self.root, axis=0), axis=-1).sum())
        return float(np.linalg.norm(self.root[-1] - self.root[0])) / max(length, 1e-9)

    def bounces(self, scale: float) -> bool:
        """Return whether both feet bob up and down together, but not if the path is scaled."""
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
    """Return the mean speed of the slowest foot in ``(T, feet, n)``, fastest steps left out."""
    speeds = np.sort(np.linalg.norm(velocity, axis=-1).min(axis=1))
    return float(speeds[: max(1, int(_TRIMMED * len(speeds)))].mean())
