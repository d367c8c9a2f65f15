"""Segments to one motion: generate all new ones as one batch, decode everything once.

Decoding the concatenated tokens in one go is what makes the joins smooth: the detokenizer's
receptive field reaches across them (Motion-Agent, section 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .engine import GenerationRequest, MotionEngine, Progress
from .errors import GenerationError, InputError
from .motion import Motion, Segment

MAX_SECONDS = 20.0  # that one description can be asked to fill
NEXT_TAKE = 1000  # added to a segment's seed for another take of it


@dataclass(frozen=True)
class SegmentRequest:
    """A segment that is still to be generated.

    Attributes:
        id: the segment's stable id, ``s1``, ``s2``, …
        description: what the person does in it.
        seed: seed of its sampling.
        seconds: wished duration; None lets the model decide.
    """

    id: str
    description: str
    seed: int = 0
    seconds: float | None = None


def generate_segments(
    engine: MotionEngine,
    requests: Sequence[SegmentRequest],
    *,
    progress: Progress | None = None,
) -> list[Segment]:
    """All requested segments, generated as one batch, in the order of the requests.

    Raises:
        InputError: an empty or too long description.
        GenerationError: the engine gave no usable tokens.
    """
    if not requests:
        return []
    asked = [GenerationRequest(r.description, r.seed, r.seconds) for r in requests]
    made = engine.generate(asked, progress=progress)
    if len(made) != len(asked) or not all(made):
        raise GenerationError(
            f"the engine {engine.name} gave no tokens for some of {len(asked)} descriptions;"
            " try another seed"
        )
    return [
        Segment(r.id, r.description, tuple(tokens), r.seed)
        for r, tokens in zip(requests, made, strict=True)
    ]


def assemble(
    engine: MotionEngine,
    segments: Sequence[Segment],
    *,
    blends: Mapping[str, int] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Motion:
    """The motion of these segments: their tokens concatenated and decoded once.

    Args:
        engine: decodes.
        segments: of one person, in order.
        blends: for the id of the later segment of a seam, the frames to blend on either side of
            it (`blend_seams`); ids without a seam before them are of no concern. The same
            segments and blends give the same features, bit for bit.
        provenance: facts to keep with the motion.

    Raises:
        InputError: there is no segment, or two have the same id.
    """
    if not segments:
        raise InputError("a motion needs at least one segment")
    tokens = [token for segment in segments for token in segment.tokens]
    starts = {}
    start = 0
    for segment in segments:
        starts[segment.id] = start
        start += segment.frames
    features = engine.decode(tokens)
    widths = {starts[name]: width for name, width in (blends or {}).items() if starts.get(name)}
    if widths:
        from .blending import blend_seams  # loads SciPy

        features = blend_seams(features, widths)
    return Motion(
        features,
        segments=tuple(segments),
        provenance={"engine": engine.name, **(provenance or {})},
    )
