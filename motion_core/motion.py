"""`Motion`: what a person does over time, with its provenance."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import outlets
from .errors import InputError
from .features import FEATURES as FEATURES
from .features import FRAMES_PER_TOKEN as FRAMES_PER_TOKEN
from .features import MAX_FRAMES as MAX_FRAMES
from .features import FloatArray as FloatArray
from .features import check_features as check_features
from .features import check_joints as check_joints
from .skeleton import FPS
from .words import whole


@dataclass(frozen=True)
class Segment:
    """The part of a motion for one description, generated or pending.

    Attributes:
        id: stable name within the timeline: ``s1``, ``s2``, …
        description: of the action.
        tokens: motion tokens, one per 4 frames; empty if the engine has none.
        seed: for its sampling.
        seconds: requested duration; 0 for none.
        person: who does it, 1 or 2.
        take: incremented each time it is sampled again; the id stays.
        clip: id of its features (`journal.Clips`), if it has no tokens.
        clip_frames: length of that clip.
        codebook: of its tokens (`engine.codebook_of`), which other tokenizers cannot read.
    """

    id: str
    description: str
    tokens: tuple[int, ...] = ()
    seed: int = 0
    seconds: float = 0.0
    person: int = 1
    take: int = 1
    clip: str = ""
    clip_frames: int = 0
    codebook: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "description", whole(self.description))

    @property
    def pending(self) -> bool:
        """Whether it is still to be generated."""
        return not self.tokens and not self.clip_frames

    @property
    def frames(self) -> int:
        """Number of frames at 20 fps."""
        return len(self.tokens) * FRAMES_PER_TOKEN if self.tokens else self.clip_frames

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return self.frames / FPS

    @property
    def content(self) -> str:
        """The text whose hash becomes the motion's id."""
        length = "" if self.tokens else f", frames={self.clip_frames}"
        return (
            f"Segment(id={self.id!r}, description={self.description!r}, tokens={self.tokens!r},"
            f" seed={self.seed!r}{length})"
        )


@dataclass(frozen=True)
class Fill:
    """Motion tokens of a join that cover those of the two segments around it.

    Attributes:
        tokens: to decode there; empty if still to be generated.
        before: number of tokens covered at the earlier segment's end.
        after: number of tokens covered at the later segment's beginning.
    """

    tokens: tuple[int, ...] = ()
    before: int = 0
    after: int = 0


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion of one person at 20 fps.

    Attributes:
        features: ``(T, 263)`` float32 in the HumanML3D representation.
        segments: in order; together they cover the frames, or there are none (imported motion).
        tokens: motion tokens of the whole; those of the segments if there are any, and empty if one
            of these has none.
        provenance: its origin, JSON values only: ``{"source": "walk.bvh"}``.

    Raises:
        InputError: the features have another shape, no frames, too many or values that are not
            finite, or the segments do not cover the frames.
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
        frames = sum(segment.frames for segment in self.segments)
        if frames != len(features):
            raise InputError(
                f"the segments hold {frames} frames, "
                f"the features {len(features)}; decode the segments' tokens again"
            )
        if len({segment.id for segment in self.segments}) != len(self.segments):
            raise InputError("two segments of a motion have the same id; give each its own")
        whole = all(segment.tokens for segment in self.segments)
        tokens = (token for segment in self.segments for token in segment.tokens)
        object.__setattr__(self, "tokens", tuple(tokens) if whole else ())

    @classmethod
    def from_joints(
        cls, joints: NDArray[Any], *, fps: float = FPS, provenance: Mapping[str, Any] | None = None
    ) -> Motion:
        """Return a motion from joint positions ``(T, 22, 3)``, metres, y up, at any frame rate.

        The person is scaled to the standard skeleton, put on the floor at the origin and
        turned to face +z, as HumanML3D does. One frame is lost (features hold velocities).

        Raises:
            InputError: the joints have another shape, too few frames, values that are not finite,
                or absurd positions.
        """
        from .representation import joints_to_features, resample  # loads SciPy

        positions = resample(joints, fps=fps)
        if len(positions) > 1:
            # The representation gives its first frame a spurious turn (facing is smoothed after
            # that frame alone was set), so a frame before the first takes it. It has the first
            # one's pose, which decides the scale; only the root continues its path.
            before = positions[:1] - (positions[1:2, :1] - positions[:1, :1])
            positions = np.concatenate([before, positions])
        return cls(joints_to_features(positions)[1:], provenance=provenance or {})

    @cached_property
    def joints(self) -> FloatArray:
        """Positions ``(T, 22, 3)`` in metres, y up."""
        from .representation import features_to_joints  # loads SciPy

        return features_to_joints(self.features)

    @cached_property
    def id(self) -> str:
        """Short content hash, ``m-`` and six hex digits, of features and segments."""
        return f"m-{self.digest[:6]}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of features and segments, in hex."""
        digest = hashlib.sha256(np.ascontiguousarray(self.features).tobytes())
        contents = ", ".join(segment.content for segment in self.segments)
        comma = "," if len(self.segments) == 1 else ""  # as Python writes a tuple: ids of 0.1
        digest.update(f"({contents}{comma})".encode())
        return digest.hexdigest()

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return len(self.features) / FPS

    def segment_frames(self) -> tuple[tuple[Segment, int, int], ...]:
        """Return each segment with its first frame and the frame after its last."""
        spans, start = [], 0
        for segment in self.segments:
            spans.append((segment, start, start + segment.frames))
            start += segment.frames
        return tuple(spans)

    def with_provenance(self, **facts: Any) -> Motion:
        """Return the same motion with these facts added to its provenance."""
        motion = copy(self)  # what was checked and computed from features and segments stays valid
        object.__setattr__(motion, "provenance", {**self.provenance, **facts})
        return motion

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the motion in the format that the suffix of `path` names; see `exporting.export`.

        Raises:
            InputError: unknown file suffix.
            UnavailableError: the file cannot be written.
        """
        return outlets.export(self, path)

    def to_html(self) -> str:
        """Return the interactive page of ``.html`` as text; it loads nothing from elsewhere."""
        return str(outlets.pack(self, "html"))

    def to_glb(self) -> bytes:
        """Return the moving mannequin of ``.glb`` as bytes."""
        data = outlets.pack(self, "glb")
        assert isinstance(data, bytes)
        return data

    def to_json(self) -> str:
        """Return bones and animation as JSON for three.js; see `formats.three_json`."""
        return str(outlets.pack(self, "json"))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what Jupyter, VS Code and Colab display: the player, and a film strip."""
        return outlets.show(self)

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        parts = ", ".join(f"{s.id}: {s.description!r}" for s in self.segments) or "no segments"
        return f"<Motion {self.id}, {self.duration:.1f} s, {parts}>"
