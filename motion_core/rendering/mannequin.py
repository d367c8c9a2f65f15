"""The drawn body: a mannequin of round cones on the 22 joints.

A round cone is the hull of two spheres. Each `Part` runs between two body points: the 22 joints,
followed by points that the skeleton lacks: head, hands, heels, toes and those that shape the trunk.
Video, film strip and player draw the same parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..figure import GROUND
from ..skeleton import JOINT_NAMES
from ..smoothing import low_pass

FloatArray = NDArray[np.float32]
Side = Literal["body", "left", "right"]

EXTRA_POINTS = (
    "chin",
    "skull",
    "throat",
    "nape",
    "left_hand",
    "right_hand",
    "left_heel",
    "right_heel",
    "left_toes",
    "right_toes",
    "left_chest",
    "right_chest",
)
TRAIL_FROM = 0.5
"""Metres somebody has to move, in all, to leave a trail."""

POINT_NAMES = JOINT_NAMES + EXTRA_POINTS
_INDEX = {name: index for index, name in enumerate(POINT_NAMES)}


@dataclass(frozen=True)
class Part:
    """A round cone of the body.

    Attributes:
        start, end: indices of body points.
        start_radius, end_radius: metres.
        side: decides the colour.
    """

    start: int
    end: int
    start_radius: float
    end_radius: float
    side: Side


def _part(start: str, end: str, radii: tuple[float, float], side: Side) -> Part:
    return Part(_INDEX[start], _INDEX[end], *radii, side)


def _limbs(side: Literal["left", "right"]) -> tuple[Part, ...]:
    cones = (
        ("shoulder", "elbow", (0.058, 0.043)),
        ("elbow", "wrist", (0.044, 0.031)),
        ("wrist", "hand", (0.031, 0.037)),
        ("hip", "knee", (0.093, 0.060)),
        ("knee", "ankle", (0.061, 0.040)),
        ("heel", "foot", (0.040, 0.034)),
        ("foot", "toes", (0.034, 0.027)),
    )
    return tuple(_part(f"{side}_{a}", f"{side}_{b}", radii, side) for a, b, radii in cones)


TORSO: tuple[Part, ...] = (
    _part("left_hip", "right_hip", (0.072, 0.072), "body"),
    _part("pelvis", "spine1", (0.108, 0.098), "body"),
    _part("spine1", "left_chest", (0.098, 0.094), "body"),
    _part("spine1", "right_chest", (0.098, 0.094), "body"),
    _part("spine1", "throat", (0.094, 0.064), "body"),
    _part("left_chest", "right_chest", (0.094, 0.094), "body"),
    _part("throat", "left_shoulder", (0.062, 0.037), "body"),
    _part("throat", "right_shoulder", (0.062, 0.037), "body"),
    _part("throat", "nape", (0.058, 0.050), "body"),
)
"""Parts that melt into one another."""

PARTS: tuple[Part, ...] = (
    *TORSO,
    _part("chin", "skull", (0.062, 0.098), "body"),
    *_limbs("left"),
    *_limbs("right"),
)


_ON_THE_FLOOR = (
    ("chin", 0.062),
    ("skull", 0.098),
    *((f"{side}_heel", 0.040) for side in ("left", "right")),
    *((f"{side}_toes", 0.027) for side in ("left", "right")),
)


def body_points(joints: FloatArray) -> FloatArray:
    """Return joints ``(..., 22, 3)`` with the extra points appended: ``(..., 34, 3)``, metres."""
    at = {name: joints[..., index, :] for index, name in enumerate(JOINT_NAMES)}
    head_up, head_forward = _head_axes(at)
    middle = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    at["chin"] = at["neck"] + 0.048 * head_up + 0.068 * head_forward
    at["skull"] = at["neck"] + 0.122 * head_up + 0.034 * head_forward
    at["throat"] = 0.75 * middle + 0.25 * at["neck"]
    at["nape"] = at["neck"] + 0.05 * head_up + 0.02 * head_forward
    for side in ("left", "right"):
        forearm = _unit(at[f"{side}_wrist"] - at[f"{side}_elbow"])
        at[f"{side}_hand"] = at[f"{side}_wrist"] + 0.09 * forearm
        ankle, ball = at[f"{side}_ankle"], at[f"{side}_foot"]
        shin = _unit(ankle - at[f"{side}_knee"])
        sole = _unit(ball - ankle - 0.7 * _along(ball - ankle, shin))
        at[f"{side}_heel"] = ankle + 0.048 * shin - 0.035 * sole
        at[f"{side}_toes"] = ball + 0.062 * sole
        at[f"{side}_chest"] = 0.45 * at["spine3"] + 0.45 * at[f"{side}_shoulder"] + 0.1 * middle
    for name, radius in _ON_THE_FLOOR:  # where the joints alone would let it sink in
        at[name] = np.maximum(at[name], [-np.inf, GROUND + radius, -np.inf])
    return np.stack([at[name] for name in POINT_NAMES], axis=-2).astype(np.float32)


def trail(points: FloatArray) -> FloatArray | None:
    """Return the path ``(T, 3)`` on the floor of a person ``(T, 34, 3)``; None if they stay in
    place.

    It is smoothed over half a second to remove the sway of the hips.
    """
    path = low_pass(points[:, 0], np.ones(9)).astype(np.float32)
    path[:, 1] = GROUND
    return path if float(np.ptp(path, axis=0).max()) > TRAIL_FROM else None


def _head_axes(at: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return up and forward of the head, unit vectors ``(..., 3)``.

    The head joint lies in front of the neck joint, 45 degrees up when a person looks straight
    ahead; so "up" is that bone, turned back by 45 degrees about the axis through the shoulders.
    """
    spine = _unit(at["neck"] - at["spine3"])
    left = _unit(at["left_shoulder"] - at["right_shoulder"])
    forward = _unit(np.cross(left, spine))
    bone = _unit(at["head"] - at["neck"])
    ahead, above = (_dot(bone, forward), _dot(bone, spine))
    up = (ahead - above) * forward + (ahead + above) * spine + _dot(bone, left) * left
    up = _unit(up)
    return up, _unit(np.cross(left, up))


def facing(joints: FloatArray) -> FloatArray:
    """Return unit vectors ``(..., 2)`` (x, z) of where hips and shoulders face on the ground."""
    across = joints[..., 1, :] - joints[..., 2, :] + joints[..., 16, :] - joints[..., 17, :]
    return _unit(np.stack([-across[..., 2], across[..., 0]], axis=-1))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), dtype=np.float32)


def _along(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the component of `vectors` along unit `direction`."""
    return _dot(vectors, direction) * direction


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.asarray((first * second).sum(-1, keepdims=True), dtype=np.float32)
