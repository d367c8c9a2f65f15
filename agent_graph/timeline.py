"""From the steps of a plan to the segments of the edited timeline, before anything is generated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ..motion_core.composition import NEXT_TAKE
from ..motion_core.motion import Motion
from ..motion_core.placement import FACE_TO_FACE, Placement, as_placement
from .plan import Step
from .state import SegmentState, Timeline

_OWN_ID = re.compile(r"s[1-9]\d{0,5}", re.ASCII)


def edited_segments(
    timeline: Timeline, steps: Sequence[Step], base_seed: int = 0
) -> tuple[list[SegmentState], int]:
    """The segments after an edit; new ones have no tokens yet.

    A replaced segment keeps its id, and its seed unless nothing else about it changes: then it
    is another take. A segment that is kept twice is a repetition under a new id.

    Args:
        timeline: before the edit; without segments where a new motion begins.
        steps: those of the plan that generate or keep, in order.
        base_seed: the seed of a new segment is this plus the number in its id.

    Returns:
        The segments, and the number of the next new segment.
    """
    old = {segment["id"]: segment for segment in timeline["segments"]}
    number = timeline["next_segment"]
    taken: set[str] = set()
    segments: list[SegmentState] = []
    replaced = {s.segment for s in steps if s.tool == "generate_motion" and s.segment}
    for step in steps:
        before = old.get(step.segment)
        if (
            before is not None
            and step.segment not in taken
            and (step.tool == "generate_motion" or step.segment not in replaced)
        ):
            segment_id = step.segment
        else:
            segment_id = f"s{number}"
            number += 1
        taken.add(segment_id)
        if step.tool == "keep_segment" and before is not None:
            segments.append({**before, "id": segment_id})
            continue
        seed = base_seed + int(segment_id[1:])
        if before is not None:
            same = (before["description"], before["seconds"]) == (step.description, step.seconds)
            seed = before["seed"] + (NEXT_TAKE if same else 0)
        segments.append(
            {
                "id": segment_id,
                "description": step.description,
                "tokens": [],
                "seed": seed,
                "seconds": step.seconds,
                "person": step.person,
            }
        )
    return segments, number


def segments_of_motion(
    motion: Motion, tokens: Sequence[int], description: str
) -> list[SegmentState]:
    """The segments of a motion from outside the conversation: its own, or one of the whole.

    Where one has an id of another form than ours, all are numbered anew.

    Args:
        motion: from the store or a file.
        tokens: of the whole, for a motion without segments.
        description: of the whole, likewise.
    """
    if not motion.segments:
        return [_segment("s1", description, tokens, 0)]
    foreign = not all(_OWN_ID.fullmatch(segment.id) for segment in motion.segments)
    return [
        _segment(f"s{number}" if foreign else s.id, s.description, s.tokens, s.seed)
        for number, s in enumerate(motion.segments, start=1)
    ]


def next_number(segments: Sequence[SegmentState]) -> int:
    """A number that is in no segment's id."""
    return max((int(s["id"][1:]) for s in segments), default=0) + 1


def joins(timeline: Timeline) -> list[tuple[str, str]]:
    """Each pair of neighbours, by id."""
    people = {segment["person"] for segment in timeline["segments"]}
    orders = ([s["id"] for s in timeline["segments"] if s["person"] == p] for p in people)
    return [pair for order in orders for pair in pairwise(order)]


def unchanged_blends(before: Timeline, after: Timeline, new: set[str]) -> dict[str, int]:
    """The blends at those joins that an edit left as they were.

    Args:
        before: the timeline before the edit.
        after: the timeline after it.
        new: ids of the segments whose tokens are new.
    """
    return {
        later: before["blends"][later]
        for earlier, later in set(joins(before)) & set(joins(after))
        if later in before["blends"] and earlier not in new and later not in new
    }


def placement_of(timeline: Timeline) -> Placement:
    """Where person 2 stands."""
    return as_placement(timeline["placement"]) if timeline["placement"] else FACE_TO_FACE


def _segment(segment_id: str, description: str, tokens: Sequence[int], seed: int) -> SegmentState:
    return {
        "id": segment_id,
        "description": description,
        "tokens": [int(token) for token in tokens],
        "seed": seed,
        "seconds": 0.0,
        "person": 1,
    }
