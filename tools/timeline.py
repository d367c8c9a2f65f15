"""Edits of a motion's segments; what they do not touch keeps its tokens bit for bit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from ..motion_core.composition import MAX_SECONDS, NEXT_TAKE, SegmentRequest
from ..motion_core.errors import InputError
from ..motion_core.joining import HALF_WIDTHS
from ..motion_core.motion import FRAMES_PER_TOKEN, Segment
from ..motion_core.skeleton import FPS
from .messages import one_line, quoted

Operation = Literal[
    "insert", "replace", "remove", "move", "repeat", "another_take", "longer", "shorter"
]
Drafts = list[Segment | SegmentRequest]
"""A timeline in which some segments are still to be generated."""

MAX_SEGMENTS = 64
MAX_TIMES = 20
_SECONDS_PER_TOKEN = FRAMES_PER_TOKEN / FPS
_LEAST_SECONDS = 2 * _SECONDS_PER_TOKEN
_FACTOR = 1.5  # of longer and shorter, if no duration is told
_PLACE = re.compile(r"(?:(before|after)\s+)?(.+)", re.DOTALL)

USES: dict[Operation, tuple[str, ...]] = {
    "insert": ("description", "position", "segment", "seconds", "seed"),
    "replace": ("segment", "description", "seconds", "seed"),
    "remove": ("segment",),
    "move": ("segment", "position"),
    "repeat": ("segment", "times", "position"),
    "another_take": ("segment", "seconds", "seed"),
    "longer": ("segment", "seconds"),
    "shorter": ("segment", "seconds"),
}
"""What of an `Edit` each operation looks at."""


@dataclass(frozen=True)
class Edit:
    """One change of a timeline; see `USES` for what belongs to which operation.

    Attributes:
        operation: what to do.
        segment: id of the segment that it is done to.
        description: of the new action.
        position: ``start``, ``end``, ``before s2`` or ``after s2``.
        seconds: wished duration of what is generated.
        times: how often `repeat` adds the segment.
        seed: of what is generated; a good one is chosen if None.
    """

    operation: Operation
    segment: str | None = None
    description: str | None = None
    position: str | None = None
    seconds: float | None = None
    times: int | None = None
    seed: int | None = None


def edited(segments: Sequence[Segment], edit: Edit, next_number: int) -> tuple[Drafts, int]:
    """The segments after the edit, and the number of the id that is free then.

    Args:
        segments: as they are.
        edit: what to do.
        next_number: ids from ``s<next_number>`` on were never used in this motion.

    Raises:
        InputError: something is missing, there is no such segment, or too many; the message is
            written for an LLM to act on.
    """
    ids = (f"s{number}" for number in range(next_number, next_number + MAX_TIMES))
    drafts: Drafts = list(_edited(list(segments), edit, ids))
    if len(drafts) > max(MAX_SEGMENTS, len(segments)):
        raise InputError(
            f"the motion would have {len(drafts)} segments, the limit is {MAX_SEGMENTS}; remove"
            " some first or make a second motion"
        )
    used = {segment.id for segment in segments}
    return drafts, next_number + len({draft.id for draft in drafts} - used)


def first_free_number(segments: Sequence[Segment]) -> int:
    """The least n above 1 such that ``sN`` is no segment's id for N ≥ n."""
    numbers = [int(s.id[1:]) for s in segments if re.fullmatch(r"s[0-9]{1,6}", s.id)]
    return max(numbers, default=0) + 1


def kept_blends(told: Any, before: Sequence[Segment], after: Sequence[Segment]) -> dict[str, int]:
    """The blends that hold after an edit: those whose two segments still meet, unchanged.

    Args:
        told: half-width in frames by the later segment's id, as a file may have it: or anything.
        before: the segments that they were made for.
        after: the segments now.
    """
    if not isinstance(told, Mapping):
        return {}
    met = set(pairwise(before))
    return {
        later.id: told[later.id]
        for pair in pairwise(after)
        for later in pair[1:]
        if pair in met and told.get(later.id) in HALF_WIDTHS
    }


def _edited(segments: list[Segment], edit: Edit, ids: Iterator[str]) -> Drafts:
    if edit.operation == "insert":
        new = SegmentRequest(
            next(ids), _description(edit), _seed(edit, len(segments)), edit.seconds
        )
        place = edit.position or (f"after {edit.segment}" if edit.segment else "end")
        return _put([new], place, segments)

    at = _index(segments, edit.segment)
    found = segments[at]
    before, after = segments[:at], segments[at + 1 :]
    if edit.operation == "remove":
        if len(segments) == 1:
            raise InputError(
                f"{found.id} is the only segment; generate a new motion or replace it instead"
            )
        return [*before, *after]
    if edit.operation == "move":
        if not edit.position:
            raise InputError(
                "move needs a position: 'start', 'end', 'before s2' or 'after s2'"
                f" ({_there(segments)})"
            )
        return _put([found], edit.position, [*before, *after])
    if edit.operation == "repeat":
        copies = [replace(found, id=next(ids)) for _ in range(edit.times or 1)]
        return _put(copies, edit.position or f"after {found.id}", segments)
    return [*before, _made_again(found, edit, ids), *after]


def _made_again(found: Segment, edit: Edit, ids: Iterator[str]) -> SegmentRequest:
    if edit.operation == "replace":
        # Other words are another segment: its id is new, so that the old id is never mistaken.
        return SegmentRequest(next(ids), _description(edit), _seed(edit, found.seed), edit.seconds)
    if edit.operation == "another_take":
        seed = (found.seed + NEXT_TAKE) % 2**31
        return SegmentRequest(found.id, found.description, _seed(edit, seed), edit.seconds)
    return SegmentRequest(found.id, found.description, found.seed, _duration(found, edit))


def _duration(found: Segment, edit: Edit) -> float:
    now = found.frames / FPS
    longer = edit.operation == "longer"
    wished = edit.seconds or (now * _FACTOR if longer else now / _FACTOR)
    wished = round(wished / _SECONDS_PER_TOKEN) * _SECONDS_PER_TOKEN
    wished = min(max(wished, _LEAST_SECONDS), MAX_SECONDS)
    if (wished <= now) if longer else (wished >= now):
        raise InputError(
            f"{found.id} lasts {now:.1f} s; {edit.operation} needs {'more' if longer else 'less'}"
            f" than that as seconds, the whole new duration, from {_LEAST_SECONDS:g} to"
            f" {MAX_SECONDS:g}"
        )
    return round(wished, 2)


def _put(new: Sequence[Segment | SegmentRequest], position: str, others: list[Segment]) -> Drafts:
    """The new ones at the position among the others."""
    text = position.strip()
    if text.lower() in ("start", "beginning", "first"):
        at = 0
    elif text.lower() in ("end", "last"):
        at = len(others)
    else:
        match = _PLACE.fullmatch(text.lower() if text.lower().startswith(_WORDS) else text)
        assert match is not None  # some text, as blank is none
        at = _index(others, match[2]) + (match[1] != "before")
    return [*others[:at], *new, *others[at:]]


_WORDS = ("before ", "after ")


def _index(segments: Sequence[Segment], wanted: str | None) -> int:
    """Where the segment of that id is; ``2`` and ``segment 2`` mean s2."""
    ids = [segment.id for segment in segments]
    if wanted is None:
        if len(ids) == 1:
            return 0
        raise InputError(f"say which segment, by its id ({_there(segments)})")
    number = re.fullmatch(r"(?:segment\s*)?s?0*(\d{1,6})", wanted.strip().lower())
    for candidate in (wanted, wanted.strip(), f"s{number[1]}" if number else None):
        if candidate in ids:
            return ids.index(candidate)
    raise InputError(f"there is no segment {quoted(wanted, 40)} to go by; {_there(segments)}")


def _there(segments: Sequence[Segment]) -> str:
    parts = [f"{one_line(s.id, 20)} {quoted(s.description, 40)}" for s in segments[:8]]
    more = ["…"] if len(segments) > 8 else []
    return f"there are {', '.join([*parts, *more])}"


def _description(edit: Edit) -> str:
    if not edit.description:
        raise InputError(
            f"{edit.operation} needs a description, such as 'a person waves with both hands'"
        )
    return edit.description


def _seed(edit: Edit, otherwise: int) -> int:
    return otherwise if edit.seed is None else edit.seed
