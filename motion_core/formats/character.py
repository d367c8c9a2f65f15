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

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..atomic import replacing
from ..errors import FormatError, InputError
from ..figure import GROUND, Bones, Figure, Mesh
from ..motion import Motion
from ..regular_file import open_regular
from ..skeleton import JOINT_NAMES, PARENTS
from .character_file import pack_character
from .character_pose import local_turns, pose_character
from .gltf import Gltf, parse_gltf, rest_skeleton
from .gltf_mesh import character_mesh
from .joint_maps import choose_map
from .kinematics import ancestors
from .recording import Recording

Array = NDArray[np.float64]

_MAX_BYTES = 1 << 28
_SMALLEST, _LARGEST, _USUAL = 0.2, 5.0, 1.7  # metres: who is shown as high as the file says


@dataclass(frozen=True)
class Character:
    """A rigged character of the user's.

    Attributes:
        path: of its file.
        gltf: the file.
        rest: its skeleton in the rest pose.
        joints: which of its joints are ours.
    """

    path: Path
    gltf: Gltf
    rest: Recording
    joints: dict[str, int]

    def figure(self, motion: Motion) -> tuple[NDArray[np.float32], Figure]:
        """Return our joints ``(T, 22, 3)`` in the character's proportions, and itself as a moving
        mesh.

        It has the size in its file and stands on the floor of pictures.

        Raises:
            FormatError: it has no mesh.
        """
        with _naming(self.path):
            return _figure(motion, self)


def load_character(path: str | Path) -> Character:
    """Load the character in a file.

    Args:
        path: a rigged ``.glb`` or ``.vrm``.

    Raises:
        InputError: no such file, or another kind of file.
        FormatError: no person is recognised in it, or it is damaged.
    """
    path = Path(path)
    if path.suffix.lower() not in (".glb", ".vrm"):
        raise InputError(f"{path} is no .glb or .vrm; save the character as one")
    try:
        with open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    with _naming(path):
        if len(data) > _MAX_BYTES:
            raise FormatError(f"has more than {_MAX_BYTES / 1e6:.0f} MB, which is the limit")
        gltf = parse_gltf(data, path.parent)
        rest = rest_skeleton(gltf)
        joints = {
            ours: rest.names.index(source if isinstance(source, str) else source[0])
            for ours, source in choose_map(rest).joints.items()
        }
        joints["pelvis"] = _mover(rest, joints)
        return Character(path, gltf, rest, joints)


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
    loaded = load_character(character)
    with _naming(Path(character)):
        frame, goal, places = pose_character(motion, loaded.rest, loaded.joints)
        turns = local_turns(loaded.rest, loaded.joints, goal, frame)
        moved = {joint: where @ frame.T for joint, where in places.items()}
        packed = pack_character(loaded.gltf, loaded.rest, turns, moved, motion)
    with replacing(path) as temporary:
        temporary.write_bytes(packed)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors raised within the block."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"{path} {error}") from error


def _figure(motion: Motion, character: Character) -> tuple[NDArray[np.float32], Figure]:
    rest, joints = character.rest, character.joints
    shape = character_mesh(character.gltf, rest)
    frame, goal, places = pose_character(motion, rest, joints)
    moving = {joint: name for name, joint in sorted(joints.items(), key=lambda item: item[1])}
    bone_of = {-1: 0}  # bone 0 does not move: it carries what hangs on no joint of ours
    for joint, parent in enumerate(rest.parents):
        bone_of[joint] = 1 + list(moving).index(joint) if joint in moving else bone_of[parent]
    vertices = shape.vertices @ frame
    height = float(np.ptp(vertices[:, 1]))
    size = 1.0 if _SMALLEST < height < _LARGEST else _USUAL / height
    down = np.array([0.0, GROUND - size * float(vertices[:, 1].min()), 0.0])
    still = np.broadcast_to(np.eye(3), (len(motion), 1, 3, 3))
    bones = Bones(
        (-1, *(bone_of[rest.parents[joint]] for joint in moving)),
        size * np.concatenate([np.zeros((1, 3)), rest.rest[list(moving)] @ frame]) + down,
        np.concatenate([still, np.stack([goal[name] for name in moving.values()], axis=1)], axis=1),
        {bone_of[joint]: size * where + down for joint, where in places.items()},
    )
    mesh = Mesh(
        size * vertices + down,
        _normals(vertices, shape.triangles),
        shape.triangles,
        np.array([bone_of[joint] for joint in range(len(rest.parents))])[shape.joints],
        shape.weights,
        colours=shape.colours,
    )
    where = bones.where()
    found = {name: where[:, bone_of[joint]] for joint, name in moving.items()}
    points = np.empty((len(motion), len(JOINT_NAMES), 3), dtype=np.float32)
    for at, name in enumerate(JOINT_NAMES):  # a joint that it lacks is where the one before is
        points[:, at] = found[name] if name in found else points[:, max(PARENTS[at], 0)]
    if "neck" not in found and "head" in found:
        points[:, 12] = (points[:, 9] + points[:, 15]) / 2
    return points, Figure(mesh, bones)


def _normals(vertices: Array, triangles: NDArray[np.int64]) -> Array:
    """Return normals ``(V, 3)``, equal on both sides of a texture seam."""
    _, same = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    same = same.reshape(-1)
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.zeros((int(same.max()) + 1, 3))
    for corner in range(3):
        np.add.at(sums, same[triangles[:, corner]], faces)
    return np.asarray(rotations.normalize(sums + np.array([0.0, 1e-12, 0.0])))[same]


def _mover(rest: Recording, joints: dict[str, int]) -> int:
    """Return the joint that carries both legs and the trunk: the pelvis, or one above it."""
    hips = {joints[name] for name in ("pelvis", "left_hip", "right_hip")}
    joint = joints["pelvis"]
    while not all(joint in ancestors(rest.parents, [each]) for each in hips):
        if rest.parents[joint] < 0:
            raise FormatError("has legs and a trunk that hang on nothing together")
        joint = rest.parents[joint]
    return joint
