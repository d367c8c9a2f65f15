"""Clean-up of a motion: feet that stand still, a floor to stand on, less jitter.

It is optional, and models are measured without it. Its steps, each of which can be skipped, in this
order:

1. *smooth*: Savitzky-Golay over time (Savitzky and Golay, 1964): removes jitter, keeps peaks.
2. The person gets the standard skeleton, as all features have it. A decoded motion's bones change
   length; making them constant afterwards would undo the changes to the feet.
3. *ground*: the floor is where a foot stands; the body is raised or lowered to it. A foot higher
   than `_STEP` is assumed to stand on something.
4. *feet*: a foot that is down by its contact channel, slow and low is kept at its mean position,
   and eased in and out. The leg follows by two-bone inverse kinematics in its own plane, so the
   knee keeps pointing where it did.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_opening
from scipy.signal import savgol_filter

from . import rotations
from .errors import InputError
from .floor import on_the_floor
from .motion import MAX_FRAMES, FloatArray, Motion
from .representation import features_to_joints, joints_to_features
from .skeleton import FPS, LEFT_FOOT, RIGHT_FOOT
from .smoothing import gaussian, low_pass

Array = NDArray[np.float64]

FEET = (*LEFT_FOOT, *RIGHT_FOOT)
"""The joints of the four contact channels, in their order."""

_LEGS = ((1, 4, 7, 10), (2, 5, 8, 11))  # hip, knee, ankle, ball
_CONTACTS = slice(259, 263)
_STEP = 0.10  # metres above the floor from which a foot stands on something
_SLOW = 0.5  # metres per second; the channel itself counts up to 0.9 as contact
_FADE = 5  # frames over which a foot is eased to its position and back
_STRETCH = 0.998  # maximum distance of hip and ankle, as a share of the leg's length
_ORDER = 3  # degree of the smoothing polynomials


def clean(motion: Motion, *, feet: bool = True, ground: bool = True, smooth: int = 5) -> Motion:
    """Return the cleaned motion; its segments and tokens stay.

    The features are recomputed, so they are not what the tokens decode to. Provenance says what was
    done: ``{"cleaned": {"of": "m-3fa9c1", "feet": true, …}}``.

    Args:
        motion: any; with fewer than 5 frames only the skeleton is standardised.
        feet: whether to keep standing feet from sliding.
        ground: whether to put the body on the floor where its feet stand.
        smooth: frames of the smoothing window; 0 for none.

    Raises:
        InputError: the window is neither 0 nor odd and from 5 to 101, there are more than 99,998
            frames, or the joints are impossible.
    """
    if smooth and not (5 <= smooth <= 101 and smooth % 2):
        raise InputError(f"a window of {smooth} frames cannot smooth; give 0 or an odd 5 to 101")
    if len(motion) > MAX_FRAMES - 2:
        raise InputError(f"{len(motion)} frames cannot be cleaned; cut to {MAX_FRAMES - 2}")
    joints = motion.joints.astype(np.float64)
    if smooth and len(joints) >= smooth:
        joints = savgol_filter(joints, smooth, _ORDER, axis=0, mode="interp")
    features, joints = _standard(joints)
    if len(joints) >= 5:
        planted = planted_feet(joints, motion.features[:, _CONTACTS] > 0.5)
        if ground:
            joints[..., 1] -= _floor(joints, planted)[:, None]
        if feet:
            joints = _stand(joints, planted)
        features, _ = _standard(joints)
    done = {"of": motion.id, "feet": feet, "ground": ground, "smooth": smooth}
    cleaned = replace(motion, features=features).with_provenance(cleaned=done)
    return on_the_floor(cleaned)[0] if ground else cleaned


def planted_feet(joints: Array, contacts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where each of `FEET` stands ``(T, 4)``: in contact, slow and low, for three frames."""
    feet = joints[:, list(FEET)]
    speed = np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * FPS
    slow = low_pass(speed, np.ones(3)) < _SLOW
    # The lowest frames may be a recording error.
    low = feet[..., 1] < np.percentile(feet[..., 1], 5, axis=0) + 1.5 * _STEP
    run = np.ones((3, 1), dtype=bool)
    joined = binary_closing(np.pad(contacts & slow & low, ((3, 3), (0, 0)), mode="edge"), run)
    return np.asarray(binary_opening(joined, run)[3:-3])


def _standard(joints: Array) -> tuple[FloatArray, Array]:
    """Return features ``(T, 263)`` of joints ``(T, 22, 3)``, and the joints of those features.

    Features lose a frame (they hold velocities) and begin with a spurious turn, so a frame is added
    on both sides. The one before the first has the same pose a step back: its leg decides the scale
    of the path.
    """
    step = joints[1:2, :1] - joints[:1, :1] if len(joints) > 1 else 0.0
    last = joints[-1:] if len(joints) == 1 else 2 * joints[-1:] - joints[-2:-1]
    features = joints_to_features(np.concatenate([joints[:1] - step, joints, last]))[1:]
    return features, features_to_joints(features).astype(np.float64)


def _floor(joints: Array, planted: NDArray[np.bool_]) -> Array:
    """Return the floor's height ``(T,)`` under the standing balls, interpolated in between."""
    balls = joints[:, [10, 11], 1]
    stands = planted[:, [1, 3]]
    if not stands.any():
        return np.zeros(len(joints))
    level = float(np.percentile(balls[stands], 10))
    height = np.where(stands, balls, np.inf).min(axis=1) - level
    standing = np.flatnonzero(np.abs(height) < _STEP)
    drift = np.interp(np.arange(len(joints)), standing, height[standing]) if len(standing) else 0.0
    return gaussian(level + drift * np.ones(len(joints)), 3)


def _stand(joints: Array, planted: NDArray[np.bool_]) -> Array:
    """Return joints with the feet kept in place while they stand."""
    joints = joints.copy()
    for side, leg in enumerate(_LEGS):
        ankle, ball = leg[2:]
        pull_ankle, hold_ankle = _pull(joints[:, ankle], planted[:, 2 * side])
        pull_ball, hold_ball = _pull(joints[:, ball], planted[:, 2 * side + 1])
        foot = joints[:, ball] - joints[:, ankle]
        length = np.linalg.norm(foot, axis=-1, keepdims=True)
        # If only one end of the foot stands, the other goes with it.
        ankle_at = joints[:, ankle] + pull_ankle + (1 - hold_ankle) * pull_ball
        ball_at = joints[:, ball] + pull_ball + (1 - hold_ball) * pull_ankle
        toes = rotations.normalize(ball_at - ankle_at)
        joints[:, leg[1]], joints[:, ankle] = bend_leg(
            joints[:, leg[0]], joints[:, leg[1]], joints[:, ankle], ankle_at
        )
        joints[:, ball] = joints[:, ankle] + length * toes
    return joints


def _pull(path: Array, stands: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return how far ``(T, 3)`` to move a joint, faded, and how firmly to hold it ``(T, 1)``."""
    edges = np.flatnonzero(np.diff(np.pad(stands.astype(int), 1)))
    pull, hold = np.zeros_like(path), np.zeros((len(path), 1))
    for start, end in zip(edges[::2], edges[1::2], strict=True):  # few: one a step
        place = path[start:end].mean(axis=0)
        first, last = max(start - _FADE, 0), min(end + _FADE, len(path))
        near = np.clip(np.arange(first, last), start, end - 1)
        away = np.abs(np.arange(first, last) - near) / (_FADE + 1)
        held = (1 - away**2 * (3 - 2 * away))[:, None]
        stronger = held > hold[first:last]
        pull[first:last] = np.where(stronger, held * (place - path[near]), pull[first:last])
        hold[first:last] = np.maximum(held, hold[first:last])
    return pull, hold


def bend_leg(hip: Array, knee: Array, ankle: Array, target: Array) -> tuple[Array, Array]:
    """Return the knee and ankle ``(T, 3)`` of a leg that reaches for `target` and keeps its bend.

    The leg is turned the shortest way towards the target; then the knee is put where the two bones
    meet, in its original plane (law of cosines).
    """
    thigh = np.linalg.norm(knee - hip, axis=-1, keepdims=True)
    shin = np.linalg.norm(ankle - knee, axis=-1, keepdims=True)
    wish = np.linalg.norm(target - hip, axis=-1, keepdims=True)
    reach = np.clip(wish, np.abs(thigh - shin) + 1e-3, _STRETCH * (thigh + shin))
    # A leg that was straighter than that may stay so.
    was = np.linalg.norm(ankle - hip, axis=-1, keepdims=True)
    reach = np.where(wish > reach, np.maximum(reach, np.minimum(wish, was)), reach)
    line, aim = rotations.normalize(ankle - hip), rotations.normalize(target - hip)
    knee_side = rotations.rotate(rotations.between(line, aim), knee - hip)
    out = rotations.normalize(knee_side - (knee_side * aim).sum(-1, keepdims=True) * aim)
    along = (thigh**2 - shin**2 + reach**2) / (2 * np.maximum(reach, 1e-6))
    across = np.sqrt(np.maximum(thigh**2 - along**2, 0))
    return hip + along * aim + across * out, hip + reach * aim
