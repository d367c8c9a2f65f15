"""Your own character moves: a motion on a rigged GLB or VRM, written back into it.

Its joints are recognised as those of any file (`joint_maps`). From its rest pose, in A or T and of
any proportions, it gets

- the turns of our trunk, head and feet against our rest pose;
- thighs and shins so that the ankles are where ours are, scaled by the height of the hips: feet
  that stand stay where they stand;
- upper arms and forearms that point where ours point.

Mesh, materials, fingers and whatever else is in the file stay as they are; animations that were in
it go.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from .. import rotations
from ..atomic import replacing
from ..cleaning import bend_leg
from ..errors import FormatError, InputError
from ..motion import Motion
from ..skeleton import FPS, JOINT_NAMES, PARENTS
from .gltf import Gltf, parse_gltf, rest_skeleton, skeleton_nodes
from .joint_maps import choose_map
from .kinematics import ancestors, world_transforms
from .posing import rest_positions, solve_pose
from .recording import Recording
from .retargeting import standing_frame

Array = NDArray[np.float64]

_MAX_BYTES = 1 << 28
_CALM = 6  # frames over which the feet's distance follows the turning hips
_NEXT = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}


def write_character(motion: Motion, path: str | Path, character: str | Path) -> None:
    """Write a character's file with the motion as its animation, atomically.

    Args:
        motion: what it does.
        path: the ``.glb`` to write.
        character: a rigged ``.glb`` or ``.vrm``.

    Raises:
        InputError: no such file, or not one of these.
        FormatError: no person is recognised in it, or it is damaged.
        UnavailableError: the file cannot be written.
    """
    character = Path(character)
    if character.suffix.lower() not in (".glb", ".vrm"):
        raise InputError(f"{character} is no .glb or .vrm; save the character as one")
    try:
        data = character.read_bytes()
    except OSError as error:
        raise InputError(f"{character} cannot be read: {error.strerror or error}") from error
    try:
        if len(data) > _MAX_BYTES:
            raise FormatError(f"has {len(data) / 1e6:.0f} MB; the limit is {_MAX_BYTES / 1e6:.0f}")
        gltf = parse_gltf(data, character.parent)
        rest = rest_skeleton(gltf)
        chosen = choose_map(rest).joints
        joints = {
            ours: rest.names.index(source if isinstance(source, str) else source[0])
            for ours, source in chosen.items()
        }
        joints["pelvis"] = _mover(rest, joints)
        turns, places = _animate(motion, rest, joints)
        packed = _with_animation(gltf, rest, turns, places, motion)
    except FormatError as error:
        raise FormatError(f"{character} {error}") from error
    with replacing(path) as temporary:
        temporary.write_bytes(packed)


def _animate(
    motion: Motion, rest: Recording, joints: dict[str, int]
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Local rotations ``(T, 3, 3)`` of the character's joints, and places ``(T, 3)`` of some.

    Those are the pelvis, and feet that do not hang on their shins.
    """
    assert rest.rest_turns is not None
    frame = standing_frame(rest.rest, joints)  # columns: left, up, ahead
    pose = solve_pose(motion.joints.astype(np.float64), tolerance=np.inf)
    ours, turns = world_transforms(
        PARENTS,
        [pose.translations[0], *pose.offsets[1:]],
        [pose.rotations[:, joint] for joint in range(len(PARENTS))],
    )
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
    places = {joints["pelvis"]: pelvis @ frame.T}
    for hip, side in enumerate(("left", "right"), start=1):
        ankle = _place_leg(side, joints, stance, goal, pelvis, ours, scale, lift, standing[hip])
        knee, foot = joints[f"{side}_knee"], joints[f"{side}_ankle"]
        if knee not in ancestors(rest.parents, [foot]):
            places[foot] = ankle @ frame.T
        for part in ("shoulder", "elbow"):
            _point(side, part, joints, stance, goal, ours)
        goal[f"{side}_wrist"] = goal[f"{side}_elbow"]
    return _local(rest, joints, goal, frame), places


def _leg_length(points: Array, leg: list[int]) -> float:
    hip, knee, ankle = (points[joint] for joint in leg)
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def _mover(rest: Recording, joints: dict[str, int]) -> int:
    """The joint that carries both legs and the trunk: the pelvis, or one above it."""
    wanted = {joints[name] for name in ("pelvis", "left_hip", "right_hip")}
    joint = joints["pelvis"]
    while not all(joint in ancestors(rest.parents, [each]) for each in wanted):
        if rest.parents[joint] < 0:
            raise FormatError("has legs and a trunk that hang on nothing together")
        joint = rest.parents[joint]
    return joint


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
    """`turn` ``(T, 3, 3)``, turned further the shortest way so that it brings `bone` to `aim`."""
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
    sideways = gaussian_filter1d(goal["pelvis"][:, :, 0], _CALM, axis=0, mode="nearest")
    sideways = rotations.normalize(sideways * [1.0, 0.0, 1.0])
    target = scale * ours[:, at[2]] + lift + wider * sideways
    bent, end = bend_leg(start, middle, middle + shin, target)
    goal[names[0]] = _aimed(goal[names[0]], knee - hip, bent - start)
    goal[names[1]] = _aimed(goal[names[1]], ankle - knee, end - bent)
    return end


def _local(
    rest: Recording, joints: dict[str, int], goal: dict[str, Array], frame: Array
) -> dict[int, Array]:
    """Rotations relative to each joint's parent, of the joints that are turned."""
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


def _with_animation(
    gltf: Gltf,
    rest: Recording,
    turns: dict[int, Array],
    places: dict[int, Array],
    motion: Motion,
) -> bytes:
    """The file in its rest pose with one animation: local rotations, and places in the world."""
    assert rest.rest_turns is not None
    nodes, scales = skeleton_nodes(gltf)
    tree: dict[str, Any] = json.loads(json.dumps(gltf.json))
    binary = bytearray(gltf.buffers[0] if gltf.buffers else b"")
    if len(gltf.buffers) > 1:
        raise FormatError("keeps its data in several buffers; save it as one .glb")

    def accessor(values: Array, kind: str) -> int:
        binary.extend(b"\0" * (-len(binary) % 4))
        data = np.ascontiguousarray(values, dtype="<f4").tobytes()
        view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)}
        tree.setdefault("bufferViews", []).append(view)
        entry: dict[str, Any] = {
            "bufferView": len(tree["bufferViews"]) - 1,
            "componentType": 5126,
            "count": len(values),
            "type": kind,
        }
        if kind == "SCALAR":
            entry |= {"min": [float(values.min())], "max": [float(values.max())]}
        tree.setdefault("accessors", []).append(entry)
        binary.extend(data)
        return len(tree["accessors"]) - 1

    times = accessor(np.arange(len(motion), dtype=np.float64) / FPS, "SCALAR")
    name = "; ".join(segment.description for segment in motion.segments) or motion.id
    animation: dict[str, Any] = {"name": name, "channels": [], "samplers": []}

    def move(node: int, what: str, values: Array, kind: str) -> None:
        target = {"node": node, "path": what}
        animation["channels"].append({"sampler": len(animation["samplers"]), "target": target})
        animation["samplers"].append({"input": times, "output": accessor(values, kind)})

    def below(joint: int, where: Array) -> Array:
        """Places in the world as the node of a joint, whose parent is at rest, has them."""
        parent = rest.parents[joint]
        if parent < 0:
            return where
        assert rest.rest_turns is not None
        return np.asarray((where - rest.rest[parent]) @ rest.rest_turns[parent] / scales[parent])

    for joint, node in enumerate(nodes):  # nodes are often saved in mid-motion
        parent = rest.parents[joint]
        if parent >= 0 and "matrix" not in tree["nodes"][node]:
            own = Rotation.from_matrix(rest.rest_turns[parent].T @ rest.rest_turns[joint])
            tree["nodes"][node]["rotation"] = own.as_quat().tolist()
            tree["nodes"][node]["translation"] = below(joint, rest.rest[joint]).tolist()
    for joint, where in places.items():
        move(nodes[joint], "translation", below(joint, where), "VEC3")
    for joint, turn in turns.items():
        node = nodes[joint]
        quaternions = Rotation.from_matrix(turn).as_quat()
        flips = np.where((quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
        quaternions[1:] *= np.cumprod(flips)[:, None]
        if "matrix" in tree["nodes"][node]:
            raise FormatError("places its joints by matrices, which cannot be animated")
        move(node, "rotation", quaternions, "VEC4")
    tree["animations"] = [animation]
    tree["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(binary) + b"\0" * (-len(binary) % 4)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data)),
            struct.pack("<I4s", len(text), b"JSON") + text,
            struct.pack("<I4s", len(data), b"BIN\0") + data,
        )
    )
