"""What lies below the people: backdrop, ground grid, root trail and soft shadows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..skeleton import FPS
from .camera import Camera
from .mannequin import GROUND, FloatArray
from .palette import Palette, mix, rgb
from .shading import Image, shadow_outlines

_SHIFT = 5  # fractional bits of the coordinates given to OpenCV
_REACH = 9  # metres of grid around the point the camera looks at
_TRAIL_SECONDS = 12.0
_SHADOW_SCALE = 4  # shadows are soft: a quarter of the resolution is enough


class Floor:
    """Paints backdrop, grid, trail and shadows for one camera direction."""

    def __init__(self, camera: Camera, size: tuple[int, int], palette: Palette) -> None:
        self._palette = palette
        self._size = size
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
        self._sun = 0.40 * camera.axes[0] + 0.16 * away - [0, 1, 0]
        self._fade = np.rint(255 * np.clip(1.15 - distance / (_REACH - 1.5), 0, 1)).astype(np.uint8)
        self._lines = np.zeros((height, width), dtype=np.uint8)
        self._horizon = int(np.flatnonzero(self._fade.any(axis=1))[0]) if self._fade.any() else 0
        step = rgb(palette.grid) - rgb(palette.glow)
        self._lighter = bool(step.sum() > 0)
        shades = np.abs(step) * np.linspace(0, 1, 256)[:, None, None]
        self._ink = np.rint(shades).astype(np.uint8)  # (256, 1, 3), channels as in the image
        self._tints = [mix(palette.glow, palette.trail, share) for share in np.linspace(0.15, 1, 8)]

    def paint_grid(self, image: Image, camera: Camera) -> None:
        """Draw the metre grid, fading with distance, into `image` in place."""
        centre = np.array(self._centre(camera))
        near = np.rint(centre)[:, None] + np.arange(-_REACH, _REACH + 1)  # (2, n) whole metres
        ends = np.full((2, near.shape[1], 2, 3), GROUND)  # axis, line, end, coordinate
        for axis, across in ((0, 2), (1, 0)):
            ends[axis, :, :, 2 * axis] = near[axis][:, None]
            ends[axis, :, :, across] = centre[1 - axis] + np.array([-_REACH, _REACH])
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

    def paint_trail(self, image: Image, camera: Camera, path: FloatArray) -> None:
        """Draw a path on the floor ``(frames so far, 3)``, older parts paler, in place."""
        flat = path[-int(_TRAIL_SECONDS * FPS) :].astype(np.float64)
        if len(flat) < 2:
            return
        pixels, depth = camera.project(flat)
        jump = np.linalg.norm(np.diff(flat, axis=0), axis=-1) > 0.5  # a cut, no movement
        coordinates = _fixed(pixels)
        pieces = np.array_split(np.arange(len(flat)), len(self._tints))
        for tint, piece in zip(self._tints, pieces, strict=True):
            if len(piece) == 0:
                continue
            upto = min(piece[-1] + 2, len(flat))
            thick = max(1, round(0.022 * camera.focal / float(depth[piece].mean())))
            cuts = np.flatnonzero(jump[piece[0] : upto - 1]) + 1
            runs = np.split(coordinates[piece[0] : upto], cuts)
            cv2.polylines(image, runs, False, tint, thick, cv2.LINE_AA, _SHIFT)

    def paint_shadows(self, image: Image, camera: Camera, people: list[FloatArray]) -> None:
        """Darken `image` where the people keep the light off the floor, in place."""
        outlines = [shadow_outlines(points, GROUND, self._sun) for points in people]
        pixels, depth = camera.project(np.concatenate(outlines))  # (parts, 20, 2)
        if float(depth.min()) < 0.3:
            return
        scale = 1 / _SHADOW_SCALE
        blur = max(1.0, 0.030 * camera.focal / float(depth.mean()) * scale)  # pixels
        border = 3 * blur * _SHADOW_SCALE + _SHADOW_SCALE
        width, height = self._size
        x0, y0 = np.clip(pixels.min((0, 1)) - border, 0, (width, height)).astype(int)
        x1, y1 = np.clip(pixels.max((0, 1)) + border, 0, (width, height)).astype(int)
        if x1 - x0 < _SHADOW_SCALE or y1 - y0 < _SHADOW_SCALE:
            return
        small = ((x1 - x0) // _SHADOW_SCALE + 1, (y1 - y0) // _SHADOW_SCALE + 1)
        mask = np.zeros(small[::-1], dtype=np.uint8)
        for outline in _fixed((pixels - (x0, y0)) * scale):
            cv2.fillConvexPoly(mask, cv2.convexHull(outline), 255, cv2.LINE_AA, _SHIFT)
        mask = cv2.GaussianBlur(mask, (0, 0), sigmaX=blur, sigmaY=blur * 0.6)
        size = (small[0] * _SHADOW_SCALE, small[1] * _SHADOW_SCALE)
        soft = cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR)[: y1 - y0, : x1 - x0]
        piece = image[y0:y1, x0:x1]
        strength = soft.astype(np.float32)[..., None] * np.float32(0.55 / 255)
        piece[:] = piece + (rgb(self._palette.shadow) - piece) * strength

    def _centre(self, camera: Camera) -> tuple[float, float]:
        """Where on the floor (x, z) the camera looks."""
        forward = camera.axes[2]
        reach = (camera.position[1] - GROUND) / -forward[1]
        x, _, z = camera.position + forward * reach
        return float(x), float(z)


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Coordinates as OpenCV takes them: whole numbers with `_SHIFT` fractional bits."""
    fixed: NDArray[np.int32] = np.clip(np.rint(pixels * 2**_SHIFT), -(2**24), 2**24).astype("i4")
    return fixed


def _in_front(lines: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Lines ``(n, 2, 3)`` cut off half a metre before the camera; those behind it left out."""
    depth = (lines - camera.position) @ camera.axes[2] - 0.5  # (n, 2)
    kept = (depth > 0).any(axis=1)
    lines, depth = lines[kept].copy(), depth[kept]
    for end in (0, 1):
        cut = np.flatnonzero(depth[:, end] <= 0)
        share = depth[cut, end] / (depth[cut, end] - depth[cut, 1 - end])
        lines[cut, end] += (lines[cut, 1 - end] - lines[cut, end]) * share[:, None]
    return lines
