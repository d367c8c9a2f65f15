"""The mannequin: one mesh with smooth weights over the 22 joints, for pages, GLB and videos.

It is an asset, ``mannequin.npz``, which `rendering.skinning` makes of the round cones that
`rendering.mannequin` describes and videos paint. Arrays in it are whole numbers:

    vertices   (V, 3) int16, tenths of a millimetre       sides     (V,) uint8, 255ths
    normals    (V, 3) int8, 127ths                        joints    (V, 4) uint8
    triangles  (F, 3) uint16                              weights   (V, 4) uint8, 255ths
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..figure import Bones, Figure, Mesh
from ..motion import Motion
from ..skeleton import PARENTS
from .posing import Array, pose_transforms, rest_positions, solve_pose, standard_offsets

ASSET = Path(__file__).parent / "assets" / "mannequin.npz"


@dataclass(frozen=True)
class Skin:
    """A mesh in a rest pose, and which joints it follows.

    Attributes:
        vertices: ``(V, 3)``, metres.
        normals: ``(V, 3)``, of length one.
        sides: ``(V,)`` from 0 (left limbs) by 0.5 (trunk and head) to 1 (right limbs).
        triangles: ``(F, 3)``, counter-clockwise from outside.
        joints: ``(V, 4)``, which joints a vertex follows; the strongest first.
        weights: ``(V, 4)``, how much; each row sums to one.
    """

    vertices: Array
    normals: Array
    sides: Array
    triangles: NDArray[np.int64]
    joints: NDArray[np.int64]
    weights: Array


def fitted_skin(offsets: Array) -> Skin:
    """Return the mannequin in the rest pose of a skeleton with these offsets ``(22, 3)``."""
    skin = standard_skin()
    moved = rest_positions(offsets) - rest_positions(standard_offsets())
    shift = (moved[skin.joints] * skin.weights[..., None]).sum(axis=1)
    return replace(skin, vertices=skin.vertices + shift)


@cache
def standard_skin() -> Skin:
    """Return the mannequin over the standard skeleton."""
    with np.load(ASSET, allow_pickle=False) as file:
        normals = file["normals"].astype(np.float64)
        weights = file["weights"].astype(np.float64)
        return Skin(
            vertices=file["vertices"] * 1e-4,
            normals=normals / np.linalg.norm(normals, axis=-1, keepdims=True),
            sides=file["sides"] / 255,
            triangles=file["triangles"].astype(np.int64),
            joints=file["joints"].astype(np.int64),
            weights=weights / weights.sum(axis=-1, keepdims=True),
        )


def save_skin(skin: Skin, path: Path) -> None:
    """Write a skin as the asset has it."""
    np.savez_compressed(
        path,
        vertices=np.rint(skin.vertices * 1e4).astype(np.int16),
        normals=np.rint(skin.normals * 127).astype(np.int8),
        sides=np.rint(skin.sides * 255).astype(np.uint8),
        triangles=skin.triangles.astype(np.uint16),
        joints=np.where(skin.weights > 0, skin.joints, 0).astype(np.uint8),
        weights=np.rint(skin.weights * 255).astype(np.uint8),
    )


def mannequin_figure(motion: Motion) -> Figure:
    """Return the mannequin with the motion's bones, as `glb` writes it."""
    pose = solve_pose(motion.joints.astype(np.float64))
    skin = fitted_skin(pose.offsets)
    places, turns = pose_transforms(pose)
    kept = [joint for joint in range(len(PARENTS)) if joint in set(PARENTS)]  # ends only ride along
    kept = sorted({*kept, *pose.translations})
    new = {
        joint: kept.index(joint if joint in kept else PARENTS[joint])
        for joint in range(len(PARENTS))
    }
    bones = Bones(
        tuple(new[PARENTS[joint]] if joint else -1 for joint in kept),
        rest_positions(pose.offsets)[kept],
        turns[:, kept],
        {new[joint]: places[:, joint] for joint in pose.translations},
    )
    mesh = Mesh(
        skin.vertices,
        skin.normals,
        skin.triangles,
        np.vectorize(new.__getitem__)(skin.joints),
        skin.weights,
        sides=skin.sides,
    )
    return Figure(mesh, bones)
