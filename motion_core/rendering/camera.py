"""The camera: a pinhole with a long lens that keeps its direction and at most travels along.

It frames everything if that leaves the people large enough, and otherwise follows them smoothly. It
never turns: a swinging floor is hard to read and makes viewers dizzy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..choices import CameraMode
from ..figure import GROUND
from ..placement import MAX_DISTANCE
from ..skeleton import FPS
from ..smoothing import gaussian, largest_around
from .mannequin import FloatArray, facing

FIELD_OF_VIEW = math.radians(30)  # vertical; a long lens keeps limbs in proportion
ELEVATION = math.radians(16)
MARGIN = 0.14  # metres around body points: their flesh and some margin
SMALLEST_PERSON = 0.40  # share of the free height; if the framed path leaves less, follow
FOLLOW_REACH = 1.6  # metres around the followed point that stay in the picture


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        axes: ``(3, 3)`` rows: right, up and forward as world directions.
        position: ``(3,)`` metres.
        focal: pixels.
        centre: principal point, pixels.
    """

    axes: NDArray[np.float64]
    position: NDArray[np.float64]
    focal: float
    centre: tuple[float, float]

    def project(self, points: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pixels ``(..., 2)`` and depths ``(...)`` in metres of world points ``(...,
        3)``.
        """
        view = (points - self.position) @ self.axes.T
        depth = np.maximum(view[..., 2], 0.05)
        scale = self.focal / depth
        x = self.centre[0] + view[..., 0] * scale
        y = self.centre[1] - view[..., 1] * scale
        return np.stack([x, y], axis=-1), depth

    def moved(self, offset: NDArray[np.float64]) -> Camera:
        """Return the same camera at another position."""
        return replace(self, position=self.position + offset)


@dataclass(frozen=True)
class CameraPath:
    """A camera and its travel at each frame ``(T, 3)``; None if it stands still."""

    camera: Camera
    travel: NDArray[np.float64] | None = None

    def at(self, frame: int) -> Camera:
        return self.camera if self.travel is None else self.camera.moved(self.travel[frame])


def plan_camera(
    bodies: list[FloatArray], size: tuple[int, int], *, mode: CameraMode = "auto"
) -> CameraPath:
    """Return a camera for bodies, each ``(T, points, 3)``, in a picture of `size` (width,
    height).
    """
    step = max(1, len(bodies[0]) // 1500)  # framing needs no more frames than this
    points = np.concatenate([body[::step].reshape(-1, 3) for body in bodies]).astype(np.float64)
    looks = np.concatenate([facing(body[::step]) for body in bodies])
    if mode != "follow":
        camera, share = _best_view(points, looks, size)
        if mode == "frame" or share >= SMALLEST_PERSON:
            return CameraPath(camera)
    travel = _smooth(_middle(bodies))
    near = np.concatenate([(body - travel[:, None])[::step].reshape(-1, 3) for body in bodies])
    near = np.clip(near, [-FOLLOW_REACH, -1, -FOLLOW_REACH], [FOLLOW_REACH, 2.6, FOLLOW_REACH])
    camera, _ = _best_view(near, looks, size)
    if len(bodies) > 1:  # the farther people part, the more the camera steps back
        parted = np.stack([body[:, 0, [0, 2]] - travel[:, [0, 2]] for body in bodies])
        reach = np.linalg.norm(parted, axis=-1).max(axis=0) + 0.6 - FOLLOW_REACH  # (T,)
        reach = largest_around(np.clip(reach, 0, MAX_DISTANCE), FPS)  # it looks ahead
        across = 0.92 * size[0] / 2 / camera.focal
        travel = travel - _smooth((1 + 1 / across) * reach)[:, None] * camera.axes[2]
    return CameraPath(camera, travel)


def plan_portraits(
    bodies: list[FloatArray],
    frames: list[int],
    size: tuple[int, int],
    *,
    like: Camera | None = None,
) -> CameraPath:
    """Return a camera that keeps the people centred in each of the given frames.

    Args:
        bodies: each ``(T, points, 3)``.
        frames: those of the picture.
        size: of the picture, width and height.
        like: a camera that looks in the same direction; by default the best direction.
    """
    roots = _middle(bodies)
    near = np.concatenate([(body[frames] - roots[frames, None]).reshape(-1, 3) for body in bodies])
    if like is not None:
        right = like.axes[0]
        return CameraPath(_fit(near, math.atan2(-right[2], right[0]), size), roots)
    looks = np.concatenate([facing(body[frames]) for body in bodies])
    camera, _ = _best_view(near, looks, size)
    return CameraPath(camera, roots)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `values` ``(T, …)`` smoothed like the path of a camera on a dolly."""
    return gaussian(values, 0.7 * FPS)


def _middle(bodies: list[FloatArray]) -> NDArray[np.float64]:
    """Return the point on the floor between the people at each frame ``(T, 3)``."""
    roots: NDArray[np.float64] = np.stack([body[:, 0] for body in bodies]).mean(0, np.float64)
    roots[:, 1] = 0
    return roots


def _best_view(
    points: NDArray[np.float64], looks: FloatArray, size: tuple[int, int]
) -> tuple[Camera, float]:
    """Return the direction that shows people large and from three quarters ahead, with their
    size.
    """
    best: tuple[float, Camera, float] | None = None
    for degrees in range(-180, 180, 15):
        yaw = math.radians(degrees)
        camera = _fit(points, yaw, size)
        depth = float(((points - camera.position) @ camera.axes[2]).max())
        share = 1.7 * camera.focal / depth / size[1]  # height of a person where people are smallest
        ahead = looks @ np.array([math.sin(yaw), math.cos(yaw)])  # 1 = looks into the camera
        # 0.77 = 40 degrees off the front; the last term breaks ties
        cost = float(np.abs(ahead - 0.77).mean()) + 0.8 / max(share, 0.05) - 0.01 * math.sin(yaw)
        if best is None or cost < best[0]:
            best = (cost, camera, share)
    assert best is not None
    return best[1], best[2]


def _fit(points: NDArray[np.float64], yaw: float, size: tuple[int, int]) -> Camera:
    """Return the nearest camera with that direction that sees all points and the floor, with a
    margin.

    With the direction fixed, "a point is right of the left edge" is linear in the camera's
    position, so the nearest position follows from the extremes.
    """
    width, height = size
    focal = height / 2 / math.tan(FIELD_OF_VIEW / 2)
    axes = _axes(yaw)
    feet = points * [1, 0, 1] + [0, GROUND, 0]  # the floor below everybody must be visible, too
    x, y, z = (np.concatenate([points, feet]) @ axes.T).T
    across = 0.92 * width / 2 / focal
    up, down = 0.90 * height / 2 / focal, 0.86 * height / 2 / focal
    left, right = (x - MARGIN + across * z).min(), (x + MARGIN - across * z).max()
    low, high = (y - MARGIN + down * z).min(), (y + MARGIN - up * z).max()
    back = min((left - right) / (2 * across), (low - high) / (up + down), z.min() - 1.0)
    centre_x = (left + right) / 2
    centre_y = ((low - down * back) + (high + up * back)) / 2
    position = np.array([centre_x, centre_y, back]) @ axes
    return Camera(axes, position, focal, (width / 2, height / 2))


def _axes(yaw: float) -> NDArray[np.float64]:
    forward = -np.array(
        [
            math.sin(yaw) * math.cos(ELEVATION),
            math.sin(ELEVATION),
            math.cos(yaw) * math.cos(ELEVATION),
        ]
    )
    right = np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
    return np.stack([right, np.cross(right, forward), forward])
