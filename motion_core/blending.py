"""A short blend of decoded features around a seam: smoother joins, and feet that stay put.

1. Pose and path are low-pass filtered, with a weight that rises from 0 at the ends of the window to
1 at the seam. The path is smoothed in the world, so that it leaves the window where it did before.
2. If weight-bearing feet slide, the root is moved against their mean motion, with the same weight.
This shifts everything after the window by some centimetres, as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .motion import FloatArray
from .representation import features_to_root
from .seams import foot_steps
from .smoothing import low_pass

Array = NDArray[np.float64]

_PLANT = np.hanning(7)[1:-1]  # feet come down and lift off over a few frames, not in one


def blend_seams(features: FloatArray, half_widths: Mapping[int, int]) -> FloatArray:
    """Return `features` ``(T, 263)`` blended around some frames; the same input gives the same
    bits.

    Contacts stay as they are, rotations stay rotations.

    Args:
        features: as decoded; not modified.
        half_widths: for the first frame after each seam, the frames to blend on either side.
    """
    blended = np.array(features, dtype=np.float32)
    for seam, half_width in sorted(half_widths.items()):
        width = min(int(half_width), seam, len(blended) - seam)
        if width > 0:
            first = max(0, seam - 2 * width)  # reach of the window's low-pass
            around = blended[first : seam + 2 * width]
            _blend(around, seam - first, width)
    return blended


def _blend(features: FloatArray, seam: int, width: int) -> None:
    """Blend `features` in place, `width` frames on either side of frame `seam`."""
    values = features.astype(np.float64)
    kernel = np.hanning(2 * width + 1)[1:-1]
    # The seam is between two frames, on the step from one to the other.
    frame_share = _share(np.arange(len(values)) + 0.5 - seam, width)
    step_share = _share(np.arange(len(values) - 1) + 1 - seam, width)

    def smooth(signal: Array) -> Array:  # (T, k)
        return signal + frame_share * (low_pass(signal, kernel) - signal)

    half_angle, root = features_to_root(values)
    half_angle, root = smooth(half_angle[:, None])[:, 0], smooth(root)
    values[:-1, 0] = np.diff(half_angle)
    values[:, 3:259] = smooth(values[:, 3:259])
    values[:, 67:193] = _orthonormal(values[:, 67:193])
    features[seam - width : seam + width, 3:259] = values[seam - width : seam + width, 3:259]

    pose = rotations.rotate(
        rotations.about_y(-2 * half_angle)[:, None], values[:, 4:67].reshape(-1, 21, 3)
    )
    pose[..., [0, 2]] += root[:, None, [0, 2]]
    slides, bears = foot_steps(np.concatenate([root[:, None], pose], axis=1), values[:, 259:])
    mean = (slides * bears[..., None]).sum(1) / np.maximum(bears.sum(1), 1)[:, None]  # (T-1, 2)
    steps = np.diff(root, axis=0)
    steps[:, [0, 2]] -= step_share * low_pass(mean, _PLANT)
    steps = rotations.rotate(rotations.about_y(2 * half_angle[1:]), steps)
    moves = slice(max(0, seam - width - 1), min(seam + width, len(steps)))
    features[moves, 0] = values[moves, 0]
    features[moves, 1:3] = steps[moves][:, [0, 2]]


def _share(distance: NDArray[Any], width: int) -> Array:
    """Return the weight ``(T, 1)``: 1 at the seam, 0 from `width` frames on, a raised cosine
    between.
    """
    cosine = 0.5 + 0.5 * np.cos(np.pi * distance / width)
    return np.where(np.abs(distance) < width, cosine, 0.0)[:, None]


def _orthonormal(cont6d: Array) -> Array:
    """Return 6-D rotations ``(T, 126)`` with their columns orthonormal again."""
    columns = cont6d.reshape(len(cont6d), -1, 2, 3)
    first = rotations.normalize(columns[..., 0, :])
    second = columns[..., 1, :] - (first * columns[..., 1, :]).sum(-1, keepdims=True) * first
    pair = np.stack([first, rotations.normalize(second)], axis=-2)
    orthonormal: Array = pair.reshape(cont6d.shape)
    return orthonormal
