"""Construction of the mannequin's skin: round cones melted into one mesh with smooth weights.

    python -m motion_agent.motion_core.rendering.skinning    # makes assets/mannequin.npz again

The body is the one in pictures: the round cones of `rendering.mannequin`, melted into one surface
(smooth minimum of their distance fields; Quilez, "Smooth minimum") that surface nets triangulate
(Gibson, "Constrained elastic surface nets", 1998). A vertex follows the bones near it, the nearest
most.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..formats.posing import CHILDREN, Array, rest_positions, standard_offsets
from ..formats.skin import ASSET, Skin, save_skin
from ..skeleton import JOINT_NAMES, PARENTS
from .mannequin import PARTS, POINT_NAMES, TORSO, body_points

Field = Callable[[Array], Array]
"""Distances ``(n,)`` to a surface of points ``(n, 3)``, negative inside."""

_CELL = 0.016  # metres: cell size of the grid for the surface
_MELT = 0.035  # metres over which neighbouring cones blend
_TRUNK_MELT = 0.07  # the same for those of the trunk
_SOFT = 0.011  # metres of distance over which a bone's influence fades
_BLEND = 0.016  # metres over which colours blend: finer than the grid looks ragged
_INFLUENCES = 4  # joints per vertex at most, as in glTF
_APART = 0.45  # radians by which each leg is turned outwards while the body is shaped
_SEAM = 0.02  # metres on both sides of the middle where a leg may affect the other's skin

_LEG_OF = {joint: leg for leg in (1, 2) for joint in (leg, leg + 3, leg + 6, leg + 9)}


def make_skin() -> Skin:
    """Return the mannequin over the standard skeleton.

    It is shaped with its legs apart, so that they do not melt together, and then brought to the
    rest pose by its own weights.
    """
    apart = rest_positions(_offsets_apart())
    # Far above the floor, so that nothing flattens the head.
    high = np.array([0.0, 10.0, 0.0])
    points = body_points((apart + high).astype(np.float32)).astype(np.float64) - high
    cones = [
        (points[part.start], points[part.end], part.start_radius, part.end_radius) for part in PARTS
    ]
    sides = np.array([{"left": 0.0, "body": 0.5, "right": 1.0}[part.side] for part in PARTS])

    def distances(where: Array) -> Array:
        return np.stack([_to_cone(where, *cone) for cone in cones])

    def field(where: Array) -> Array:
        return _melted(distances(where))

    vertices, triangles = _surface(field, points)
    for _ in range(3):  # Newton steps onto the surface
        vertices = vertices - field(vertices)[:, None] * _gradient(field, vertices)
    nearest = distances(vertices)
    share = np.exp(-(nearest - nearest.min(axis=0)) / _BLEND)
    followed, weights = _weights(vertices, apart, points)
    together = rest_positions(standard_offsets())
    turns = np.stack([_spread(joint).T for joint in range(len(PARENTS))])  # (22, 3, 3)
    turns = turns[followed]  # (V, 4, 3, 3)
    moved = (turns @ (vertices[:, None] - apart[followed])[..., None])[..., 0] + together[followed]
    normals = np.einsum("vj,vjab,vb->va", weights, turns, _gradient(field, vertices))
    return Skin(
        vertices=(moved * weights[..., None]).sum(axis=1),
        normals=normals / np.linalg.norm(normals, axis=-1, keepdims=True),
        sides=(share * sides[:, None]).sum(axis=0) / share.sum(axis=0),
        triangles=triangles,
        joints=followed,
        weights=weights,
    )


def _offsets_apart() -> Array:
    """Return offsets ``(22, 3)`` of the standard skeleton at rest with its legs apart."""
    offsets = standard_offsets()
    return np.stack([_spread(PARENTS[joint]) @ each for joint, each in enumerate(offsets)])


def _spread(joint: int) -> Array:
    """Return the rotation ``(3, 3)`` of a joint's bones for the spread legs."""
    angle = {1: _APART, 2: -_APART}.get(_LEG_OF.get(joint, 0), 0.0)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _to_cone(where: Array, start: Array, end: Array, first: float, second: float) -> Array:
    """Return the distance of points ``(n, 3)`` to a round cone: the hull of two balls.

    In the plane through the bone and the point, its side is a line tilted by the angle whose sine
    is the difference of the radii over the length.
    """
    bone = end - start
    length = max(float(np.linalg.norm(bone)), 1e-6)
    along = (where - start) @ bone / length
    across = np.linalg.norm(where - start - along[:, None] * bone / length, axis=-1)
    sine = np.clip((first - second) / length, -0.99, 0.99)
    cosine = np.sqrt(1 - sine**2)
    touch = along * cosine - across * sine  # position of the point along the line
    return np.select(
        [touch < 0, touch > length * cosine],
        [np.hypot(along, across) - first, np.hypot(along - length, across) - second],
        along * sine + across * cosine - first,
    )


def _along(where: Array, start: Array, end: Array) -> Array:
    """Return the position on a bone, 0 to 1, that is nearest to each point ``(n, 3)``."""
    bone = end - start
    return np.clip((where - start) @ bone / max(float(bone @ bone), 1e-9), 0, 1)


def _melted(distances: Array) -> Array:
    """Return the smooth minimum ``(n,)`` of distances ``(parts, n)``, the trunk's first."""
    melted = distances[0]
    for part, other in enumerate(distances[1:], start=1):
        reach = _TRUNK_MELT if part < len(TORSO) else _MELT
        near = np.maximum(reach - np.abs(melted - other), 0) / reach
        melted = np.minimum(melted, other) - near**2 * (reach / 4)
    return np.asarray(melted)


def _gradient(field: Field, where: Array) -> Array:
    step = 1e-4
    slope = np.stack(
        [field(where + step * axis) - field(where - step * axis) for axis in np.eye(3)], axis=-1
    )
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-9))


def _surface(field: Field, points: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return vertices ``(V, 3)`` and triangles ``(F, 3)`` where `field` is 0 around `points`.

    Surface nets: a vertex in each cell that the surface crosses, at the mean of its crossings of
    the cell's edges; a square across each grid edge that it crosses.
    """
    low, high = points.min(axis=0) - 0.15, points.max(axis=0) + 0.15
    axes = [np.arange(a, b, _CELL) for a, b in zip(low, high, strict=True)]
    shape = tuple(map(len, axes))
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    value = np.concatenate([field(layer.reshape(-1, 3)) for layer in grid]).reshape(shape)
    inside = value < 0

    total, count = np.zeros((*shape, 3)), np.zeros(shape)
    crossings = []
    for axis in range(3):
        first, second = (_shifted(value, axis, by) for by in (0, 1))
        crossed = (first < 0) != (second < 0)
        at = np.argwhere(crossed)
        share = first[crossed] / (first[crossed] - second[crossed])
        position = at.astype(float)
        position[:, axis] += share
        around = [np.zeros(3, int), *_sides(axis)]
        cells = np.stack([at - shift for shift in around], axis=1)  # (crossings, 4, 3)
        for corner in range(4):
            np.add.at(total, tuple(cells[:, corner].T), position)
            np.add.at(count, tuple(cells[:, corner].T), 1)
        outward = inside[tuple(at.T)]
        crossings.append(np.where(outward[:, None, None], cells, cells[:, ::-1]))
    used = count > 0
    number = np.full(shape, -1)
    number[used] = np.arange(int(used.sum()))
    vertices = low + total[used] / count[used][:, None] * _CELL
    squares = np.concatenate([number[tuple(np.moveaxis(cells, -1, 0))] for cells in crossings])
    return vertices, np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]])


def _shifted(value: Array, axis: int, by: int) -> Array:
    return np.take(value, np.arange(by, value.shape[axis] - 1 + by), axis=axis)


def _sides(axis: int) -> list[NDArray[np.int64]]:
    """Return the other three cells around a grid edge, in order."""
    second, third = np.eye(3, dtype=int)[(axis + 1) % 3], np.eye(3, dtype=int)[(axis + 2) % 3]
    return [second, second + third, third]


def _weights(vertices: Array, joints: Array, points: Array) -> tuple[NDArray[np.int64], Array]:
    """Return the joints ``(V, 4)`` that each vertex follows, and their weights ``(V, 4)``."""
    at = dict(zip(POINT_NAMES, points, strict=True))
    tips = {"head": ["skull"], "neck": ["nape"]}
    for side in ("left", "right"):
        tips[f"{side}_wrist"] = [f"{side}_hand"]
        tips[f"{side}_foot"] = [f"{side}_toes"]
        tips[f"{side}_ankle"] = [f"{side}_heel", f"{side}_foot"]
    distance = np.full((len(joints), len(vertices)), np.inf)
    for joint, name in enumerate(JOINT_NAMES):
        ends = [at[tip] for tip in tips.get(name, ())] or joints[list(CHILDREN[joint])]
        for end in ends:
            centre = joints[joint] + _along(vertices, joints[joint], end)[:, None] * (
                end - joints[joint]
            )
            away = np.linalg.norm(vertices - centre, axis=-1)
            distance[joint] = np.minimum(distance[joint], away)
    hold = np.exp(-(distance - distance.min(axis=0)) / _SOFT)
    for joint, name in enumerate(JOINT_NAMES):  # a leg does not affect the other's skin
        if name.partition("_")[2] in ("hip", "knee", "ankle", "foot"):
            own = vertices[:, 0] * (1 if name.startswith("left") else -1)
            hold[joint] *= np.clip((own + _SEAM) / (2 * _SEAM), 0, 1)
    order = np.argsort(-hold, axis=0)[:_INFLUENCES]
    kept = np.take_along_axis(hold, order, axis=0)
    kept[kept < 0.01 * kept[0]] = 0
    return order.T, (kept / kept.sum(axis=0)).T


if __name__ == "__main__":
    save_skin(make_skin(), ASSET)
