"""Quaternions ``(..., 4)`` in w, x, y, z order; every function broadcasts over leading axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def multiply(a: Array, b: Array) -> Array:
    """Return the rotation that applies `b` first, then `a`."""
    aw, av = a[..., :1], a[..., 1:]
    bw, bv = b[..., :1], b[..., 1:]
    w = aw * bw - (av * bv).sum(-1, keepdims=True)
    return np.concatenate([w, aw * bv + bw * av + cross(av, bv)], axis=-1)


def conjugate(q: Array) -> Array:
    """Return the inverse of a unit quaternion."""
    inverse: Array = q * np.array([1, -1, -1, -1], dtype=q.dtype)
    return inverse


def rotate(q: Array, v: Array) -> Array:
    """Return vectors ``(..., 3)`` turned by unit quaternions."""
    w, u = q[..., :1], q[..., 1:]
    uv = cross(u, v)
    turned: Array = v + 2 * (w * uv + cross(u, uv))
    return turned


def between(a: Array, b: Array) -> Array:
    """Return the shortest rotation from unit vectors `a` to unit vectors `b`.

    Opposite vectors get a half turn about a perpendicular axis.
    """
    q = np.concatenate([1 + (a * b).sum(-1, keepdims=True), cross(a, b)], axis=-1)
    opposite = np.linalg.norm(q, axis=-1) < 1e-8
    if opposite.any():
        axis = np.where(np.abs(a[..., :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
        half_turn = np.concatenate([np.zeros_like(axis[..., :1]), cross(a, axis)], axis=-1)
        q = np.where(opposite[..., None], half_turn, q)
    return normalize(q)


def about_y(angle: Array) -> Array:
    """Return rotations by `angle` (radians) about the vertical axis."""
    zero = np.zeros_like(angle)
    return np.stack([np.cos(angle / 2), zero, np.sin(angle / 2), zero], axis=-1)


def from_matrix(matrices: Array) -> Array:
    """Return the quaternions of rotation matrices ``(..., 3, 3)``.

    Markley, "Unit Quaternion from Rotation Matrix" (2008): of four multiples of the quaternion the
    longest is taken, which rounding harms least.
    """
    m = np.moveaxis(matrices, (-2, -1), (0, 1))
    x, y, z = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]
    xy, xz, yz = m[0, 1] + m[1, 0], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1]
    a, b, c = m[0, 0], m[1, 1], m[2, 2]
    multiples = [
        [1 + a + b + c, x, y, z],
        [x, 1 + a - b - c, xy, xz],
        [y, xy, 1 - a + b - c, yz],
        [z, xz, yz, 1 - a - b + c],
    ]
    rows = np.moveaxis(np.array(multiples), (0, 1), (-2, -1))  # (..., 4, 4)
    longest = np.diagonal(rows, axis1=-2, axis2=-1).argmax(-1)
    chosen = np.take_along_axis(rows, longest[..., None, None], axis=-2)
    return normalize(chosen[..., 0, :])


def euler_matrices(axes: str, angles: Array) -> Array:  # (T, n) -> (T, 3, 3)
    """Return rotations about n axes in turn, each in the frame that the ones before it left.

    Args:
        axes: of "xyz", in any number and order.
        angles: in radians.
    """
    turned = np.tile(np.eye(3), (len(angles), 1, 1))
    for axis, sine, cosine in zip(axes, np.sin(angles).T, np.cos(angles).T, strict=True):
        first = ("xyz".index(axis) + 1) % 3
        second = (first + 1) % 3
        a, b = turned[:, :, first], turned[:, :, second]
        s, c = sine[:, None], cosine[:, None]
        turned[:, :, first], turned[:, :, second] = c * a + s * b, c * b - s * a
    return turned


def to_cont6d(q: Array) -> Array:
    """Return the first two columns of the rotation matrix, ``(..., 6)`` (Zhou et al., CVPR
    2019).
    """
    w, x, y, z = np.moveaxis(q, -1, 0)
    return np.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y + z * w),
            2 * (x * z - y * w),
            2 * (x * y - z * w),
            1 - 2 * (x * x + z * z),
            2 * (y * z + x * w),
        ],
        axis=-1,
    )


def normalize(v: Array) -> Array:
    """Return vectors of length one; a zero vector stays zero."""
    length = np.sqrt((v * v).sum(-1, keepdims=True))
    return v / np.where(length > 1e-12, length, 1.0)


def cross(a: Array, b: Array) -> Array:
    """Return the cross product of vectors ``(..., 3)``; several times faster than `numpy.cross`."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    x = ay * bz - az * by
    product = np.empty((*x.shape, 3), x.dtype)
    product[..., 0] = x
    product[..., 1] = az * bx - ax * bz
    product[..., 2] = ax * by - ay * bx
    return product
