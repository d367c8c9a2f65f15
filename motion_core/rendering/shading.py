"""Shaded round cones in NumPy: the mannequin is drawn per pixel, anti-aliased and depth-tested.

Seen through a long lens a round cone is nearly the hull of two discs. The signed distance to that
hull gives coverage (anti-aliasing), the cross section gives the surface normal (light) and the
depth (which limb is in front where two meet). A two-dimensional ramp turns (light, facing) into
colour, so that shades shift in hue and rims darken at no cost.

NumPy pays per call. So the boxes around all cones are laid out in one long row, and only what
differs from cone to cone is computed cone by cone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .mannequin import PARTS, TORSO, FloatArray
from .palette import rgb

Image = NDArray[np.uint8]

_LIGHTS, _FACINGS = 64, 16  # size of a colour ramp
_HALO = 0.018  # metres around a limb that it darkens on what lies behind it
_CRISP, _SOFT = 120.0, 25.0  # per metre of depth: how sharply parts cut, and melt, each other
_NOTHING = 1e3  # depth in metres where nothing is drawn yet
_NEAREST = 0.3  # metres before the camera
_KEY = np.array([-0.45, 0.70, 0.55]) / np.linalg.norm([-0.45, 0.70, 0.55])  # right, up, viewer
_ROWS = 8  # of work space: x, y, radius, depth, coverage, halo, shade and one to spare

_STARTS = np.array([part.start for part in PARTS])
_ENDS = np.array([part.end for part in PARTS])
_HALOS = np.where(np.arange(len(PARTS)) < len(TORSO), 0, _HALO)
_RADII = np.array([(part.start_radius, part.end_radius) for part in PARTS])


def colour_ramp(colour: str) -> FloatArray:
    """Colours ``(3, lights * facings)`` of a surface: cool in the shade, warm in the light."""
    base = rgb(colour)
    light = np.linspace(0, 1, _LIGHTS, dtype=np.float32)[:, None, None]
    front = np.linspace(0, 1, _FACINGS, dtype=np.float32)[None, :, None]
    shade = base * np.array([0.42, 0.44, 0.56], dtype=np.float32)
    bright = 255 - (255 - base) * np.array([0.62, 0.66, 0.74], dtype=np.float32)
    low = np.clip(light / 0.62, 0, 1)
    low = low * low * (3 - 2 * low)
    high = np.clip((light - 0.62) / 0.38, 0, 1) ** 1.5
    colours = shade + (base - shade) * low + (bright - base) * high
    rim = (1 - front) ** 3
    colours = colours * (1 - 0.30 * rim) + 255 * 0.10 * rim * light
    gloss = np.clip((light - 0.93) / 0.07, 0, 1) ** 2
    return np.ascontiguousarray(np.clip(colours + 26 * gloss, 0, 255).reshape(-1, 3).T)


class PeoplePainter:
    """Draws people in given colours; keeps its work space from frame to frame."""

    def __init__(self, ramps: Sequence[Sequence[FloatArray]]) -> None:
        """Args: ramps: for each person a colour ramp per part, see `colour_ramp`."""
        self._ramps = [ramp for person in ramps for ramp in person]
        self._space = np.empty((_ROWS, 0), dtype=np.float32)

    def paint(self, image: Image, camera: Camera, people: Sequence[FloatArray]) -> None:
        """Draw people, each body points ``(34, 3)``, into `image` ``(H, W, 3)`` in place."""
        cones = _visible_cones(np.stack(people), camera, (image.shape[1], image.shape[0]))
        if not cones:
            return
        left, top = (min(cone.box[side] for cone in cones) for side in (0, 1))
        right, bottom = (max(cone.box[side] for cone in cones) for side in (2, 3))
        picture = image[top:bottom, left:right]
        canvas = np.stack(cv2.split(picture), dtype=np.float32)  # (3, h, w): planes are faster
        nearest = np.full(canvas.shape[1:], _NOTHING, dtype=np.float32)
        crisp = np.empty_like(nearest)
        pixels, shades = self._light(cones, camera.focal)
        start, melting = 0, -1
        for cone in cones:
            x0, y0, x1, y1 = cone.box
            end = start + cone.pixels
            if cone.melts and cone.person != melting:  # people do not melt into one another
                melting = cone.person
                crisp[:] = _CRISP
            rows, columns = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
            colours = self._ramps[cone.index].take(shades[start:end], axis=1, mode="clip")
            _blend(
                (canvas[:, rows, columns], nearest[rows, columns], crisp[rows, columns]),
                pixels[:, start:end].reshape(3, y1 - y0, x1 - x0),
                colours.reshape(3, y1 - y0, x1 - x0),
                melts=cone.melts,
            )
            start = end
        cv2.merge(list(canvas.astype(np.uint8)), dst=picture)

    def _light(self, cones: Sequence[_Cone], focal: float) -> tuple[FloatArray, NDArray[np.intp]]:
        """Depth, coverage and halo ``(3, n)`` of all cones' pixels, and their place in the ramp."""
        total = sum(cone.pixels for cone in cones)
        if self._space.shape[1] < total:
            self._space = np.empty((_ROWS, total + total // 4), dtype=np.float32)
        space = self._space[:, :total]
        start = 0
        for cone in cones:
            cone.measure(space[:, start : start + cone.pixels])
            start += cone.pixels
        dx, dy, radius, depth, cover, halo, shade, work = space
        dx /= radius
        dy /= radius
        np.multiply(dx, dx, out=work)
        np.multiply(dy, dy, out=shade)
        work += shade  # squared distance from the axis in radii
        np.sqrt(work, out=cover)
        np.subtract(np.float32(1), cover, out=cover)
        cover *= radius  # pixels from the outline inwards
        np.multiply(cover, depth, out=halo)
        halo *= np.float32(1 / (_HALO * focal))
        halo += np.float32(1)
        _clip(halo)
        halo *= halo
        cover += np.float32(0.5)
        _clip(cover)
        np.subtract(np.float32(1), work, out=work)
        np.maximum(work, np.float32(0), out=work)
        front = np.sqrt(work, out=work)  # cosine between the surface's normal and the view
        radius *= front
        radius *= depth
        radius *= np.float32(1 / focal)
        depth -= radius  # from the axis to the surface
        dx *= np.float32(_KEY[0] / 2)
        dy *= np.float32(-_KEY[1] / 2)
        np.multiply(front, np.float32(_KEY[2] / 2), out=shade)
        shade += dx
        shade += dy
        shade += np.float32(0.5)  # 0 to 1 wherever there is coverage
        shade *= np.float32(_LIGHTS - 0.001)
        np.floor(shade, out=shade)
        shade *= np.float32(_FACINGS)
        front *= np.float32(_FACINGS - 0.001)
        shade += front
        return space[3:6], shade.astype(np.intp)


@dataclass(frozen=True)
class _Cone:
    """A round cone on its way to the screen.

    Attributes:
        person: number of the person.
        index: number of the part, counted over all people.
        melts: it is a torso part, which blends smoothly with other torso parts.
        box: left, top, right, bottom in pixels, within the picture.
        ends: ``(2, 2)`` pixels.
        radii: pixels at both ends.
        depths: metres at both ends.
    """

    person: int
    index: int
    melts: bool
    box: tuple[int, int, int, int]
    ends: FloatArray
    radii: tuple[float, float]
    depths: tuple[float, float]

    @property
    def pixels(self) -> int:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def measure(self, space: FloatArray) -> None:
        """Write x and y from the axis and radius (pixels), and depth (metres), ``(4, pixels)``."""
        x0, y0, x1, y1 = self.box
        dx, dy, radius, depth = (row.reshape(y1 - y0, x1 - x0) for row in space[:4])
        ax, ay = self.ends[0]
        bx, by = self.ends[1] - self.ends[0]
        xs = np.arange(x0, x1, dtype=np.float32) + (np.float32(0.5) - ax)
        ys = (np.arange(y0, y1, dtype=np.float32) + (np.float32(0.5) - ay))[:, None]
        length = max(math.hypot(bx, by), 1e-3)
        widening = self.radii[1] - self.radii[0]
        share = depth  # where on the axis the sphere sits that is nearest to the pixel, 0 to 1
        np.add(xs * np.float32(bx / length**2), ys * np.float32(by / length**2), out=share)
        if abs(widening) > 0.03 * length:
            lean = widening / math.sqrt(max(length**2 - widening**2, 1e-2 * length**2))
            scale = lean / length**2
            np.subtract(xs * np.float32(by * scale), ys * np.float32(bx * scale), out=dx)
            np.abs(dx, out=dx)
            if lean > 0:
                share += dx
            else:
                share -= dx
        _clip(share)
        np.multiply(share, -bx, out=dx)
        dx += xs
        np.multiply(share, -by, out=dy)
        dy += ys
        np.multiply(share, np.float32(widening), out=radius)
        radius += np.float32(max(self.radii[0], 0.5))
        depth *= np.float32(self.depths[1] - self.depths[0])
        depth += np.float32(self.depths[0])


def _visible_cones(people: FloatArray, camera: Camera, size: tuple[int, int]) -> list[_Cone]:
    """The cones of people ``(N, 34, 3)`` that reach into the picture, far to near."""
    pixels, depths = camera.project(people)
    ends = np.stack([pixels[:, _STARTS], pixels[:, _ENDS]], axis=2)  # (N, parts, 2 ends, 2)
    depth = np.stack([depths[:, _STARTS], depths[:, _ENDS]], axis=2)  # (N, parts, 2 ends)
    scale = camera.focal / depth
    radii = _RADII * scale
    reach = (radii + _HALOS[:, None] * scale + 1)[..., None]
    low = np.clip(np.floor((ends - reach).min(axis=2)), 0, size).astype(int)
    high = np.clip(np.ceil((ends + reach).max(axis=2)), 0, size).astype(int)
    shown = (high > low).all(axis=-1) & (depth.min(axis=-1) > _NEAREST)
    order = depth.mean(axis=-1)  # (N, parts)
    order[:, : len(TORSO)] = order[:, : len(TORSO)].mean(axis=1, keepdims=True)  # melts as one
    cones = []
    for index in np.argsort(-order, axis=None, kind="stable"):
        person, part = divmod(int(index), len(PARTS))
        if shown[person, part]:
            cones.append(
                _Cone(
                    person,
                    int(index),
                    part < len(TORSO),
                    (*low[person, part].tolist(), *high[person, part].tolist()),
                    ends[person, part].astype(np.float32),
                    tuple(radii[person, part].tolist()),
                    tuple(depth[person, part].tolist()),
                )
            )
    return cones


def _blend(
    layers: tuple[FloatArray, FloatArray, FloatArray],
    pixels: FloatArray,
    colours: FloatArray,
    *,
    melts: bool,
) -> None:
    """Lay a cone over what is drawn already.

    Args:
        layers: colours ``(3, h, w)``, depth and crispness ``(h, w)`` so far; changed in place.
        pixels: the cone's depth, coverage and halo ``(3, h, w)``.
        colours: the cone's colours ``(3, h, w)``; used up.
        melts: see `_Cone`.
    """
    canvas, nearest, crisp = layers
    depth, cover, halo = pixels
    behind = nearest - depth  # metres that this cone is in front
    front = behind * (crisp if melts else np.float32(_CRISP))
    front += np.float32(0.5)
    _clip(front)
    cover *= front
    kept = np.subtract(np.float32(1), cover, out=front)
    if not melts:  # what lies behind gets a soft contact shade, which separates limbs
        shade = behind * np.float32(6)
        _clip(shade)
        shade *= halo
        shade *= np.float32(-0.30)
        shade *= behind < _NOTHING / 2
        shade += np.float32(1)
        kept *= shade
    canvas *= kept
    colours *= cover
    canvas += colours
    solid = cover > np.float32(0.5)
    np.copyto(nearest, depth, where=solid)
    if melts:
        np.copyto(crisp, np.float32(_SOFT), where=solid)


def _clip(values: FloatArray) -> None:
    """Bring into 0 to 1, in place; `np.clip` takes twice as long on small arrays."""
    np.maximum(values, np.float32(0), out=values)
    np.minimum(values, np.float32(1), out=values)


def shadow_outlines(
    points: FloatArray, ground: float, sun: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The parts' shadows on the floor: ``(parts, n, 3)`` points, each shadow being their hull.

    Args:
        points: body points ``(34, 3)``, metres.
        ground: height of the floor.
        sun: where the light goes, scaled to fall one metre.
    """
    turn = np.linspace(0, 2 * math.pi, 10, endpoint=False)
    circle = np.stack([np.cos(turn), np.zeros_like(turn), np.sin(turn)], axis=-1)  # (10, 3)
    fallen = points + ((points[:, 1:2] - ground) * sun)  # (34, 3)
    fallen[:, 1] = ground
    first = fallen[_STARTS][:, None] + circle * _RADII[:, :1, None]
    second = fallen[_ENDS][:, None] + circle * _RADII[:, 1:, None]
    return np.concatenate([first, second], axis=1)
