"""Drawing of figures: triangles with a depth buffer, lit like the mannequin, with smooth edges.

The pixels of all triangles are computed at once (Pineda, "A parallel algorithm for polygon
rasterization", 1988), at twice the picture's size, which is then averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..figure import Figure, FloatArray
from .camera import Camera
from .palette import rgb
from .shading import KEY, Image, lit

_SHARPER = 2  # pixels drawn for one, along each side
_AT_ONCE = 1 << 21  # pixels of triangles computed at once
_NEAREST = 0.3  # near plane, metres before the camera


@dataclass(frozen=True)
class Fragments:
    """The pixels of the nearest triangles.

    Attributes:
        pixels: ``(n,)``, row times width plus column.
        triangles: ``(n,)``, index of the visible triangle.
        shares: ``(n, 3)``, weights of its corners.
    """

    pixels: NDArray[np.int64]
    triangles: NDArray[np.int64]
    shares: FloatArray


def fragments(corners: FloatArray, nearness: FloatArray, size: tuple[int, int]) -> Fragments:
    """Return the visible pixels of triangles.

    Args:
        corners: ``(F, 3, 2)``, x and y in pixels.
        nearness: ``(F, 3)``, one over the depth, which is linear on the screen.
        size: width and height of the picture.
    """
    width, height = size
    low = np.ceil(np.maximum(corners.min(axis=1), 0) - 0.5).astype(np.int64)
    high = np.floor(np.minimum(corners.max(axis=1), size) - 0.5).astype(np.int64)
    sides = np.maximum(high - low + 1, 0)
    (ax, ay), (bx, by), (cx, cy) = (corners[:, corner].T for corner in range(3))
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    chosen = np.flatnonzero((sides.prod(axis=1) > 0) & (np.abs(area) > 1e-9))
    depths = np.zeros(width * height, dtype=np.float32)
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], FloatArray, FloatArray]] = []
    counts = sides[chosen].prod(axis=1)
    groups = np.split(chosen, np.flatnonzero(np.diff(np.cumsum(counts) // _AT_ONCE)) + 1)
    for group in groups:
        counts = sides[group].prod(axis=1)
        each = np.repeat(group, counts)
        at = np.arange(len(each)) - np.repeat(np.cumsum(counts) - counts, counts)
        row, column = np.divmod(at, sides[each, 0])
        column += low[each, 0]
        row += low[each, 1]
        x, y = (column + 0.5).astype(np.float32), (row + 0.5).astype(np.float32)
        second = ((x - ax[each]) * (cy - ay)[each] - (y - ay[each]) * (cx - ax)[each]) / area[each]
        third = ((y - ay[each]) * (bx - ax)[each] - (x - ax[each]) * (by - ay)[each]) / area[each]
        inside = (second >= 0) & (third >= 0) & (second + third <= 1)
        each, second, third = each[inside], second[inside], third[inside]
        pixels = row[inside] * width + column[inside]
        shares = np.stack([1 - second - third, second, third], axis=-1)
        near = (shares * nearness[each]).sum(axis=-1, dtype=np.float32)
        np.maximum.at(depths, pixels, near)
        found.append((pixels, each, shares, near))
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Fragments(nothing, nothing, np.zeros((0, 3), dtype=np.float32))
    pixels, each, shares, near = (np.concatenate(parts) for parts in zip(*found, strict=True))
    seen = np.flatnonzero(near >= depths[pixels])
    _, first = np.unique(pixels[seen], return_index=True)
    seen = seen[first]
    return Fragments(pixels[seen], each[seen], shares[seen])


class FigurePainter:
    """Draws a figure in its own colours, or the mannequin's in those of a theme."""

    def __init__(self, figure: Figure, people: Mapping[str, str]) -> None:
        """Prepare the figure's colours.

        Args:
            figure: to draw.
            people: the theme's colours of left limbs, trunk and right ones.
        """
        self._figure = figure
        mesh = figure.mesh
        if mesh.colours is not None:
            self._colours = mesh.colours.astype(np.float32)
        else:
            assert mesh.sides is not None
            share = mesh.sides
            share = 0.5 * np.clip((share - 0.1) / 0.3, 0, 1) + 0.5 * np.clip(
                (share - 0.6) / 0.3, 0, 1
            )
            stops = np.stack([rgb(people[side]) for side in ("left", "body", "right")])
            mixed = [np.interp(share, [0, 0.5, 1], stop) for stop in stops.T]
            self._colours = np.stack(mixed, axis=-1).astype(np.float32)

    def paint(self, image: Image, camera: Camera, frame: int) -> None:
        """Draw the figure in a frame into `image` ``(H, W, 3)`` in place."""
        vertices, normals = self._figure.posed(frame)
        pixels, depths = camera.project(vertices)
        triangles = self._figure.mesh.triangles
        triangles = triangles[(depths[triangles] > _NEAREST).all(axis=1)]
        size = (image.shape[1], image.shape[0])
        used = pixels[np.unique(triangles)] if len(triangles) else pixels[:0]
        if not len(used):
            return
        low = np.clip(np.floor(used.min(axis=0)) - 1, 0, size).astype(int)
        high = np.clip(np.ceil(used.max(axis=0)) + 1, 0, size).astype(int)
        if (high <= low).any():
            return
        width, height = (_SHARPER * (high - low)).tolist()
        corners = ((pixels[triangles] - low) * _SHARPER).astype(np.float32)
        seen = fragments(corners, (1 / depths[triangles]).astype(np.float32), (width, height))
        canvas = np.zeros((height * width, 4), dtype=np.float32)
        around = triangles[seen.triangles]  # (n, 3) vertices
        turned = (normals[around] * seen.shares[..., None]).sum(axis=1) @ camera.axes.T
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-6)
        turned *= np.where(turned[:, 2:] > 0, -1, 1)  # the inside of cloaks is visible, too
        colours = (self._colours[around] * seen.shares[..., None]).sum(axis=1)
        light = 0.5 + 0.5 * (turned @ (KEY * [1, 1, -1]))
        canvas[seen.pixels, :3] = lit(colours, light[:, None], -turned[:, 2:])
        canvas[seen.pixels, 3] = 1
        small = cv2.resize(
            canvas.reshape(height, width, 4), (high - low).tolist(), interpolation=cv2.INTER_AREA
        )
        piece = image[low[1] : high[1], low[0] : high[0]]
        piece[:] = np.rint(piece * (1 - small[..., 3:]) + small[..., :3]).astype(np.uint8)

    def shadow(
        self, frame: int, sun: NDArray[np.float64], ground: float, texel: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return the shadow on the floor: x and z of its corner, and a mask of texels."""
        vertices, _ = self._figure.posed(frame)
        flat = (vertices + (vertices[:, 1:2] - ground) * sun)[:, [0, 2]]
        corner = flat.min(axis=0) - 0.1
        width, height = np.ceil((flat.max(axis=0) + 0.1 - corner) / texel).astype(int).tolist()
        corners = ((flat - corner) / texel).astype(np.float32)[self._figure.mesh.triangles]
        seen = fragments(corners, np.ones(corners.shape[:2], np.float32), (width, height))
        mask = np.zeros(height * width, dtype=np.uint8)
        mask[seen.pixels] = 255
        return corner, mask.reshape(height, width)
