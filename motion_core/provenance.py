"""What a motion's provenance says of the timeline it was rendered from.

A motion may come from a file that anybody wrote, so a fact that cannot be ours counts as absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .fills import known_fills
from .mending import HALF_WIDTHS
from .motion import Motion, Segment
from .timeline import Timeline, next_number

_MAX_NUMBER = 1_000_000  # of a next segment that a file may name
_OWN_ID = re.compile(r"s[1-9]\d{0,5}", re.ASCII)


def known_timeline(motion: Motion, segments: Sequence[Segment]) -> Timeline:
    """Return the timeline of a motion, with the seed, blends and fills of its provenance.

    Args:
        motion: whose provenance is read.
        segments: the motion's own, or clips in place of some of them. They become person 1's; if
            one has an id of another form than ours, all are numbered anew.

    Raises:
        FormatError: a fill in the provenance is none.
    """
    segments = _owned(segments)
    return Timeline(
        segments=segments,
        next_segment=max(_fact(motion, "next_segment", _MAX_NUMBER), next_number(segments)),
        blends=_known_blends(motion, segments) if _tokens_kept(motion, segments) else {},
        fills=known_fills(motion) if segments == motion.segments else {},
        seed=_fact(motion, "seed", 2**31),
    )


def _owned(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    foreign = not all(_OWN_ID.fullmatch(segment.id) for segment in segments)
    return tuple(
        replace(segment, id=f"s{number}" if foreign else segment.id, person=1)
        for number, segment in enumerate(segments, start=1)
    )


def _fact(motion: Motion, name: str, limit: int) -> int:
    """Return an integer from the provenance; 0 if it is invalid."""
    value = motion.provenance.get(name)
    return value if type(value) is int and 0 < value < limit else 0


def _tokens_kept(motion: Motion, segments: Sequence[Segment]) -> bool:
    """Return whether no segment became a clip, which would include earlier blends."""
    return [s.tokens for s in motion.segments] == [s.tokens for s in segments]


def _known_blends(motion: Motion, segments: Sequence[Segment]) -> dict[str, int]:
    """Return the blends in a motion's provenance, if they can be ours."""
    blends = motion.provenance.get("blends")
    if not isinstance(blends, Mapping):
        return {}
    later = {segment.id for segment in segments[1:]}
    return {i: width for i, width in blends.items() if i in later and width in HALF_WIDTHS}
