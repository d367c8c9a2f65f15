"""A body drawn as a mesh: vertices that follow bones, and the motion of the bones.

The mannequin and a user's own character are both figures; pages show them with the same code, and a
GLB contains the same mesh on the same bones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .placement import Placement

Array = NDArray[np.float64]
FloatArray = NDArray[np.float32]

GROUND = -0.03
"""Height of the drawn floor in metres. HumanML3D puts the lowest joint at 0; the sole is below."""


@dataclass(frozen=True)
class Mesh:
    """A surface at rest, in metres, y up.

    Attributes:
        vertices: ``(V, 3)``.
        normals: ``(V, 3)``, of length one.
        triangles: ``(F, 3)``, counter-clockwise from outside.
        bones: ``(V, 4)``, bones that a vertex follows, the strongest first.
        weights: ``(V, 4)``, of these bones; each row sums to one.
        sides: ``(V,)`` from 0 (left limbs) by 0.5 (trunk and head) to 1 (right limbs), coloured by
            the theme; None with `colours`.
        colours: ``(V, 3)`` 0 to 255; None with `sides`.
    """

    vertices: Array
    normals: Array
    triangles: NDArray[np.int64]
    bones: NDArray[np.int64]
    weights: Array
    sides: Array | None = None
    colours: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Bones:
    """The motion of a mesh's bones: each rotates about its pivot from the rest pose.

    A bone hangs on its parent, unless it has its own places, as the hips do.

    Attributes:
        parents: of each bone, -1 for none; parents come first.
        pivots: ``(B, 3)`` at rest.
        turns: ``(T, B, 3, 3)``, world rotations from the rest pose.
        places: for some bones, the positions of their pivots ``(T, 3)``.
    """

    parents: tuple[int, ...]
    pivots: Array
    turns: Array
    places: Mapping[int, Array]

    def where(self) -> Array:
        """Return the positions of the pivots, ``(T, B, 3)``."""
        positions = np.empty(self.turns.shape[:3])
        for bone, parent in enumerate(self.parents):
            if bone in self.places:
                positions[:, bone] = self.places[bone]
            elif parent < 0:
                positions[:, bone] = self.pivots[bone]
            else:
                step = self.pivots[bone] - self.pivots[parent]
                positions[:, bone] = positions[:, parent] + self.turns[:, parent] @ step
        return positions

    def placed(self, placement: Placement, frames: int) -> Bones:
        """Return the bones at a placement, still after the last frame."""
        held = np.minimum(np.arange(frames), len(self.turns) - 1)
        c, s = np.cos(np.radians(placement.theta)), np.sin(np.radians(placement.theta))
        turn = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
        roots = [bone for bone, parent in enumerate(self.parents) if parent < 0]
        whole = {
            bone: np.broadcast_to(self.pivots[bone], (len(self.turns), 3))
            for bone in roots
            if bone not in self.places
        }
        return Bones(
            self.parents,
            self.pivots,
            turn @ self.turns[held],
            {
                bone: np.asarray(placement.apply(where)[held], dtype=np.float64)
                for bone, where in {**self.places, **whole}.items()
            },
        )


@dataclass(frozen=True)
class Figure:
    """A mesh and the motion of its bones."""

    mesh: Mesh
    bones: Bones

    def placed(self, placement: Placement, frames: int) -> Figure:
        """Return the figure at a placement, still after the last frame."""
        return Figure(self.mesh, self.bones.placed(placement, frames))

    def extremes(self) -> FloatArray:
        """Return the positions ``(T, n, 3)`` of the vertices that stick out at rest."""
        corners = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
        chosen = np.unique((self.mesh.vertices @ corners.T).argmax(axis=0))
        mesh = self.mesh
        few = Mesh(
            mesh.vertices[chosen],
            mesh.normals[chosen],
            mesh.triangles[:0],
            mesh.bones[chosen],
            mesh.weights[chosen],
        )
        figure = Figure(few, self.bones)
        return np.stack([figure.posed(frame)[0] for frame in range(len(self.bones.turns))])

    def posed(self, frame: int) -> tuple[FloatArray, FloatArray]:
        """Return vertices and normals ``(V, 3)`` in a frame."""
        turns, where = self.bones.turns[frame], self._where[frame]
        shifts = where - (turns @ self.bones.pivots[..., None])[..., 0]
        moves = np.concatenate([turns, shifts[..., None]], axis=-1).astype(np.float32)  # (B, 3, 4)
        blended = (self._shares @ moves.reshape(len(moves), 12)).reshape(-1, 3, 4)
        vertices = (blended[..., :3] @ self._points)[..., 0] + blended[..., 3]
        normals = (blended[..., :3] @ self._normals)[..., 0]
        return np.asarray(vertices, np.float32), np.asarray(normals, np.float32)

    def __post_init__(self) -> None:
        mesh = self.mesh
        shares = np.zeros((len(mesh.vertices), len(self.bones.parents)), dtype=np.float32)
        np.add.at(shares, (np.arange(len(shares))[:, None], mesh.bones), mesh.weights)
        for name, value in (
            ("_shares", shares),
            ("_points", mesh.vertices.astype(np.float32)[..., None]),
            ("_normals", mesh.normals.astype(np.float32)[..., None]),
            ("_where", self.bones.where()),
        ):
            object.__setattr__(self, name, value)  # needed by every frame

    _shares: FloatArray = None  # type: ignore[assignment]
    _points: FloatArray = None  # type: ignore[assignment]
    _normals: FloatArray = None  # type: ignore[assignment]
    _where: Array = None  # type: ignore[assignment]
