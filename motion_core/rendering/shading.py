"""Shaded round cones in NumPy: the mannequin, drawn per pixel, anti-aliased and depth-tested.

Through a long lens, a round cone is nearly the hull of two discs. The signed distance to that hull
gives coverage (anti-aliasing), the cross section gives the surface normal (light) and the depth
(which limb is in front where two meet). A two-dimensional ramp maps (light, facing) to colour, so
that shadows shift in hue and rims darken at no cost.

NumPy's cost is per call. So the boxes around all cones are laid out in one long row, everything
possible is computed for all of them at once, and only compositing goes cone by cone.
"""

from __future__ import annotations

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
_RAMP = _LIGHTS * _FACINGS
_HALO = 0.018  # metres around a limb that it darkens on surfaces behind it
_DARK = 0.30  # how strongly, and how fast that sets in per metre of distance behind
_DARKENING = 1.8
_CRISP, _SOFT = 120.0, 25.0  # per metre of depth: how sharply parts cut, and melt into, each other
_NOTHING = 1e6  # depth where nothing is drawn yet; depths are in units of 1 / _CRISP metres
_NEAREST = 0.3  # near plane, metres before the camera
_BRIGHT = _LIGHTS / 2  # maps the cosine between normal and light, -1 to 1, to the ramp
KEY = np.array([-0.45, 0.70, 0.55]) / np.linalg.norm([-0.45, 0.70, 0.55])  # right, up, viewer

_STARTS = np.array([part.start for part in PARTS])
_ENDS = np.array([part.end for part in PARTS])
_MELTS = np.arange(len(PARTS)) < len(TORSO)
_HALOS = np.where(_MELTS, 0, _HALO)
_RADII = np.array([(part.start_radius, part.end_radius) for part in PARTS])


def colour_ramp(colour: str, *, melts: bool = False) -> FloatArray:
    """Return colours ``(3, lights * facings)`` of a surface: cool in the shade, warm in the light.

    Its rim is darker, to separate limbs, unless it `melts` into its neighbours.
    """
    light = np.linspace(0, 1, _LIGHTS, dtype=np.float32)[:, None, None]
    front = np.linspace(0, 1, _FACINGS, dtype=np.float32)[None, :, None]
    colours = lit(rgb(colour), light, front, rim=0.0 if melts else 1.0)
    return np.ascontiguousarray(colours.reshape(-1, 3).T)


def lit(base: FloatArray, light: FloatArray, front: FloatArray, *, rim: float = 1.0) -> FloatArray:
    """Return the lit colours ``(…, 3)``, 0 to 255, of a surface.

    Args:
        base: its colours ``(…, 3)``.
        light: 0 to 1, received by the surface ``(…, 1)``.
        front: 0 to 1, how much it faces the viewer ``(…, 1)``.
        rim: how much darker its rim is, to separate limbs.
    """
    shade = base * np.array([0.42, 0.44, 0.56], dtype=np.float32)
    bright = 255 - (255 - base) * np.array([0.62, 0.66, 0.74], dtype=np.float32)
    low = np.clip(light / 0.62, 0, 1)
    low = low * low * (3 - 2 * low)
    high = np.clip((light - 0.62) / 0.38, 0, 1) ** 1.5
    colours = shade + (base - shade) * low + (bright - base) * high
    edge = (1 - front) ** 3 * rim
    colours = colours * (1 - 0.30 * edge) + 255 * 0.10 * edge * light
    gloss = np.clip((light - 0.93) / 0.07, 0, 1) ** 2
    return np.asarray(np.clip(colours + 26 * gloss, 0, 255), dtype=np.float32)


class PeoplePainter:
    """Draws people in given colours."""

    def __init__(self, ramps: Sequence[Sequence[FloatArray]]) -> None:
        """Prepare the colours.

        Args:
            ramps: for each person, a colour ramp per part; see `colour_ramp`.
        """
        self._colours = np.concatenate([ramp for person in ramps for ramp in person], axis=1)

    def paint(self, image: Image, camera: Camera, people: Sequence[FloatArray]) -> None:
        """Draw people, each body points ``(34, 3)``, into `image` ``(H, W, 3)`` in place."""
        cones = _visible_cones(np.stack(people), camera, (image.shape[1], image.shape[0]))
        for group in _apart(cones):
            self._paint(image, group)

    def _paint(self, image: Image, cones: _Cones) -> None:
        left, top = cones.boxes[:, :2].min(axis=0).tolist()
        right, bottom = cones.boxes[:, 2:].max(axis=0).tolist()
        picture = image[top:bottom, left:right]
        planes = picture.transpose(2, 0, 1)  # (3, h, w), faster than interleaved
        canvas = np.ascontiguousarray(planes, dtype=np.float32)
        nearest = np.full(canvas.shape[1:], _NOTHING, dtype=np.float32)
        drawn = np.zeros_like(nearest)
        pixels, places = _light(cones)
        colours = self._colours.take(places, axis=1, mode="clip")
        start = 0
        for (x0, y0, x1, y1), melts in zip(cones.boxes.tolist(), cones.melts.tolist(), strict=True):
            end = start + (x1 - x0) * (y1 - y0)
            place = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
            _lay(
                (canvas[:, place[0], place[1]], nearest[place], drawn[place]),
                pixels[:, start:end].reshape(-1, y1 - y0, x1 - x0),
                colours[:, start:end].reshape(3, y1 - y0, x1 - x0),
                melts=melts,
            )
            start = end
        cv2.merge(list(canvas.astype(np.uint8)), dst=picture)


@dataclass(frozen=True)
class _Cones:
    """Round cones projected to the screen, far to near.

    Attributes:
        boxes: ``(n, 4)`` left, top, right and bottom in pixels, within the picture.
        people: the person of each cone.
        melts: whether it is a torso part, which blends smoothly with what it touches.
        constants: ``(17, n)``, the values that `_light` names.
    """

    boxes: NDArray[np.int64]
    people: NDArray[np.int64]
    melts: NDArray[np.bool_]
    constants: FloatArray


def _visible_cones(people: FloatArray, camera: Camera, size: tuple[int, int]) -> _Cones:
    """Return the cones of people ``(N, 34, 3)`` that reach into the picture."""
    pixels, depths = camera.project(people)
    ends = np.stack([pixels[:, _STARTS], pixels[:, _ENDS]], axis=2)  # (N, parts, 2 ends, 2)
    depth = np.stack([depths[:, _STARTS], depths[:, _ENDS]], axis=2)  # (N, parts, 2 ends)
    scale = camera.focal / depth
    radii = np.maximum(_RADII * scale, 0.5)
    reach = (radii + _HALOS[:, None] * scale + 1)[..., None]
    low = np.clip(np.floor((ends - reach).min(axis=2)), 0, size).astype(int)
    high = np.clip(np.ceil((ends + reach).max(axis=2)), 0, size).astype(int)
    shown = (high > low).all(axis=-1) & (depth.min(axis=-1) > _NEAREST)
    order = depth.mean(axis=-1)  # (N, parts)
    order[:, _MELTS] = order[:, _MELTS].mean(axis=1, keepdims=True)  # melts as one
    chosen = np.argsort(-order, axis=None, kind="stable")
    chosen = chosen[shown.reshape(-1)[chosen]]
    person, part = np.divmod(chosen, len(PARTS))
    boxes = np.concatenate([low, high], axis=-1)[person, part]
    first, second = ends[person, part, 0].T, ends[person, part, 1].T  # (2, n)
    (r0, r1), (z0, z1) = radii[person, part].T, depth[person, part].T
    bx, by = second - first
    length = np.maximum(np.hypot(bx, by), 1e-3)
    tx, ty = bx / length, by / length
    widening = r1 - r0
    lean = widening / np.sqrt(np.maximum(length**2 - widening**2, 1e-2 * length**2))
    x, y = boxes[:, 0] + 0.5 - first[0], boxes[:, 1] + 0.5 - first[1]  # the box's first pixel
    constants = (
        *(tx / length, ty / length, (x * tx + y * ty) / length),
        *(-ty, tx, y * tx - x * ty),
        *(lean / length, length, r0, widening, z0 * _CRISP, (z1 - z0) * _CRISP),
        (z0 + z1) / (2 * camera.focal) * _CRISP,  # a pixel's size in units of depth
        *(_BRIGHT * (KEY[0] * tx - KEY[1] * ty), _BRIGHT * (-KEY[0] * ty - KEY[1] * tx)),
        np.where(_MELTS[part], 0, _DARK / _DARKENING * _CRISP),
        chosen * _RAMP,
    )
    return _Cones(boxes, person, _MELTS[part], np.stack(constants).astype(np.float32))


def _apart(cones: _Cones) -> list[_Cones]:
    """Yield people who do not overlap in the picture separately, which takes smaller canvases."""
    groups = [cones.people == person for person in set(cones.people.tolist())]
    if len(groups) < 2:
        return [cones] if groups else []
    low = np.array([cones.boxes[group, :2].min(axis=0) for group in groups])
    high = np.array([cones.boxes[group, 2:].max(axis=0) for group in groups])
    if (low.max(axis=0) < high.min(axis=0)).all():  # they overlap
        return [cones]
    return [
        _Cones(cones.boxes[g], cones.people[g], cones.melts[g], cones.constants[:, g])
        for g in groups
    ]


def _light(cones: _Cones) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return what `_lay` needs of all cones' pixels ``(5, n)``, and their colours' index in the
    ramps.
    """
    widths, heights = (cones.boxes[:, 2:] - cones.boxes[:, :2]).T
    y = np.arange(heights.sum()) - np.repeat(np.cumsum(heights) - heights, heights)
    rows = np.repeat(cones.constants, heights, axis=1)  # of every row of pixels
    along_x, along_y, along, aside_x, aside_y, aside, *others = rows
    along += along_y * y  # 0 at the cone's start, 1 at its end
    aside += aside_y * y  # pixels from the axis
    widths = np.repeat(widths, heights)
    starts = np.cumsum(widths) - widths
    of_rows = np.stack([starts, along_x, along, aside_x, aside, *others], dtype=np.float32)
    first, along_x, along, aside_x, aside, *others = np.repeat(of_rows, widths, axis=1)
    lean, length, radius, widening, depth, deepening, metres = others[:7]
    key_along, key_aside, darkness, ramp = others[7:]
    pixels = np.empty((5, len(first)), dtype=np.float32)
    crossed, cover, halo, solid, drawn = pixels
    x = np.arange(len(first), dtype=np.float32)
    x -= first
    along_x *= x
    along += along_x
    aside_x *= x
    aside += aside_x
    share = np.abs(aside, out=x)  # position on the axis of the sphere nearest to the pixel
    share *= lean
    share += along
    _clip(share, 1)
    along -= share
    along *= length
    widening *= share
    radius += widening
    deepening *= share
    depth += deepening
    along /= radius
    aside /= radius
    outward = np.multiply(along, along, out=share)
    outward += np.multiply(aside, aside, out=lean)  # squared distance from the axis in radii
    np.sqrt(outward, out=cover)
    np.subtract(np.float32(1), cover, out=cover)
    cover *= radius  # pixels inwards from the outline
    np.multiply(cover, metres, out=halo)
    halo *= np.float32(1 / (_HALO * _CRISP))
    halo += np.float32(1)
    _clip(halo, 1)
    halo *= halo
    halo *= darkness
    cover += np.float32(0.5)
    np.minimum(cover, np.float32(1), out=cover)  # negative outside
    np.subtract(np.float32(1), outward, out=outward)
    np.maximum(outward, np.float32(0), out=outward)
    front = np.sqrt(outward, out=outward)  # cosine between the surface's normal and the view
    radius *= front
    radius *= metres
    depth -= radius  # from the axis to the surface
    along *= key_along
    aside *= key_aside
    along += aside
    shade = np.multiply(front, np.float32(KEY[2] * _BRIGHT), out=aside)
    shade += along
    shade += np.float32(_BRIGHT)
    _clip(shade, _LIGHTS - 0.01)
    np.floor(shade, out=shade)
    shade *= np.float32(_FACINGS)
    front *= np.float32(_FACINGS - 0.01)
    shade += front
    shade += ramp
    solid[:] = _NOTHING
    np.copyto(solid, depth, where=cover > np.float32(0.5))
    np.multiply(cover, np.float32(_DARKENING / _CRISP), out=drawn)
    np.subtract(depth, np.float32(0.5), out=crossed)  # half covered where two surfaces meet
    return pixels, shade.astype(np.intp)


def _lay(
    layers: tuple[FloatArray, FloatArray, FloatArray],
    pixels: FloatArray,
    colours: FloatArray,
    *,
    melts: bool,
) -> None:
    """Composite a cone over what is drawn already.

    Args:
        layers: colours ``(3, h, w)``, depth and people's coverage ``(h, w)`` so far; modified.
        pixels: the cone's depth, coverage, halo, solid depth and mask ``(5, h, w)``.
        colours: the cone's colours ``(3, h, w)``; overwritten.
        melts: see `_Cones`.
    """
    canvas, nearest, drawn = layers
    depth, cover, halo, solid, here = pixels
    front = np.subtract(nearest, depth, out=depth)  # share of this cone in front
    if melts:
        front *= np.float32(_SOFT / _CRISP)
        bare = drawn * np.float32(-2 * _CRISP / _DARKENING)  # shows through the rims of other parts
        bare += np.float32(2)
        np.maximum(front, bare, out=front)
    else:  # surfaces behind get a soft contact shadow, which separates limbs
        np.minimum(halo, front, out=halo)
        halo *= drawn
    np.minimum(front, cover, out=cover)
    cover = np.maximum(cover, np.float32(0), out=cover)
    kept = np.subtract(np.float32(1), cover if melts else np.maximum(halo, cover), out=halo)
    canvas *= kept
    colours *= cover
    canvas += colours
    np.maximum(drawn, here, out=drawn)
    np.minimum(nearest, solid, out=nearest)


def _clip(values: FloatArray, high: float) -> None:
    """Clip values to 0 … `high`, in place; `np.clip` takes longer."""
    np.maximum(values, np.float32(0), out=values)
    np.minimum(values, np.float32(high), out=values)
