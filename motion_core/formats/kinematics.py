"""Forward kinematics of any skeleton, vectorised over frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def turn(rotation: Array, axis: int, radians: Array) -> Array:
    """Return ``rotation @ R``, where `R` are rotations about one of the axes.

    Args:
        rotation: matrices ``(..., 3, 3)``.
        axis: 0 (x), 1 (y) or 2 (z).
        radians: angles ``(...)``, broadcast against the matrices.
    """
    second, third = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = np.cos(radians)[..., None], np.sin(radians)[..., None]
    turned = np.empty(np.broadcast_shapes(rotation.shape, (*radians.shape, 3, 3)))
    turned[..., axis] = rotation[..., axis]
    turned[..., second] = cosine * rotation[..., second] + sine * rotation[..., third]
    turned[..., third] = cosine * rotation[..., third] - sine * rotation[..., second]
    return turned


def world_positions(
    parents: Sequence[int], translations: Sequence[Array], rotations: Sequence[Array]
) -> Array:
    """Return positions ``(T, J, 3)`` of all joints; see `world_transforms`."""
    return world_transforms(parents, translations, rotations)[0]


def world_transforms(
    parents: Sequence[int], translations: Sequence[Array], rotations: Sequence[Array]
) -> tuple[Array, Array]:
    """Return positions ``(T, J, 3)`` and orientations ``(T, J, 3, 3)`` of all joints.

    Args:
        parents: index of each joint's parent, -1 for a root; parents come before their children.
        translations: of each joint in its parent's frame, ``(T, 3)`` or ``(3,)``.
        rotations: of each joint relative to its parent, ``(T, 3, 3)``.
    """
    positions: list[Array] = []
    orientations: list[Array] = []
    for parent, translation, rotation in zip(parents, translations, rotations, strict=True):
        if parent < 0:
            positions.append(np.broadcast_to(translation, rotation.shape[:-1]))
            orientations.append(rotation)
            continue
        above = orientations[parent]
        positions.append(positions[parent] + (above @ translation[..., None])[..., 0])
        orientations.append(above @ rotation)
    return np.stack(positions, axis=1), np.stack(orientations, axis=1)


def ancestors(parents: Sequence[int], joints: Iterable[int]) -> list[int]:
    """Return `joints` and all above them, in the order of the skeleton."""
    found: set[int] = set()
    for joint in joints:
        while joint >= 0 and joint not in found:
            found.add(joint)
            joint = parents[joint]
    return sorted(found)
