"""Fills: tokens of a join that lie over those of the two segments around it.

The segments keep their own tokens, so that taking one away brings back what the other had there.
A motion tells its fills in its provenance: ``{"fills": {"s2": {"tokens", "before", "after"}}}``,
by the id of the later segment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from .motion import Fill, Motion, Segment
from .untrusted import checked_fill


def joined_tokens(segments: Sequence[Segment], fills: Mapping[str, Fill]) -> tuple[int, ...]:
    """Return the tokens of segments in a row, under the fills of their joins."""
    tokens = [token for segment in segments for token in segment.tokens]
    at = 0
    for segment in segments:
        fill = fills.get(segment.id)
        if fill is not None and at and fill.tokens:
            tokens[at - fill.before : at + fill.after] = fill.tokens
        at += len(segment.tokens)
    return tuple(tokens)


def fill_facts(fills: Mapping[str, Fill]) -> dict[str, Any]:
    """Return what the provenance says of fills; nothing where there are none."""
    return {"fills": {name: asdict(fill) for name, fill in fills.items()}} if fills else {}


def known_fills(motion: Motion) -> dict[str, Fill]:
    """Return the fills that a motion's provenance tells, as far as they fit its segments.

    Raises:
        FormatError: one of them is no fill.
    """
    values = motion.provenance.get("fills")
    fills: dict[str, Fill] = {}
    if not isinstance(values, Mapping):
        return fills
    for earlier, later in pairwise(motion.segments):
        if later.id in values:
            fill = checked_fill(values[later.id])
            if fill.before <= len(earlier.tokens) and fill.after <= len(later.tokens):
                fills[later.id] = fill
    return fills
