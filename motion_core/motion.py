"""`Motion`: what a person does over time, and what is known of how it came about."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .skeleton import FPS, JOINT_NAMES

FloatArray = NDArray[np.float32]

FEATURES = 263
FRAMES_PER_TOKEN = 4
MAX_FRAMES = 100_000  # 83 minutes; more is refused as a mistake


@dataclass(frozen=True)
class Segment:
    """The part of a motion that one plan step made.

    Attributes:
        id: stable name within the motion: ``s1``, ``s2``, …
        description: the words it was made from.
        tokens: motion tokens, one per 4 frames.
        seed: the seed it was sampled with.
    """

    id: str
    description: str
    tokens: tuple[int, ...]
    seed: int = 0

    @property
    def frames(self) -> int:
        """Number of frames at 20 fps."""
        return len(self.tokens) * FRAMES_PER_TOKEN


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion of one person at 20 fps.

    Attributes:
        features: ``(T, 263)`` float32 in the HumanML3D representation.
        segments: in order; together they cover the frames, or there are none (imported motion).
        tokens: motion tokens of the whole; those of the segments where there are segments.
        provenance: where it came from, JSON values only: ``{"source": "walk.bvh"}``.

    Raises:
        InputError: features of another shape, without frames, too long or not finite, or
            segments that do not cover the frames.
    """

    features: FloatArray
    segments: tuple[Segment, ...] = ()
    tokens: tuple[int, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        features = check_features(self.features)
        features.setflags(write=False)
        object.__setattr__(self, "features", features)
        if not self.segments:
            return
        tokens = tuple(token for segment in self.segments for token in segment.tokens)
        if len(tokens) * FRAMES_PER_TOKEN != len(features):
            raise InputError(
                f"the segments hold {len(tokens) * FRAMES_PER_TOKEN} frames, "
                f"the features {len(features)}; decode the segments' tokens again"
            )
        if len({segment.id for segment in self.segments}) != len(self.segments):
            raise InputError("two segments of a motion have the same id; give each its own")
        object.__setattr__(self, "tokens", tokens)

    @classmethod
    def from_joints(
        cls, joints: NDArray[Any], *, fps: float = FPS, provenance: Mapping[str, Any] | None = None
    ) -> Motion:
        """A motion from joint positions ``(T, 22, 3)``, metres, y up, at any frame rate.

        The person is scaled to the standard skeleton, put on the floor at the origin and
        turned to face +z, as HumanML3D does. One frame is lost (features hold velocities).

        Raises:
            InputError: another shape, too few frames, not finite, or absurd positions.
        """
        from .representation import joints_to_features, resample

        positions = resample(joints, fps=fps)
        if len(positions) > 1:
            # The representation gives its first frame a turn that nobody made (the facing is
            # smoothed after that frame alone was set), so a frame before the first takes it. It
            # has the first one's pose, for it decides the scale; only the root goes on as it did.
            before = positions[:1] - (positions[1:2, :1] - positions[:1, :1])
            positions = np.concatenate([before, positions])
        return cls(joints_to_features(positions)[1:], provenance=provenance or {})

    @cached_property
    def joints(self) -> FloatArray:
        """Positions ``(T, 22, 3)`` in metres, y up."""
        from .representation import features_to_joints

        return features_to_joints(self.features)

    @cached_property
    def id(self) -> str:
        """Short content hash, ``m-`` and six hex digits, of features and segments."""
        digest = hashlib.sha256(np.ascontiguousarray(self.features).tobytes())
        digest.update(repr(self.segments).encode())
        return f"m-{digest.hexdigest()[:6]}"

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.features) / FPS

    def segment_frames(self) -> tuple[tuple[Segment, int, int], ...]:
        """Each segment with its first frame and the frame after its last."""
        spans, start = [], 0
        for segment in self.segments:
            spans.append((segment, start, start + segment.frames))
            start += segment.frames
        return tuple(spans)

    def with_provenance(self, **facts: Any) -> Motion:
        """The same motion, with these facts added to what is known of it."""
        return replace(self, provenance={**self.provenance, **facts})

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the motion in the format that the suffix of `path` names; see `exporting.export`.

        Raises:
            InputError: a suffix that there is not.
            UnavailableError: the file cannot be written.
        """
        from .exporting import export

        return export(self, path)[0]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What Jupyter, VS Code and Colab show: the player, and a film strip."""
        from .notebook import show

        return show(self)._repr_mimebundle_()

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        told = ", ".join(f"{s.id}: {s.description!r}" for s in self.segments) or "no segments"
        return f"<Motion {self.id}, {self.duration:.1f} s, {told}>"


def check_features(features: NDArray[Any]) -> FloatArray:
    """`features` as a new float32 array ``(T, 263)``.

    Raises:
        InputError: another shape, no frames, more than `MAX_FRAMES`, or not finite.
    """
    array = np.array(features, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != FEATURES:
        raise InputError(f"features have the shape {array.shape}; expected (frames, {FEATURES})")
    _check_frames(array)
    return array


def check_joints(joints: NDArray[Any]) -> NDArray[np.float64]:
    """`joints` as a float64 array ``(T, 22, 3)`` in which somebody could stand.

    Raises:
        InputError: another shape, no frames, not finite, or positions beyond a kilometre.
    """
    array = np.asarray(joints, dtype=np.float64)
    if array.ndim != 3 or array.shape[1:] != (len(JOINT_NAMES), 3):
        raise InputError(f"joints have the shape {array.shape}; expected (frames, 22, 3)")
    _check_frames(array)
    extent = float(np.abs(array).max())
    if extent > 1000:
        raise InputError(
            f"a joint is {extent:.0f} m from the origin; joints are expected in metres"
        )
    return array


def _check_frames(array: NDArray[Any]) -> None:
    if len(array) == 0:
        raise InputError("the motion has no frames")
    if len(array) > MAX_FRAMES:
        raise InputError(f"the motion has {len(array)} frames; the limit is {MAX_FRAMES}")
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if bad.size:
        raise InputError(f"frame {bad[0]} holds NaN or infinity ({bad.size} such frames in all)")
