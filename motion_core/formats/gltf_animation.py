"""Animations of glTF files: their channels, interpolated at any times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from ..errors import FormatError
from ..motion import MAX_FRAMES

Array = NDArray[np.float64]

_DEFAULT_FPS = 30


class GltfAnimation:
    """The channels of one animation: per node and path its sampler's times and values."""

    def __init__(self, array: Callable[[int], Array], entry: Mapping[str, Any]) -> None:
        self.channels: dict[tuple[int, str], tuple[Array, Array, str]] = {}
        for channel in entry["channels"]:
            node, path = channel["target"].get("node"), channel["target"]["path"]
            if node is None or path not in ("translation", "rotation", "scale"):
                continue
            sampler = entry["samplers"][channel["sampler"]]
            times = array(sampler["input"])[:, 0]
            values = array(sampler["output"])
            kind = sampler.get("interpolation", "LINEAR")
            rows = 3 if kind == "CUBICSPLINE" else 1
            if len(values) != rows * len(times) or not np.isfinite(values).all():
                raise FormatError("is damaged: an animation's times and values do not agree")
            if not np.isfinite(times).all() or (np.diff(times) < 0).any():
                raise FormatError("is damaged: the times of an animation do not rise")
            self.channels[node, path] = times, values, kind

    @property
    def moves(self) -> bool:
        return any(np.ptp(values, axis=0).max() > 1e-3 for _, values, _ in self.channels.values())

    def rate(self) -> tuple[float, int]:
        """Return frames per second, as the keys are set, and how many frames."""
        if not self.channels:
            raise FormatError("has an animation that moves no node")
        steps = [np.diff(times) for times, _, _ in self.channels.values() if len(times) > 2]
        step = float(np.median(np.concatenate(steps))) if steps else 0.0
        fps = round(1 / step) if step > 0 else _DEFAULT_FPS
        fps = fps if 10 <= fps <= 240 else _DEFAULT_FPS
        seconds = max(float(times[-1]) for times, _, _ in self.channels.values())
        frames = int(seconds * fps + 1e-3) + 1
        if frames > MAX_FRAMES:
            raise FormatError(f"has {frames} frames; the limit is {MAX_FRAMES}")
        return float(fps), frames

    def sampled(self, at: Array) -> dict[tuple[int, str], Array]:
        """Return values at these times."""
        return {
            key: _interpolated(*channel, np.asarray(at), rotation=key[1] == "rotation")
            for key, channel in self.channels.items()
        }


def _interpolated(times: Array, values: Array, kind: str, at: Array, *, rotation: bool) -> Array:
    at = np.clip(at, times[0], times[-1])
    if kind == "CUBICSPLINE":
        incoming, points, outgoing = (values[part::3] for part in range(3))
        if len(times) == 1:
            return np.repeat(points, len(at), axis=0)
        before = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
        span = np.maximum(times[before + 1] - times[before], 1e-9)[:, None]
        s = (at - times[before])[:, None] / span
        return np.asarray(
            (2 * s**3 - 3 * s**2 + 1) * points[before]
            + (s**3 - 2 * s**2 + s) * span * outgoing[before]
            + (3 * s**2 - 2 * s**3) * points[before + 1]
            + (s**3 - s**2) * span * incoming[before + 1]
        )
    times, first = np.unique(times, return_index=True)
    values = values[first]
    if kind == "STEP" or len(times) == 1:
        return values[np.clip(np.searchsorted(times, at + 1e-6, side="right") - 1, 0, None)]
    if rotation:
        return np.asarray(Slerp(times, Rotation.from_quat(values))(at).as_quat())
    return np.stack([np.interp(at, times, column) for column in values.T], axis=-1)
