"""The skeletons of the motion packs, and their poses on ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..errors import FormatError
from ..json_text import parse_json
from .retargeting import HipPath, pose
from .rig_animations import RigAnimation, slerp

Array = NDArray[np.float64]
JointSources = Mapping[str, str | tuple[str, str]]


def _both_sides(
    middle: JointSources, sided: Mapping[str, str], left: str, right: str
) -> JointSources:
    table = dict(middle)
    for side, letter in (("left", left), ("right", right)):
        table |= {f"{side}_{joint}": source.format(letter) for joint, source in sided.items()}
    return table


# For each of our joints with children, the rig's joint that turns like it, or two whose halfway
# rotation it has. The neck's bone, which leads to our head joint, turns halfway with the head:
# nothing else in our skeleton could show a nod.
_QUATERNIUS: JointSources = _both_sides(
    {
        "pelvis": "DEF-hips",
        "spine1": "DEF-spine.001",
        "spine2": "DEF-spine.002",
        "spine3": "DEF-spine.003",
        "neck": ("DEF-neck", "DEF-head"),
    },
    {
        "hip": "DEF-thigh.{}",
        "knee": "DEF-shin.{}",
        "ankle": "DEF-foot.{}",
        "collar": "DEF-shoulder.{}",
        "shoulder": "DEF-upper_arm.{}",
        "elbow": "DEF-forearm.{}",
    },
    "L",
    "R",
)
_UNREAL: JointSources = _both_sides(
    {
        "pelvis": "pelvis",
        "spine1": "spine_01",
        "spine2": "spine_02",
        "spine3": "spine_03",
        "neck": ("neck_01", "head"),
    },
    {
        "hip": "thigh_{}",
        "knee": "calf_{}",
        "ankle": "foot_{}",
        "collar": "clavicle_{}",
        "shoulder": "upperarm_{}",
        "elbow": "lowerarm_{}",
    },
    "l",
    "r",
)
_KAYKIT: JointSources = _both_sides(
    {
        "pelvis": "hips",
        "spine1": "spine",
        "spine2": ("spine", "chest"),
        "spine3": "chest",
        "neck": ("chest", "head"),
    },
    {
        "hip": "upperleg.{}",
        "knee": "lowerleg.{}",
        "ankle": "foot.{}",
        "collar": "chest",
        "shoulder": "upperarm.{}",
        "elbow": "lowerarm.{}",
    },
    "l",
    "r",
)
_RIGS = (_QUATERNIUS, _UNREAL, _KAYKIT)


def rig_joints(animation: RigAnimation) -> Array:
    """Return joints ``(T, 22, 3)`` of an animation of one of the packs' rigs.

    Raises:
        FormatError: unknown rig.
    """
    rig = next((rig for rig in _RIGS if rig["left_hip"] in animation.turns), None)
    if rig is None:
        raise FormatError(f"unknown rig with the joints {', '.join(animation.turns)}")

    def turn(sources: str | tuple[str, str]) -> Array:
        if isinstance(sources, str):
            return animation.turns[sources]
        return slerp(animation.turns[sources[0]], animation.turns[sources[1]], 0.5)

    def joint(name: str) -> str:
        source = rig[name]
        assert isinstance(source, str)
        return source

    hip, knee, ankle = (animation.rest[joint(f"right_{part}")] for part in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    left, right = (animation.positions[joint(f"{side}_hip")] for side in ("left", "right"))
    turns = {ours: turn(sources) for ours, sources in rig.items()}
    return pose(turns, HipPath((left + right) / 2, leg))


# DeepMimic's humanoid faces +x, its right is +z and its arms hang at rest.
_DEEPMIMIC_COLUMNS = {  # start and length of each joint's rotation in a frame
    "root": (4, 4),
    "chest": (8, 4),
    "neck": (12, 4),
    "right_hip": (16, 4),
    "right_knee": (20, 1),
    "right_ankle": (21, 4),
    "right_shoulder": (25, 4),
    "right_elbow": (29, 1),
    "left_hip": (30, 4),
    "left_knee": (34, 1),
    "left_ankle": (35, 4),
    "left_shoulder": (39, 4),
    "left_elbow": (43, 1),
}
_DEEPMIMIC_LEG = 0.421546 + 0.409870


def deepmimic_joints(path: Path) -> tuple[Array, float]:
    """Return joints ``(T, 22, 3)`` of a clip of the DeepMimic humanoid, and its frames per second.

    Raises:
        FormatError: it is not a table of 44 columns.
    """
    try:
        frames = np.array(parse_json(path.read_text(encoding="utf-8"))["Frames"], np.float64)
    except (ValueError, KeyError, TypeError) as err:
        raise FormatError(f"{path} is not a DeepMimic motion: {err}") from err
    if frames.ndim != 2 or frames.shape[1] != 44 or len(frames) < 2:
        raise FormatError(f"{path} has frames of shape {frames.shape}, not (T, 44)")
    local = {
        joint: _deepmimic_turn(frames[:, at : at + width])
        for joint, (at, width) in _DEEPMIMIC_COLUMNS.items()
    }
    world = {"root": local["root"]}
    world["chest"] = rotations.multiply(world["root"], local["chest"])
    world["neck"] = rotations.multiply(world["chest"], local["neck"])
    for side in ("left", "right"):
        above = world["root"]
        for joint in (f"{side}_hip", f"{side}_knee", f"{side}_ankle"):
            above = world[joint] = rotations.multiply(above, local[joint])
        above = world["chest"]
        for joint in (f"{side}_shoulder", f"{side}_elbow"):
            above = world[joint] = rotations.multiply(above, local[joint])
    turns = {joint: world[joint] for joint in world if joint not in ("root", "chest")}
    turns |= {"pelvis": world["root"], "spine1": slerp(world["root"], world["chest"], 0.5)}
    turns |= dict.fromkeys(("spine2", "spine3", "left_collar", "right_collar"), world["chest"])
    half = np.sqrt(0.5)
    for side, sign in (("left", -1), ("right", 1)):
        hanging = np.array([half, 0, 0, sign * half])  # about z: turns a level arm down
        for joint in (f"{side}_shoulder", f"{side}_elbow"):
            turns[joint] = rotations.multiply(turns[joint], hanging)
    fps = 1 / float(np.median(frames[:-1, 0]))
    return pose(turns, HipPath(_our_axes(frames[:, 1:4]), _DEEPMIMIC_LEG)), fps


def _our_axes(vectors: Array) -> Array:
    return np.stack([-vectors[..., 2], vectors[..., 1], vectors[..., 0]], axis=-1)


def _deepmimic_turn(values: Array) -> Array:
    """Return rotations in our axes from quaternions ``(T, 4)`` or angles about z ``(T, 1)``,
    radians.
    """
    if values.shape[1] == 1:
        half = values / 2
        zero = np.zeros_like(half)
        values = np.concatenate([np.cos(half), zero, zero, np.sin(half)], axis=1)
    return rotations.normalize(np.concatenate([values[:, :1], _our_axes(values[:, 1:])], axis=1))
