"""Tokens of another motion tokenizer: the engine cannot read them, so they become clips.

A segment says whose tokens it has (`Segment.codebook`). Its features say the same motion, so a
motion made with another engine can still be edited: with clips in place of the foreign tokens.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from .engine import TokenEngine, codebook_of
from .journal import Clips
from .motion import FloatArray, Motion, Segment
from .serving import ServedEngine
from .store import MotionStore
from .timeline import Timeline


class ForeignTokens:
    """Tells which tokens are foreign, and turns their segments into clips.

    Args:
        served: the engine whose own tokens are not foreign; it is loaded when first needed.
        clips: where the features are kept.
    """

    def __init__(self, served: ServedEngine, clips: Clips) -> None:
        self._served = served
        self._clips = clips

    def in_segment(self, segment: Segment) -> bool:
        """Return whether the segment has tokens that the engine cannot read."""
        return bool(segment.tokens) and segment.codebook != self._own

    def in_motion(self, motion: Motion) -> bool:
        """Return whether the motion's tokens are not known to be the engine's."""
        if not motion.segments:
            return bool(codebook_of(self._served.engine))
        return any(self.in_segment(segment) for segment in motion.segments)

    def segments_of(self, motion: Motion) -> tuple[Segment, ...]:
        """Return the motion's segments; those with foreign tokens, or with nothing, as clips."""
        return tuple(
            self._as_clip(segment, motion.features[first:end])
            if self.in_segment(segment) or not (segment.tokens or segment.clip in self._clips)
            else segment
            for segment, first, end in motion.segment_frames()
        )

    def without(self, timeline: Timeline, store: MotionStore) -> Timeline:
        """Return the timeline with clips in place of foreign tokens.

        Their features are those of the motions that were rendered from it. Where these are no
        longer in the store the segments stay.
        """
        for person, motion_id in timeline.motions.items():
            own = timeline.of(person)
            if not any(self.in_segment(segment) for segment in own) or motion_id not in store:
                continue
            motion = store.get(motion_id)
            spans = motion.segment_frames()
            if [segment.id for segment, _, _ in spans] != [segment.id for segment in own]:
                continue
            clips = {
                segment.id: self._as_clip(segment, motion.features[first:end])
                for segment, (_, first, end) in zip(own, spans, strict=True)
            }
            segments = tuple(
                clips[s.id] if s.person == person else s for s in timeline.segments
            )  # whatever is done about joins is in these features
            timeline = replace(
                timeline,
                segments=segments,
                blends={i: width for i, width in timeline.blends.items() if i not in clips},
                fills={i: fill for i, fill in timeline.fills.items() if i not in clips},
            )
        return timeline

    @cached_property
    def _own(self) -> str | None:
        """The engine's codebook; None where it reads no tokens, so that all are foreign."""
        engine = self._served.engine
        return codebook_of(engine) if isinstance(engine, TokenEngine) else None

    def _as_clip(self, segment: Segment, features: FloatArray) -> Segment:
        clip = self._clips.add(features)
        return replace(segment, tokens=(), clip=clip, clip_frames=len(features), codebook="")
