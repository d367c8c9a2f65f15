"""Everything below the people: backdrop, ground grid, root trail and soft shadows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..figure import GROUND
from ..skeleton import FPS
from .camera import Camera
from .mannequin import PARTS, FloatArray
from .palette import Palette, mix, rgb
from .shading import Image

_SHIFT = 5  # fractional bits of the coordinates given to OpenCV
_REACH = 9  # metres of grid around the camera's target
_TRAIL_SECONDS = 12.0
_TRAIL_STEP = 4  # frames between points of a trail
_JUMP = 0.5  # metres between frames; more is a cut and leaves no trail
SHADOW_TEXEL = 0.015  # metres; shadows are soft, so they are drawn coarsely
_SHADOW_EDGE = 0.16  # metres around body points: their flesh and the softness
_SHADOW_THICKNESS = [
    max(1, round((part.start_radius + part.end_radius) / SHADOW_TEXEL)) for part in PARTS
]


class Trail:
    """A person's path, thinned to a few points a second."""

    def __init__(self, path: FloatArray) -> None:
        """Thin a path on the floor, ``(T, 3)``."""
        self._path = path.astype(np.float64)
        self._cuts = np.linalg.norm(np.diff(self._path, axis=0), axis=-1) > _JUMP

    def until(self, frame: int) -> list[NDArray[np.float64]]:
        """Return the latest stretches ``(n, 3)`` up to `frame`, separated by cuts."""
        first = max(0, frame - int(_TRAIL_SECONDS * FPS))
        kept = np.arange(first + -first % _TRAIL_STEP, frame, _TRAIL_STEP)  # always the same noise
        kept = np.append(kept, frame)
        if not self._cuts[first:frame].any():
            return [self._path[kept]]
        part = np.concatenate([[0], np.cumsum(self._cuts)])[kept]
        runs = np.split(kept, np.flatnonzero(np.diff(part)) + 1)
        return [self._path[run] for run in runs]


class Floor:
    """Paints backdrop, grid, trail and shadows for one camera direction."""

    def __init__(self, camera: Camera, size: tuple[int, int], palette: Palette) -> None:
        self._palette = palette
        self._size = size
        self._height = camera.position[1] - GROUND
        width, height = size
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        rays = np.stack(
            [(columns - camera.centre[0]), (camera.centre[1] - rows)], axis=-1
        ) / np.float32(camera.focal)
        axes = camera.axes.astype(np.float32)
        directions = rays @ axes[:2] + axes[2]  # (H, W, 3), unit depth
        falling = np.maximum(-directions[..., 1], 1e-4)
        reach = np.float32(camera.position[1] - GROUND) / falling
        centre = self._centre(camera)
        across = directions[..., 0] * reach + np.float32(camera.position[0] - centre[0])
        ahead = directions[..., 2] * reach + np.float32(camera.position[2] - centre[1])
        distance = np.sqrt(across**2 + ahead**2)
        distance[directions[..., 1] > -1e-3] = 1e3
        pool = np.exp(-((distance / 5.0) ** 2))[..., None]
        slope = (rows / height)[..., None]
        base = rgb(palette.sky) * (1 - slope) + rgb(palette.floor) * slope
        self.backdrop: Image = np.rint(base + (rgb(palette.glow) - base) * pool).astype(np.uint8)
        away = camera.axes[2] * [1, 0, 1] / np.hypot(camera.axes[2, 0], camera.axes[2, 2])
        self.sun = 0.40 * camera.axes[0] + 0.16 * away - [0, 1, 0]
        self._fade = np.rint(255 * np.clip(1.15 - distance / (_REACH - 1.5), 0, 1)).astype(np.uint8)
        self._lines = np.zeros((height, width), dtype=np.uint8)
        self._horizon = int(np.flatnonzero(self._fade.any(axis=1))[0]) if self._fade.any() else 0
        step = rgb(palette.grid) - rgb(palette.glow)
        self._lighter = bool(step.sum() > 0)
        shades = np.abs(step) * np.linspace(0, 1, 256)[:, None, None]
        self._ink = np.rint(shades).astype(np.uint8)  # (256, 1, 3), channels as in the image
        self._tints = [mix(palette.glow, palette.trail, s) for s in np.linspace(1, 0.12, 16)]
        deep = 1 + (rgb(palette.shadow) / 255 - 1) * np.linspace(0, 0.62, 256)[:, None, None]
        self._shade = np.rint(255 * deep).astype(np.uint8)  # (256, 1, 3): remaining light

    def paint_grid(self, image: Image, camera: Camera) -> None:
        """Draw the metre grid, fading with distance, into `image` in place."""
        centre = np.array(self._centre(camera))
        # a camera that has stepped back sees more floor
        reach = round(_REACH * max(1.0, (camera.position[1] - GROUND) / self._height))
        near = np.rint(centre)[:, None] + np.arange(-reach, reach + 1)  # (2, n) whole metres
        ends = np.full((2, near.shape[1], 2, 3), GROUND)  # axis, line, end, coordinate
        for axis, across in ((0, 2), (1, 0)):
            ends[axis, :, :, 2 * axis] = near[axis][:, None]
            ends[axis, :, :, across] = centre[1 - axis] + np.array([-reach, reach])
        lines = self._lines[self._horizon :]
        lines[:] = 0
        pixels, _ = camera.project(_in_front(ends.reshape(-1, 2, 3), camera))
        pixels[..., 1] -= self._horizon
        cv2.polylines(lines, list(_fixed(pixels)), False, 255, 1, cv2.LINE_AA, _SHIFT)
        cv2.multiply(lines, self._fade[self._horizon :], dst=lines, scale=1 / 255)
        below = image[self._horizon :]
        ink = cv2.applyColorMap(lines, self._ink)
        if self._lighter:
            cv2.add(below, ink, dst=below)
        else:
            cv2.subtract(below, ink, dst=below)

    def paint_trail(self, image: Image, camera: Camera, trail: Trail, frame: int) -> None:
        """Draw a person's path up to `frame`, older parts paler, in place."""
        runs = trail.until(frame)
        pieces = sum(map(len, runs)) - len(runs)  # between consecutive points
        drawn = 0
        for run in runs:
            pixels, depth = camera.project(run)
            middle = np.sort(depth)[[(len(run) - 1) // 2, len(run) // 2]]  # as np.median, faster
            thick = max(1, round(0.022 * camera.focal / float(middle.mean())))
            coordinates = _fixed(pixels)
            since = pieces - 1 - drawn - np.arange(len(run) - 1)  # 0 for the latest piece
            ages = since * len(self._tints) // max(pieces, 1)
            drawn += len(run) - 1
            last = np.flatnonzero(np.diff(ages, append=-1)) + 1  # first point of the next age
            for first, end in zip([0, *last], last.tolist(), strict=False):
                stretch, tint = coordinates[first : end + 1], self._tints[ages[first]]
                cv2.polylines(image, [stretch], False, tint, thick, cv2.LINE_AA, _SHIFT)

    def paint_shadows(self, image: Image, camera: Camera, people: list[FloatArray]) -> None:
        """Darken `image` where people block the light from the floor, in place."""
        for points in people:
            self._paint_shadow(image, camera, points)

    def _paint_shadow(self, image: Image, camera: Camera, points: FloatArray) -> None:
        """Draw the shadow as seen from above, then project it into the picture."""
        fallen = points + (points[:, 1:2] - GROUND) * self.sun  # (34, 3)
        flat = fallen[:, [0, 2]]
        corner, far = flat.min(axis=0) - _SHADOW_EDGE, flat.max(axis=0) + _SHADOW_EDGE
        columns, rows = np.ceil((far - corner) / SHADOW_TEXEL).astype(int).tolist()
        mask = np.zeros((rows, columns), dtype=np.uint8)
        texels = np.rint((flat - corner) * (2**_SHIFT / SHADOW_TEXEL)).astype(int).tolist()
        for part, thick in zip(PARTS, _SHADOW_THICKNESS, strict=True):
            cv2.line(mask, texels[part.start], texels[part.end], 255, thick, cv2.LINE_8, _SHIFT)
        self.paint_shadow(image, camera, corner, mask)

    def paint_shadow(
        self, image: Image, camera: Camera, corner: NDArray[np.float64], mask: NDArray[np.uint8]
    ) -> None:
        """Darken the floor by a mask of texels whose first corner is at x and z, in place."""
        rows, columns = mask.shape
        far = corner + SHADOW_TEXEL * np.array([columns, rows])
        across, ahead = (corner[0], far[0]), (corner[1], far[1])
        corners = np.array([[x, GROUND, z] for x in across for z in ahead])
        pixels, depth = camera.project(corners)
        if float(depth.min()) < 0.3:
            return
        low = np.maximum(np.floor(pixels.min(axis=0)), 0).astype(int)
        high = np.minimum(np.ceil(pixels.max(axis=0)), self._size).astype(int)
        if (high <= low).any():
            return
        blurred = cv2.blur(cv2.blur(mask, (5, 5)), (3, 3))
        seen = np.array([[0, 0], [0, rows], [columns, 0], [columns, rows]], dtype=np.float32)
        turn = cv2.getPerspectiveTransform(seen, (pixels - low).astype(np.float32))
        soft = cv2.warpPerspective(blurred, turn, (high - low).tolist(), flags=cv2.INTER_LINEAR)
        piece = image[low[1] : high[1], low[0] : high[0]]
        cv2.multiply(piece, cv2.applyColorMap(soft, self._shade), dst=piece, scale=1 / 255)

    def _centre(self, camera: Camera) -> tuple[float, float]:
        """Return the point on the floor (x, z) that the camera looks at."""
        forward = camera.axes[2]
        reach = (camera.position[1] - GROUND) / -forward[1]
        x, _, z = camera.position + forward * reach
        return float(x), float(z)


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return coordinates for OpenCV: integers with `_SHIFT` fractional bits."""
    fixed: NDArray[np.int32] = np.clip(np.rint(pixels * 2**_SHIFT), -(2**24), 2**24).astype("i4")
    return fixed


def _in_front(lines: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return lines ``(n, 2, 3)`` clipped half a metre before the camera, without those behind
    it.
    """
    depth = (lines - camera.position) @ camera.axes[2] - 0.5  # (n, 2)
    kept = (depth > 0).any(axis=1)
    lines, depth = lines[kept].copy(), depth[kept]
    for end in (0, 1):
        cut = np.flatnonzero(depth[:, end] <= 0)
        share = depth[cut, end] / (depth[cut, end] - depth[cut, 1 - end])
        lines[cut, end] += (lines[cut, 1 - end] - lines[cut, end]) * share[:, None]
    return lines
