"""Segments to one motion: generate all new ones as one batch, decode everything once.

Decoding the concatenated tokens together makes the joins smooth: the detokenizer's receptive field
reaches across them (Motion-Agent, section 3.3). Segments without tokens are concatenated unchanged;
`joining` blends them if that is visible. A join may have a `Fill`, tokens of its own that cover
those of the two segments, which are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from .blending import blend_seams
from .engine import (
    CancelToken,
    GenerationRequest,
    MotionEngine,
    Progress,
    Take,
    TokenEngine,
    codebook_of,
    take_features,
)
from .errors import GenerationError, InputError
from .fills import closed, fill_facts, joined_tokens
from .journal import Clips, Entry
from .limits import MAX_SECONDS as MAX_SECONDS
from .motion import Fill, FloatArray, Motion, Segment


def segment_request(segment: Segment) -> GenerationRequest:
    """Return the engine's request for this segment."""
    return GenerationRequest(segment.description, segment.seed, segment.seconds or None)


def filled_segment(engine: MotionEngine, segment: Segment, entry: Entry) -> Segment:
    """Return the segment with what the engine generated for it."""
    tokens, clip, frames = entry
    codebook = codebook_of(engine) if tokens else ""
    return replace(segment, tokens=tokens, clip=clip, clip_frames=frames, codebook=codebook)


def keep_take(engine: MotionEngine, take: Take, clips: Clips) -> Entry:
    """Return the take's tokens, or keep its features as a clip if there are none to decode.

    Raises:
        GenerationError: the take is empty.
    """
    if take.tokens and (take.features is None or isinstance(engine, TokenEngine)):
        return Entry(tuple(take.tokens))
    if take.features is None or not len(take.features):
        raise GenerationError(f"the engine {engine.name} returned an empty take; try another seed")
    return Entry((), clips.add(take.features), len(take.features))


def generate_segments(
    engine: MotionEngine,
    segments: Sequence[Segment],
    *,
    clips: Clips | None = None,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> list[Segment]:
    """Return the segments generated as one batch, in their order.

    Args:
        engine: generates.
        segments: to generate from their description, seed and seconds.
        clips: keeps the features of an engine without tokens.
        progress: called with (done, total).
        cancel: stops it.

    Raises:
        InputError: a description is empty or too long.
        GenerationError: the engine returned nothing usable.
    """
    if not segments:
        return []
    requests = [segment_request(segment) for segment in segments]
    takes = engine.generate(requests, progress=progress, cancel=cancel)
    if len(takes) != len(requests):
        raise GenerationError(
            f"the engine {engine.name} returned {len(takes)} takes for {len(requests)} descriptions"
        )
    clips = Clips() if clips is None else clips
    return [
        filled_segment(engine, segment, keep_take(engine, take, clips))
        for segment, take in zip(segments, takes, strict=True)
    ]


def check_codebook(engine: MotionEngine, segments: Sequence[Segment]) -> None:
    """Check that the engine can read the segments' tokens.

    Raises:
        InputError: they belong to another codebook, or to an unknown one.
    """
    foreign = [s.id for s in segments if s.tokens and s.codebook != codebook_of(engine)]
    if foreign:
        raise InputError(
            f"{', '.join(foreign)}: made with another motion tokenizer, whose tokens the engine"
            f" {engine.name} cannot read; describe them again, or open the motion by its id or file"
        )


def segment_features(
    engine: MotionEngine,
    segments: Sequence[Segment],
    clips: Mapping[str, FloatArray],
    fills: Mapping[str, Fill] | None = None,
) -> FloatArray:
    """Return the features of consecutive segments; neighbours with tokens are decoded together.

    Args:
        engine: decodes.
        segments: in order; tokens without a codebook count as the engine's.
        clips: features of the segments without tokens.
        fills: by the id of the later segment of a join.

    Raises:
        InputError: a clip is missing, or tokens belong to another codebook.
        ConfigurationError: the engine cannot decode the tokens.
    """
    check_codebook(engine, [segment for segment in segments if segment.codebook])
    parts: list[FloatArray] = []
    for has_tokens, group in groupby(segments, lambda segment: bool(segment.tokens)):
        if has_tokens:
            parts.append(take_features(engine, Take(joined_tokens(list(group), fills or {}))))
        else:
            parts += [_clip(segment, clips) for segment in group]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def assemble(
    engine: MotionEngine,
    segments: Sequence[Segment],
    *,
    clips: Mapping[str, FloatArray] | None = None,
    blends: Mapping[str, int] | None = None,
    fills: Mapping[str, Fill] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Motion:
    """Return the motion of these segments: their tokens concatenated and decoded once.

    Args:
        engine: decodes.
        segments: of one person, in order.
        clips: features of the segments without tokens.
        blends: for the id of the later segment of a seam, the frames to blend on either side of
            it (`blend_seams`); ids without a seam before them do not matter. The same segments,
            blends and fills give the same features, bit for bit.
        fills: for the id of the later segment of a seam, the tokens that lie over it; for that of
            the first segment, those that close a loop.
        provenance: facts to keep with the motion.

    Raises:
        InputError: there is no segment, or two have the same id.
    """
    if not segments:
        raise InputError("a motion needs at least one segment")
    ids = {segment.id for segment in segments}
    used = {name: fill for name, fill in (fills or {}).items() if name in ids}
    features = segment_features(engine, closed(segments, used), clips or {}, used)
    starts = {}
    start = 0
    for segment in segments:
        starts[segment.id] = start
        start += segment.frames
    widths = {starts[name]: width for name, width in (blends or {}).items() if starts.get(name)}
    if widths:
        features = blend_seams(features, widths)
    return Motion(
        features,
        segments=tuple(segments),
        provenance={"engine": engine.name, **fill_facts(used), **(provenance or {})},
    )


def _clip(segment: Segment, clips: Mapping[str, FloatArray]) -> FloatArray:
    try:
        return clips[segment.clip]
    except KeyError as err:
        raise InputError(
            f"the features of {segment.id} are no longer there ({segment.clip or 'no clip'});"
            " generate it again"
        ) from err
