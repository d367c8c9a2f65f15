"""Arrays whose axes have different scales: normalised by the mean and deviation of each axis.

Such positions still look like a person, only too wide or too flat. The bones tell: they are longer
in one direction than in another. If other scales of the axes make the bones rigid, those scales are
applied. Bones that change length anyway, as a model writes them, cannot tell; then the array is
refused if its build is far from a person's, and reported if bones and build agree that the axes are
uneven.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from .body import ADULT_LEG
from .posing import rest_positions, standard_offsets

Array = NDArray[np.float64]

_LIMBS = ((1, 4), (2, 5), (4, 7), (5, 8), (16, 18), (17, 19), (18, 20), (19, 21))
_BONES = (*_LIMBS, (1, 2), (16, 17), (7, 10), (8, 11), (0, 12))
_FRAMES = 60  # measured
_UNEVEN = 0.003  # spread of a limb's length that rounding does not give a rigid body
_EXPLAINED = 0.4  # share of the spread that scaling leaves at most if the axes are uneven
_RIGID = 0.03  # largest spread of a limb's length at which the scales are certain
_ODD = 1.6  # ratio of the axes' scales that no person's build needs
_DOUBTFUL = 1.22  # the same if both bone lengths and build point to it
_BREATHING = 0.02  # spread of a limb's length above which bones are not rigid
_FLAT = 0.005  # share of the largest extent below which an axis is empty


def even_axes(joints: Array) -> tuple[Array, list[str]]:
    """Return joints ``(T, 22, 3)`` with one scale for all axes, and notes.

    An array that needs no rescaling is returned as it is, any other in metres.

    Raises:
        FormatError: the axes have different scales that cannot be recovered, or one axis is empty.
    """
    looked = joints[:: max(1, len(joints) // _FRAMES)]
    extent = np.median(np.ptp(looked, axis=1), axis=0)
    if not np.isfinite(joints).all() or extent.max() == 0:
        return joints, []  # refused later, with the body
    if extent.min() < _FLAT * extent.max():
        axis = "xyz"[int(extent.argmin())]
        raise FormatError(f"holds flat positions, with nothing along {axis}; 3D joints are needed")
    squares = _squares(looked, _LIMBS).reshape(len(looked), 4, 2, 3)
    before = _spread(squares, np.ones(3))
    scales = _rigid_scales(squares)
    after = _spread(squares, scales**2)
    notes: list[str] = []
    if before > _UNEVEN and after < _RIGID and after < _EXPLAINED * before:
        joints = joints * scales
        leg = np.sqrt(_squares(looked * scales, _LIMBS[:4]).sum(-1)).sum(axis=1) / 2
        joints = joints * (ADULT_LEG / float(np.median(leg)))
        ratios = ", ".join(f"{axis} {scale:.2f}" for axis, scale in zip("xyz", scales, strict=True))
        notes = [
            "its axes had different scales, as normalised positions have; they were multiplied "
            f"by {ratios}, which keeps bones rigid, and the legs scaled to {ADULT_LEG} m"
        ]
    build, share = _built_scales(joints[:: max(1, len(joints) // _FRAMES)])
    if build.max() / build.min() > _ODD and share < 0.8:
        raise FormatError(
            "holds a body whose bones are longer along one axis than along another, as in "
            "normalised positions; multiply each axis by its deviation and add its mean first"
        )
    if not notes and before > _BREATHING and share < 0.9 and _agree(scales, build):
        long, short = "xyz"[int(build.argmin())], "xyz"[int(build.argmax())]
        notes = [
            f"its bones are longer along {long} than along {short}, as in normalised positions; if "
            "they are, multiply each axis by its deviation and add its mean first"
        ]
    return joints, notes


def _agree(scales: Array, others: Array) -> bool:
    """Return whether two estimates of the axes' scales ``(3,)`` are uneven in the same way."""
    logs, more = (np.log(each) - np.log(each).mean() for each in (scales, others))
    cosine = logs @ more / max(float(np.linalg.norm(logs) * np.linalg.norm(more)), 1e-9)
    return bool(cosine > 0.5 and np.ptp(logs + more) / 2 > np.log(_DOUBTFUL))


def _squares(joints: Array, bones: tuple[tuple[int, int], ...]) -> Array:
    """Return squares ``(T, B, 3)`` of the bones' extents along the axes."""
    upper, lower = np.array(bones).T
    return np.asarray((joints[:, lower] - joints[:, upper]) ** 2)


def _spread(squares: Array, weights: Array) -> float:
    """Return the spread of the limbs' lengths over time and sides; `squares` ``(T, 4, 2, 3)``."""
    lengths = np.sqrt(squares @ weights)
    usual = np.maximum(np.median(lengths, axis=(0, 2), keepdims=True), 1e-12)
    return float(np.sqrt(np.mean((lengths / usual - 1) ** 2)))


def _rigid_scales(squares: Array) -> Array:
    """Return scales ``(3,)`` of the axes under which limbs keep their length, of mean square 1.

    Squared lengths are linear in squared scales, so this is least squares of their deviations,
    relative to the lengths under the scales found so far.
    """
    weights = np.ones(3)
    for _ in range(8):
        scaled = squares * weights
        usual = np.maximum(scaled.sum(axis=-1).mean(axis=(0, 2)), 1e-12)[:, None, None]
        off = ((scaled - scaled.mean(axis=(0, 2), keepdims=True)) / usual).reshape(-1, 3)
        better = np.linalg.solve(off.T @ off / len(off) + 1e-9 * np.eye(3), np.ones(3))
        weights = weights * np.clip(3 * better / better.sum(), 0.2, 5)
        weights /= weights.mean()
    return np.asarray(np.sqrt(weights))


def _built_scales(joints: Array) -> tuple[Array, float]:
    """Return scales of the axes that make the build average, and the share of oddity left.

    Robust least squares of the logarithms of bone lengths, relative to those of the average build.
    """
    usual = rest_positions(standard_offsets())
    lengths = np.array([np.linalg.norm(usual[a] - usual[b]) for a, b in _BONES])
    squares = (_squares(joints, _BONES) / lengths[:, None] ** 2).reshape(-1, 3)
    squares /= max(float(np.median(squares.sum(axis=1))), 1e-12)
    odd = np.log(np.maximum(squares.sum(axis=1), 1e-6))
    logs = np.zeros(3)
    for _ in range(10):
        scaled = squares * np.exp(logs)
        total = np.maximum(scaled.sum(axis=1), 1e-6)
        left, slopes = np.log(total), scaled / total[:, None]
        weights = 1 / np.maximum(np.abs(left), 0.1)
        normal = (slopes.T * weights) @ slopes + 2e-4 * weights.sum() * np.eye(3)
        logs += np.clip(np.linalg.solve(normal, -(slopes.T * weights) @ left), -1, 1)
    left = np.log(np.maximum(squares @ np.exp(logs), 1e-6))
    share = np.abs(left).mean() / max(np.abs(odd - np.median(odd)).mean(), 1e-9)
    return np.asarray(np.exp(logs / 2)), float(share)
