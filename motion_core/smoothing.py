"""Smoothing over time in NumPy, since SciPy's equivalents take half a second to import."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]


def low_pass(signal: NDArray[Any], kernel: NDArray[Any]) -> Array:
    """Return `signal` ``(T, …)`` averaged over time by the symmetric `kernel` of odd length.

    The first and the last frame go on beyond the ends.
    """
    low: Array = _windows(signal, len(kernel)) @ (kernel / kernel.sum())
    return low


def gaussian(signal: NDArray[Any], sigma: float) -> Array:
    """Return `signal` ``(T, …)`` smoothed over time, as `scipy.ndimage.gaussian_filter1d` does with
    ``mode="nearest"``: the Gaussian is cut at four times `sigma`, in frames.
    """
    reach = int(4 * sigma + 0.5)
    return low_pass(signal, np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2))


def largest_around(signal: NDArray[Any], size: int) -> Array:
    """Return the largest value in the `size` frames around each frame of `signal` ``(T, …)``."""
    largest: Array = _windows(signal, size).max(-1)
    return largest


def _windows(signal: NDArray[Any], size: int) -> Array:
    """Return the `size` frames around each frame ``(T, …, size)``."""
    before, after = size // 2, size - 1 - size // 2
    ends = [(before, after), *[(0, 0)] * (signal.ndim - 1)]
    padded = np.pad(np.asarray(signal, np.float64), ends, mode="edge")
    return sliding_window_view(padded, size, axis=0)
