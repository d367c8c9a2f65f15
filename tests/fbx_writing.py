"""A skeleton and its motion as ASCII FBX, in the ways in which programs write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

_TICKS = 46_186_158_000  # of FBX's clock in a second
_ORDERS = ("xyz", "xzy", "yzx", "yxz", "zxy", "zyx")  # by the number of RotationOrder
_AXES = "xyz"


@dataclass(frozen=True)
class Fbx:
    """How to write a file.

    Attributes:
        order: of rotations, the first applied first.
        inherit: InheritType of the joints: 0, 1 or 2.
        joint_turns: whether joints have axes of their own at rest, as PreRotation.
        metres: of the unit of length.
        up, front, across: the axes that the header tells, as ``"+y"``.
        resting: the frame whose pose is the nodes' own; none for all rotations zero.
        takes: the frames of each animation, by name.
        moving: the axes of which curves are written; the others are the nodes' own.
        scale: of the node above the joints, which undoes it in the joints' numbers.
        linear: whether keys are linear instead of constant steps.
    """

    order: str = "xyz"
    inherit: int = 1
    joint_turns: bool = False
    metres: float = 0.01
    up: str = "+y"
    front: str = "+z"
    across: str = "+x"
    resting: int | None = None
    takes: Mapping[str, slice] = field(default_factory=lambda: {"Take 001": slice(None)})
    moving: str = _AXES
    scale: float = 1.0
    linear: bool = True


def ascii_fbx(
    names: Sequence[str],
    parents: Sequence[int],
    offsets: np.ndarray,
    root: np.ndarray,
    turns: np.ndarray,
    fps: float,
    how: Fbx,
) -> str:
    """Return the text of a file.

    Args:
        names: of the joints, parents first.
        parents: index of each joint's parent, -1 for the root.
        offsets: ``(J, 3)`` at rest, metres, y up.
        root: ``(T, 3)``, the root's path.
        turns: ``(T, J, 3, 3)``, rotations against the parent, from the rest pose.
        fps: frames per second.
        how: to write it.
    """
    # The world of the file: its axes are signed permutations of ours, perhaps left-handed.
    world = np.zeros((3, 3))
    for column, axis in enumerate((how.across, how.up, how.front)):
        world["xyz".index(axis[1]), column] = 1 if axis[0] == "+" else -1
    if np.linalg.det(world) < 0:
        mirror = np.diag([1.0, 1.0, -1.0])
        world, offsets, root = world @ mirror, offsets @ mirror, root @ mirror
        turns = mirror @ turns @ mirror
    random = np.random.default_rng(0)
    own = np.tile(np.eye(3), (len(names), 1, 1))
    if how.joint_turns:
        own = Rotation.random(len(names), random).as_matrix()
    above = np.stack([own[parent] if parent >= 0 else np.eye(3) for parent in parents])
    before = np.swapaxes(above, 1, 2) @ own  # PreRotation
    turned = np.swapaxes(own, 1, 2) @ turns @ own
    size = 1 / (how.metres * how.scale)
    places = (np.swapaxes(above, 1, 2) @ offsets[..., None])[..., 0] * size
    euler = Rotation.from_matrix(turned.reshape(-1, 3, 3)).as_euler(how.order, degrees=True)
    euler = np.unwrap(euler.reshape(*turned.shape[:2], 3), period=360, axis=0)
    euler = euler[..., [how.order.index(axis) for axis in _AXES]]  # about x, y, z

    objects: list[str] = []
    links: list[str] = []
    top = 900
    turn = Rotation.from_matrix(world).as_euler("xyz", degrees=True)
    objects.append(_model(top, "Armature", "Null", np.zeros(3), turn, np.zeros(3), how, how.scale))
    links.append(f'C: "OO",{top},0')
    for joint, name in enumerate(names):
        rest = how.resting
        place = places[joint] if joint or rest is None else root[rest] * size
        angles = np.zeros(3) if rest is None else euler[rest, joint]
        pre = Rotation.from_matrix(before[joint]).as_euler("xyz", degrees=True)
        objects.append(_model(1000 + joint, name, "LimbNode", place, angles, pre, how, 1.0))
        parent = parents[joint]
        links.append(f'C: "OO",{1000 + joint},{1000 + parent if parent >= 0 else top}')
    number = 100_000
    for take, frames in how.takes.items():
        stack, layer = number, number + 1
        number += 2
        count = len(root[frames])
        end = int(max(count - 1, 0) / fps * _TICKS)
        objects.append(
            f'AnimationStack: {stack}, "AnimStack::{take}", "" {{\n Properties70: {{\n'
            '  P: "LocalStart", "KTime", "Time", "",0\n'
            f'  P: "LocalStop", "KTime", "Time", "",{end}\n'
            " }\n}"
        )
        objects.append(f'AnimationLayer: {layer}, "AnimLayer::Base", "" {{\n}}')
        links.append(f'C: "OO",{layer},{stack}')
        if count == 0:
            continue
        curves = [(1000, "Lcl Translation", root[frames] * size)]
        curves += [
            (1000 + joint, "Lcl Rotation", euler[frames, joint]) for joint in range(len(names))
        ]
        for model, what, values in curves:
            node = number
            number += 1
            objects.append(f'AnimationCurveNode: {node}, "AnimCurveNode::{what[4]}", "" {{\n}}')
            links.append(f'C: "OO",{node},{layer}')
            links.append(f'C: "OP",{node},{model}, "{what}"')
            for axis in how.moving:
                objects.append(_curve(number, values[:, _AXES.index(axis)], fps, how.linear))
                links.append(f'C: "OP",{number},{node}, "d|{axis.upper()}"')
                number += 1
    header = "; FBX 7.4.0 project file\nFBXHeaderExtension:  {\n FBXVersion: 7400\n}\n"
    settings = {"UnitScaleFactor": ("double", 100 * how.metres)}
    for title, axis in (("Up", how.up), ("Front", how.front), ("Coord", how.across)):
        settings[f"{title}Axis"] = ("int", _AXES.index(axis[1]))
        settings[f"{title}AxisSign"] = ("int", 1 if axis[0] == "+" else -1)
    settings["CustomFrameRate"] = ("double", fps)
    settings["TimeMode"] = ("enum", 14)
    lines = [f'  P: "{key}", "{kind}", "", "",{value}' for key, (kind, value) in settings.items()]
    header += "GlobalSettings:  {\n Properties70:  {\n" + "\n".join(lines) + "\n }\n}\n"
    return (
        header
        + "Objects:  {\n"
        + "\n".join(objects)
        + "\n}\nConnections:  {\n"
        + "\n".join(links)
        + "\n}\n"
    )


def _model(
    number: int,
    name: str,
    kind: str,
    place: np.ndarray,
    angles: np.ndarray,
    before: np.ndarray,
    how: Fbx,
    scale: float,
) -> str:
    def triple(values: np.ndarray) -> str:
        return ",".join(f"{value:.9g}" for value in values)

    order = _ORDERS.index(how.order) if kind == "LimbNode" else 0
    return (
        f'Model: {number}, "Model::{name}", "{kind}" {{\n Version: 232\n Properties70:  {{\n'
        f'  P: "RotationActive", "bool", "", "",1\n  P: "RotationOrder", "enum", "", "",{order}\n'
        f'  P: "InheritType", "enum", "", "",{how.inherit}\n'
        f'  P: "PreRotation", "Vector3D", "Vector", "",{triple(before)}\n'
        f'  P: "Lcl Translation", "Lcl Translation", "", "A",{triple(place)}\n'
        f'  P: "Lcl Rotation", "Lcl Rotation", "", "A",{triple(angles)}\n'
        f'  P: "Lcl Scaling", "Lcl Scaling", "", "A",{triple(np.full(3, scale))}\n }}\n}}'
    )


def _curve(number: int, values: np.ndarray, fps: float, linear: bool) -> str:
    times = ",".join(str(round(at / fps * _TICKS)) for at in range(len(values)))
    count = len(values)
    return (
        f'AnimationCurve: {number}, "AnimCurve::", "" {{\n Default: 0\n KeyVer: 4008\n'
        f" KeyTime: *{count} {{\n  a: {times}\n }}\n"
        f" KeyValueFloat: *{count} {{\n  a: {','.join(f'{value:.7g}' for value in values)}\n }}\n"
        f" KeyAttrFlags: *1 {{\n  a: {4 if linear else 2}\n }}\n"
        " KeyAttrDataFloat: *4 {\n  a: 0,0,0,0\n }\n"
        f" KeyAttrRefCount: *1 {{\n  a: {count}\n }}\n}}"
    )
