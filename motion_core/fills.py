"""Fills: tokens of a join that lie over those of the two segments around it.

The segments keep their own tokens, so that taking one away brings back what the other had there.
A motion tells its fills in its provenance: ``{"fills": {"s2": {"tokens", "before", "after"}}}``,
by the id of the later segment. The fill of the first segment closes a loop: it lies over the end of
the last segment and leads back to the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

from .motion import Fill, Motion, Segment
from .untrusted import checked_fill


def joined_tokens(segments: Sequence[Segment], fills: Mapping[str, Fill]) -> tuple[int, ...]:
    """Return the tokens of consecutive segments, covered by the fills of their joins."""
    tokens = [token for segment in segments for token in segment.tokens]
    at = 0
    for segment in segments:
        fill = fills.get(segment.id)
        if fill is not None and at and fill.tokens:
            tokens[at - fill.before : at + fill.after] = fill.tokens
        at += len(segment.tokens)
    return tuple(tokens)


def closed(segments: Sequence[Segment], fills: Mapping[str, Fill]) -> list[Segment]:
    """Return the segments, of which the last ends in the fill that closes the loop, if any."""
    fill, last = fills.get(segments[0].id), segments[-1]
    if fill is None or not fill.tokens or len(last.tokens) < fill.before:
        return list(segments)
    kept = last.tokens[: len(last.tokens) - fill.before]
    return [*segments[:-1], replace(last, tokens=kept + fill.tokens)]


def fill_facts(fills: Mapping[str, Fill]) -> dict[str, Any]:
    """Return the provenance of fills; empty if there are none."""
    return {"fills": {name: asdict(fill) for name, fill in fills.items()}} if fills else {}


def known_fills(motion: Motion) -> dict[str, Fill]:
    """Return the fills in a motion's provenance, if they fit its segments.

    Raises:
        FormatError: one of them is invalid.
    """
    values = motion.provenance.get("fills")
    fills: dict[str, Fill] = {}
    if not isinstance(values, Mapping):
        return fills
    segments = motion.segments
    for earlier, later in [*pairwise(segments), *zip(segments[-1:], segments[:1], strict=True)]:
        if later.id in values:
            fill = checked_fill(values[later.id])
            if fill.before <= len(earlier.tokens) and fill.after <= len(later.tokens):
                fills[later.id] = fill
    return fills
