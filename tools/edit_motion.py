"""The tool `edit_motion`: one change of a motion's segments makes a new motion.

Setup:
    pip install motion-agent

Instantiate:
    tool = EditMotion(workbench=Workbench())

Invoke:
    tool.invoke({"motion": "m-3fa9c1", "operation": "longer", "segment": "s2", "seconds": 4})
    # "Made motion m-90be22 from m-3fa9c1: …, s2 4.0 s 'a person bows' (new). …"
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import Field

from ..motion_core.composition import MAX_SECONDS, SegmentRequest, generate_segments
from ..motion_core.errors import InputError
from ..motion_core.motion import MAX_FRAMES, Motion, Segment
from ..prompts import load_prompt
from .caption_motion import MOTION
from .facts import motion_facts, motion_line, unknown_told, unknown_words
from .generate_motion import checked_description
from .messages import quoted
from .motion_tool import MotionTool, ToolArguments
from .timeline import (
    MAX_TIMES,
    USES,
    Drafts,
    Edit,
    Operation,
    edited,
    first_free_number,
    kept_blends,
)


class EditMotionInput(ToolArguments):
    """Arguments of `edit_motion`."""

    motion: str = Field(min_length=1, max_length=200, description=MOTION)
    operation: Operation = Field(description="What to do.")
    segment: str | None = Field(
        default=None,
        max_length=100,
        description="Id of the segment that it is done to, such as 's2'. Not for insert.",
    )
    description: str | None = Field(
        default=None,
        description="insert, replace: the new action, a sentence such as 'a person waves'.",
    )
    position: str | None = Field(
        default=None,
        max_length=100,
        description="insert, move, repeat: where it goes: 'start', 'end', 'before s2', 'after s2'."
        " Left out, insert goes to the end and repeat follows its segment.",
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description="insert, replace, another_take, longer, shorter: the segment's new duration in"
        " seconds, at most 20.",
    )
    times: int | None = Field(
        default=None, ge=0, le=MAX_TIMES, description="repeat: how many times more; 1 if left out."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="Leave it out, or give one for a certain take."
    )


class EditMotion(MotionTool):
    """Makes a new motion from one in the store, which stays; the artifact tells its segments."""

    name: str = "edit_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/edit_motion"))
    args_schema: Any = EditMotionInput

    def work(self, wanted: EditMotionInput) -> tuple[str, dict[str, Any]]:
        """Change the timeline, generate what is new in it, decode the whole once."""
        bench = self.workbench
        motion = bench.find(wanted.motion)
        edit = _edit(wanted)
        segments = self._segments(motion)
        drafts, next_number = edited(segments, edit, _next_number(motion, segments))
        old = bench.store.add(motion)  # a file is in the store then, as it was read
        new = [draft for draft in drafts if isinstance(draft, SegmentRequest)]
        made = iter(generate_segments(bench.engine, new, progress=self.progress("generate")))
        whole = [next(made) if isinstance(draft, SegmentRequest) else draft for draft in drafts]
        _check_length(whole)
        facts = {"edited": old, "operation": edit.operation, "next_segment": next_number}
        blends = kept_blends(motion.provenance.get("blends"), segments, whole)
        result = bench.join(whole, blends=blends, provenance=facts)
        motion_id = bench.store.add(result)

        changed = _new_ids(segments, drafts)
        unknown = unknown_words(bench.engine, [draft.description for draft in new])
        told = f"Made motion {motion_line(result, motion_id, new=changed)}."
        told += f" {old} is unchanged.{_not_used(edit)}{unknown_told(unknown)}"
        artifact = {**motion_facts(result, motion_id), "edited": old, "new_segments": changed}
        return told, {**artifact, "unknown_words": unknown}

    def _segments(self, motion: Motion) -> tuple[Segment, ...]:
        """The motion's segments; one that was not made here is a single segment."""
        if motion.segments:
            return motion.segments
        caption = self.workbench.caption(motion)
        return (Segment("s1", caption, self.workbench.tokens(motion)),)


def _edit(wanted: EditMotionInput) -> Edit:
    values = {field.name: getattr(wanted, field.name) for field in fields(Edit)}
    if wanted.description and "description" in USES[wanted.operation]:
        values["description"] = checked_description(wanted.description)
    return Edit(**{**values, "seconds": wanted.seconds or None, "times": wanted.times or None})


def _next_number(motion: Motion, segments: tuple[Segment, ...]) -> int:
    """Above all ids that the motion, or what it was edited from, ever used."""
    told = motion.provenance.get("next_segment", 1)
    kept = told if isinstance(told, int) and 0 < told < 1_000_000 else 1  # a file may say anything
    return max(kept, first_free_number(segments))


def _check_length(segments: list[Segment]) -> None:
    frames = sum(segment.frames for segment in segments)
    if frames > MAX_FRAMES:
        raise InputError(f"the motion would have {frames} frames; the limit is {MAX_FRAMES}")


def _new_ids(before: tuple[Segment, ...], drafts: Drafts) -> list[str]:
    known = {segment.id for segment in before}
    return [d.id for d in drafts if isinstance(d, SegmentRequest) or d.id not in known]


def _not_used(edit: Edit) -> str:
    """Told rather than refused: weak models fill in everything there is."""
    given = [field.name for field in fields(edit) if field.name != "operation"]
    unused = [
        name
        for name in given
        if getattr(edit, name) is not None and name not in USES[edit.operation]
    ]
    if not unused:
        return ""
    return f" Not used by {quoted(edit.operation)}: {', '.join(unused)}."
