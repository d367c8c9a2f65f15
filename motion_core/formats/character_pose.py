"""How a character of any proportions does what a motion does; see `character`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .. import rotations
from ..cleaning import bend_leg
from ..motion import Motion
from ..skeleton import JOINT_NAMES
from ..smoothing import gaussian
from .kinematics import ancestors
from .posing import pose_transforms, rest_positions, solve_rigid_pose
from .recording import Recording
from .retargeting import standing_frame

Array = NDArray[np.float64]

_CALM = 6  # frames over which the feet's distance follows the turning hips
_NEXT = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}


def pose_character(
    motion: Motion, rest: Recording, joints: dict[str, int]
) -> tuple[Array, dict[str, Array], dict[int, Array]]:
    """Return the character's pose for each frame of the motion, in our axes: left, up, ahead.

    Returns:
        Our axes as columns ``(3, 3)`` in those of the file; for our joints how they are turned
        against the rest pose, ``(T, 3, 3)``; and places ``(T, 3)`` of the pelvis, and of feet that
        do not hang on their shins.
    """
    frame = standing_frame(rest.rest, joints)  # columns: left, up, ahead
    pose = solve_rigid_pose(motion.joints.astype(np.float64))
    ours, turns = pose_transforms(pose)
    stance = rest.rest @ frame  # the character's rest pose, seen as ours: left, up, ahead
    standing = rest_positions(pose.offsets)
    hips = [joints["left_hip"], joints["right_hip"]]
    # What our legs do, theirs do: a straight leg stays straight, an ankle is over its own sole.
    scale = _leg_length(stance, [joints[f"left_{part}"] for part in ("hip", "knee", "ankle")])
    scale /= _leg_length(standing, [1, 4, 7])
    ankles = [joints["left_ankle"], joints["right_ankle"]]
    sole = float(ours[:, [10, 11], 1].min()) + float(standing[7, 1] - standing[10, 1])
    lift = np.array([0.0, float(stance[ankles, 1].mean()) - scale * sole, 0.0])

    goal: dict[str, Array] = {}  # orientations against the rest pose, in our axes
    for at, name in enumerate(JOINT_NAMES):
        goal[name] = turns[:, at]
    origin = stance[joints["pelvis"]]
    middle = stance[hips].mean(axis=0) - origin
    centre = scale * ours[:, 1:3].mean(axis=1) + lift
    pelvis = centre - (goal["pelvis"] @ middle[:, None])[..., 0]
    places = {joints["pelvis"]: pelvis}
    for hip, side in enumerate(("left", "right"), start=1):
        ankle = _place_leg(side, joints, stance, goal, pelvis, ours, scale, lift, standing[hip])
        knee, foot = joints[f"{side}_knee"], joints[f"{side}_ankle"]
        if knee not in ancestors(rest.parents, [foot]):
            places[foot] = ankle
        for part in ("shoulder", "elbow"):
            _point(side, part, joints, stance, goal, ours)
        goal[f"{side}_wrist"] = goal[f"{side}_elbow"]
    return frame, {name: goal[name] for name in joints}, places


def _leg_length(points: Array, leg: list[int]) -> float:
    hip, knee, ankle = (points[joint] for joint in leg)
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def _point(
    side: str,
    part: str,
    joints: dict[str, int],
    stance: Array,
    goal: dict[str, Array],
    ours: Array,
) -> None:
    """Turn a bone so that it points where ours points, with the twist that ours has."""
    name, below = f"{side}_{part}", f"{side}_{_NEXT[part]}"
    first, second = JOINT_NAMES.index(name), JOINT_NAMES.index(below)
    goal[name] = _aimed(
        goal[name],
        stance[joints[below]] - stance[joints[name]],
        ours[:, second] - ours[:, first],
    )


def _aimed(turn: Array, bone: Array, aim: Array) -> Array:
    """Return `turn` ``(T, 3, 3)`` rotated further, the shortest way that brings `bone` to `aim`."""
    now = rotations.normalize((turn @ bone[:, None])[..., 0])
    further = rotations.between(now, rotations.normalize(aim))  # w x y z
    matrices = Rotation.from_quat(further[:, [1, 2, 3, 0]]).as_matrix()
    return np.asarray(matrices @ turn)


def _place_leg(
    side: str,
    joints: dict[str, int],
    stance: Array,
    goal: dict[str, Array],
    pelvis: Array,
    ours: Array,
    scale: float,
    lift: Array,
    standing_hip: Array,
) -> Array:
    """Turn thigh and shin so that the ankle is where ours is; its places ``(T, 3)``."""
    names = [f"{side}_{part}" for part in ("hip", "knee", "ankle")]
    hip, knee, ankle = (stance[joints[name]] for name in names)
    at = [JOINT_NAMES.index(name) for name in names]
    start = pelvis + (goal["pelvis"] @ (hip - stance[joints["pelvis"]])[:, None])[..., 0]
    # As ours bends, in their lengths; then the ankle is brought to its place.
    thigh = rotations.normalize(ours[:, at[1]] - ours[:, at[0]]) * np.linalg.norm(knee - hip)
    shin = rotations.normalize(ours[:, at[2]] - ours[:, at[1]]) * np.linalg.norm(ankle - knee)
    middle = start + thigh
    # Where their hips are wider, their feet are as much further apart.
    wider = float(hip[0] - stance[joints["pelvis"], 0]) - scale * float(standing_hip[0])
    sideways = gaussian(goal["pelvis"][:, :, 0], _CALM)
    sideways = rotations.normalize(sideways * [1.0, 0.0, 1.0])
    target = scale * ours[:, at[2]] + lift + wider * sideways
    bent, end = bend_leg(start, middle, middle + shin, target)
    goal[names[0]] = _aimed(goal[names[0]], knee - hip, bent - start)
    goal[names[1]] = _aimed(goal[names[1]], ankle - knee, end - bent)
    return end


def local_turns(
    rest: Recording, joints: dict[str, int], goal: dict[str, Array], frame: Array
) -> dict[int, Array]:
    """Return rotations relative to each joint's parent, of the joints that are turned."""
    assert rest.rest_turns is not None
    frames = len(next(iter(goal.values())))
    ours = {joint: name for name, joint in joints.items()}
    world: list[Array] = []
    found: dict[int, Array] = {}
    for joint, parent in enumerate(rest.parents):
        above = world[parent] if parent >= 0 else np.broadcast_to(np.eye(3), (frames, 3, 3))
        level = rest.rest_turns[parent] if parent >= 0 else np.eye(3)
        own = level.T @ rest.rest_turns[joint]
        if joint in ours:
            turn = frame @ goal[ours[joint]] @ frame.T @ rest.rest_turns[joint]
            found[joint] = np.swapaxes(above, 1, 2) @ turn
            world.append(turn)
        else:
            world.append(above @ own)
    return found
