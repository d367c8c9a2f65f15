"""Is this a body? What a file's joints have to be, and how they become upright people in metres.

Whatever a file claims, its joints are looked at: how long the bones are, which way up the person
stands, where left and right are, whether standing feet slide, whether the first frames are a pose
for reference, whether the whole body leaps for a frame. What is certain is put right and noted,
what is uncertain is noted, and what nobody could be is refused. What the person who reads the file
says is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..choices import METRES, Axis
from ..errors import FormatError, InputError
from ..motion import check_joints
from ..skeleton import JOINT_NAMES, LEFT_RIGHT_PAIRS, PARENTS
from .footing import check_sliding, scale_path
from .vertical import turn_up, upright

Array = NDArray[np.float64]

ADULT_LEG = 0.82
"""Metres from hip to ankle of a grown person."""

_LEGS = ((1, 4, 7), (2, 5, 8))
_LONG = (4, 5, 7, 8, 18, 19, 20, 21)  # ends of thighs, shins, upper arms, forearms
_LOOKED_AT = 60  # frames of which the bones are measured
_LEAP = 0.08  # metres that a whole body leaps there and back in a damaged frame
_JUMP = 8.0  # metres per second from a reference pose into the motion
_REFERENCE = 0.6  # seconds in which a reference pose ends, unless it is frozen
_FROZEN = 0.02  # metres per second below which copies of a frame stay


@dataclass(frozen=True)
class Posture:
    """What the person who reads a file says of it; nothing is what is found out.

    Attributes:
        unit: of length: a name of `METRES`, or how many metres one is, as text.
        up: the vertical axis.
        forward: the axis that the person faces at the start; it becomes +z.
    """

    unit: str | None = None
    up: Axis | None = None
    forward: Axis | None = None


def stand_up(joints: Array, fps: float, posture: Posture) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` in metres, y up, as somebody moves; and notes on what was done.

    Raises:
        FormatError: nobody could be in these positions.
        InputError: a unit that there is not; not finite; beyond a kilometre.
    """
    joints, notes = _in_metres(joints, posture.unit)
    if posture.unit is None:
        joints, more = scale_path(joints, fps)
        notes += more
    joints, more = upright(joints, fps, posture.up)
    notes += more
    if posture.forward is not None:
        joints = joints @ _turn_forward(posture.forward, posture.up or "y")
    check_build(joints)
    joints, more = _not_mirrored(joints)
    notes += more
    if posture.unit is None:
        joints, more = check_sliding(joints, fps)
        notes += more
    joints, more = _without_reference(joints, fps)
    notes += more
    joints, more = _without_leaps(joints, fps)
    notes += more
    speed = np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1) * fps
    if len(speed) > 2 and np.percentile(speed, 90) > 13:
        notes.append(
            f"the hips move at {np.percentile(speed, 90):.0f} m/s; if {fps:g} frames per second "
            "is wrong, say --fps"
        )
    start = joints[0, 0, [0, 2]]
    if np.abs(start).max() > 100:
        joints = joints.copy()
        joints[..., [0, 2]] -= start
        notes.append(f"it begins {np.abs(start).max():.0f} m from the origin and was moved there")
    return check_joints(joints), notes


def metres_of(unit: str) -> float:
    """Return the metres in a unit: a name of `METRES`, or a number as text.

    Raises:
        InputError: neither.
    """
    if unit in METRES:
        return METRES[unit]
    try:
        value = float(unit)
    except ValueError:
        value = 0.0
    if not 0 < value < np.inf:
        raise InputError(
            f"unknown unit {unit!r}; there are {', '.join(METRES)}, or a number of metres: 0.3048"
        )
    return value


def check_build(joints: Array) -> None:
    """Check that the bones have the proportions of a person and keep their length.

    Raises:
        FormatError: they do not.
    """
    joints = joints[:: max(1, len(joints) // _LOOKED_AT)]
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)  # (T, 21)
    mean = dict(enumerate(np.median(lengths, axis=0).tolist(), start=1))
    leg = sum(mean[joint] for joint in (4, 5, 7, 8)) / 2
    if not 0 < leg < np.inf:
        raise FormatError("has legs of no length; not a person")
    problem = "holds positions in which nobody could be"
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.percentile(np.abs(lengths / np.array(list(mean.values())) - 1), 80, axis=0)
    for joint in _LONG:
        name = JOINT_NAMES[joint].replace("_", " ")
        usual = 0.5 if joint in (4, 5, 7, 8) else 0.32
        if not 0.3 < mean[joint] / leg / usual < 2.5:
            raise FormatError(f"{problem}: {mean[joint]:.2f} m to the {name}, legs of {leg:.2f} m")
        spread = float(change[joint - 1])
        if spread > (0.3 if joint in (4, 5, 7, 8) else 0.9):  # decoded arms breathe
            raise FormatError(
                f"{problem}: the bone to the {name} changes its length by {spread:.0%}"
            )
    for left, right in LEFT_RIGHT_PAIRS:
        if left in _LONG and not 0.5 < mean[left] / mean[right] < 2:
            name = JOINT_NAMES[left].partition("_")[2]
            raise FormatError(
                f"{problem}: {mean[left]:.2f} m to the left {name}, {mean[right]:.2f} to the right"
            )
    trunk = float(np.median(np.linalg.norm(joints[:, 12] - joints[:, 0], axis=-1)))
    if not 0.2 < trunk / leg < 2:
        raise FormatError(f"{problem}: a trunk of {trunk:.2f} m on legs of {leg:.2f} m")


def _in_metres(joints: Array, unit: str | None) -> tuple[Array, list[str]]:
    if unit is not None:
        return joints * metres_of(unit), []
    bones = [
        np.linalg.norm(joints[:, lower] - joints[:, upper], axis=-1)
        for hip, knee, ankle in _LEGS
        for upper, lower in ((hip, knee), (knee, ankle))
    ]
    leg = float(np.median(np.sum(bones, axis=0))) / 2
    if not 0 < leg < np.inf:
        raise FormatError("has legs of no length; not a person")
    name = min(METRES, key=lambda each: abs(np.log(leg * METRES[each] / ADULT_LEG)))
    if 0.5 < leg * METRES[name] < 1.25:
        return joints * METRES[name], []
    note = (
        f"legs of {leg:.3g} fit no unit; the body was scaled to a leg of {ADULT_LEG} m (see --unit)"
    )
    return joints * (ADULT_LEG / leg), [note]


def _turn_forward(forward: Axis, up: Axis) -> Array:
    """Return the turn ``(3, 3)`` about y that brings what was an axis of the file to +z.

    Raises:
        InputError: it is the vertical axis.
    """
    vector = np.zeros(3)
    vector["xyz".index(forward[-1])] = -1.0 if forward[0] == "-" else 1.0
    vector = vector @ turn_up(up)
    if abs(vector[1]) > 0.5:
        raise InputError(f"the person cannot face {forward} with {up} up; say another axis")
    left = np.cross([0.0, 1.0, 0.0], vector)
    return np.stack([left, [0.0, 1.0, 0.0], vector], axis=1)


def _not_mirrored(joints: Array) -> tuple[Array, list[str]]:
    """Return joints of a right-handed world: knees and toes point ahead where left is on the
    left.
    """
    left = joints[:, 1] - joints[:, 2] + joints[:, 16] - joints[:, 17]
    up = joints[:, 12] - joints[:, 0]
    ahead = _unit(np.cross(left, up))
    toes = _unit((joints[:, [10, 11]] - joints[:, [7, 8]]).mean(axis=1))
    knees = (joints[:, [4, 5]] - (joints[:, [1, 2]] + joints[:, [7, 8]]) / 2).mean(axis=1)
    pointing = float(np.median((toes * ahead).sum(-1)))
    bending = float(np.mean((knees * ahead).sum(-1)))
    if pointing < -0.3 and bending < 0.01:
        return joints * np.array([-1.0, 1, 1]), ["left and right were mirrored and were put right"]
    if pointing < -0.3:
        return joints, ["the feet point backwards; are left and right, or the joints, as they are?"]
    return joints, []


def _without_reference(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints without the frames at either end that are a pose for reference, and notes."""
    notes = []
    for end, order in (("first", 1), ("last", -1)):
        count = _reference_frames(joints[::order], fps)
        if count:
            joints = joints[::order][count:][::order]
            frames = "frame was a pose" if count == 1 else f"{count} frames were a pose"
            notes.append(f"the {end} {frames} for reference and left out")
    return joints, notes


def _reference_frames(joints: Array, fps: float) -> int:
    """Return how many frames at the start are a pose for reference.

    Such a pose stands still and ends in a jump that nothing later is like; for a T or an A, a
    smaller jump is enough, and it may be of any length if it is frozen. CMU's trials have one frame
    at the origin, 2.5 m from the next.
    """
    steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=1) * fps
    frozen = int((np.append(steps, np.inf) > _FROZEN).argmax())
    short = int(np.ceil(_REFERENCE * fps))
    window = max(short, frozen)
    steps = steps[: window + 2 * short + 4]
    if len(steps) < 3:
        return 0
    at = int(np.argmax(steps[: window + 1]))
    after = np.sort(steps[at + 1 :])[::-1]
    if len(after) < 2 or steps[at] < _JUMP or steps[:at].max(initial=0.0) > 0.1 * steps[at]:
        return 0
    ratio = steps[at] / max(after[0], 1e-9)
    plain = ratio > 4 and at <= short
    return at + 1 if plain or (ratio > 1.7 and _is_reference(joints[at])) else 0


def _is_reference(pose: Array) -> bool:
    """Return whether joints ``(22, 3)`` stand with straight arms and legs, alike on both sides."""
    for upper, middle, lower in (*_LEGS, (16, 18, 20), (17, 19, 21)):
        bones = _unit(np.stack([pose[middle] - pose[upper], pose[lower] - pose[middle]]))
        if float(bones[0] @ bones[1]) < 0.93:
            return False
    left = _unit(pose[1] - pose[2])
    arms = (_unit(pose[20] - pose[16]) @ left, -(_unit(pose[21] - pose[17]) @ left))
    return abs(float(arms[0] - arms[1])) < 0.1


def _without_leaps(joints: Array, fps: float) -> tuple[Array, list[str]]:
    """Return joints without frames in which the whole body leaps away and back: faults of
    recording.
    """
    hips = np.abs(np.diff(joints[:, 0], axis=0))
    if len(joints) < 4 or fps < 10 or hips.max() < _LEAP / 2:
        return joints, []
    leaps = []
    for width in (1, 2):
        away = np.median(joints[1 : len(joints) - width] - joints[: -width - 1], axis=1)
        back = np.median(joints[width + 1 :] - joints[width:-1], axis=1)
        far = np.minimum(np.linalg.norm(away, axis=-1), np.linalg.norm(back, axis=-1))
        opposed = (_unit(away) * _unit(back)).sum(-1) < -0.8
        found = np.flatnonzero((far > _LEAP) & opposed & (far * fps**2 > 60)) + 1
        leaps += [(int(first), int(first) + width) for first in found]
    if not leaps or len(leaps) > 0.1 * len(joints) + 1:
        return joints, []
    joints = joints.copy()
    for first, after in leaps:
        for at in range(first, after):
            share = (at - first + 1) / (after - first + 1)
            joints[at] = (1 - share) * joints[first - 1] + share * joints[after]
    where = ", ".join(str(first) for first, _ in leaps[:5])
    return joints, [f"the whole body leaps away and back in frame {where}; this was smoothed"]


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
