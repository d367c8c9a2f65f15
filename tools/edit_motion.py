"""The tool `edit_motion`: one change of a motion's segments makes a new motion.

Setup:
    pip install motion-agent

Instantiate:
    tool = EditMotion(studio=Studio())

Invoke:
    tool.invoke({"motion": "m-3fa9c1", "operation": "longer", "segment": "s2", "seconds": 4})
    # "Made motion m-90be22 from m-3fa9c1: …, s2 4.0 s 'a person bows' (new). …"
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..motion_core.errors import InputError
from ..motion_core.limits import MAX_SECONDS
from ..motion_core.motion import Segment
from ..motion_core.studio import Studio
from ..motion_core.timeline import SMOOTH_SECONDS, Timeline, changed_duration
from ..prompts import load_prompt
from .caption_motion import MOTION
from .facts import motion_facts, motion_line, unknown_facts, unknown_warning
from .generate_motion import checked_description
from .messages import one_line, quoted
from .motion_tool import MotionTool, ToolArguments

Operation = Literal[
    "insert", "replace", "remove", "move", "repeat", "another_take", "longer", "shorter", "smooth"
]
MAX_TIMES = 20
_ARGUMENTS: dict[Operation, tuple[str, ...]] = {
    "insert": ("description", "position", "segment", "seconds", "seed"),
    "replace": ("segment", "description", "seconds", "seed"),
    "remove": ("segment",),
    "move": ("segment", "position"),
    "repeat": ("segment", "times", "position"),
    "another_take": ("segment", "seconds", "seed"),
    "longer": ("segment", "seconds"),
    "shorter": ("segment", "seconds"),
    "smooth": ("segment", "seconds"),
}
"""What each operation looks at."""
_PLACE = re.compile(r"(?:(before|after)\s+)?(.+)", re.DOTALL)


class EditMotionInput(ToolArguments):
    """Arguments of `edit_motion`."""

    motion: str = Field(min_length=1, max_length=200, description=MOTION)
    operation: Operation = Field(description="What to do.")
    segment: str | None = Field(
        default=None,
        max_length=100,
        description="Id of the segment to change, such as 's2'. Not for insert.",
    )
    description: str | None = Field(
        default=None,
        description="insert, replace: the new action, a sentence such as 'a person waves'.",
    )
    position: str | None = Field(
        default=None,
        max_length=100,
        description="insert, move, repeat: where it goes: 'start', 'end', 'before s2', 'after s2'."
        " If omitted, insert goes to the end and repeat follows its segment.",
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description="insert, replace, another_take, longer, shorter: the segment's new duration in"
        " seconds, at most 20. smooth: how long the transition is, usually 1.2.",
    )
    times: int | None = Field(
        default=None, ge=0, le=MAX_TIMES, description="repeat: how many more times; 1 if omitted."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="Omit it, or give one for a particular take."
    )


class EditMotion(MotionTool):
    """Makes a new motion from one in the store, which stays; the artifact lists its segments."""

    name: str = "edit_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/edit_motion"))
    args_schema: Any = EditMotionInput
    makes_motion: ClassVar[bool] = True

    def work(self, arguments: EditMotionInput, studio: Studio) -> tuple[str, dict[str, Any]]:
        """Edit the timeline, generate its new segments and decode the whole motion once."""
        motion = studio.find(arguments.motion)
        self.load(studio)
        before = studio.open(motion)
        rendering = self.render(_edited(before, arguments), studio)
        old = studio.store.add(motion)  # a file has been added to the store by then
        result, motion_id = rendering.motions[1], rendering.timeline.motions[1]

        known = {segment.id for segment in before.segments}
        new = [s.id for s in result.segments if s.id in rendering.new or s.id not in known]
        line = f"Made motion {motion_line(result, motion_id, new=new)}. {old} is unchanged."
        line += f"{_unused(arguments)}{unknown_warning(rendering)}"
        artifact = {**motion_facts(result, motion_id), "edited": old, "new_segments": new}
        return line, {**artifact, **unknown_facts(rendering)}


def _edited(timeline: Timeline, arguments: EditMotionInput) -> Timeline:
    """Return the timeline after the operation.

    Raises:
        InputError: something is missing, there is no such segment, or there are too many; the
            message tells an LLM what to do.
    """
    segments, operation = timeline.segments, arguments.operation
    if operation == "insert":
        place = arguments.position
        place = place or (f"after {arguments.segment}" if arguments.segment else "end")
        return timeline.insert(
            _description(arguments),
            _position(place, segments),
            seconds=arguments.seconds or 0.0,
            seed=arguments.seed,
        )
    segment = segments[_index(segments, arguments.segment)]
    others = [other for other in segments if other is not segment]
    if operation == "replace":
        description, seconds = _description(arguments), arguments.seconds or 0.0
        return timeline.replace(segment.id, description, seconds=seconds, seed=arguments.seed)
    if operation == "remove":
        if not others:
            raise InputError(
                f"{segment.id} is the only segment; generate a new motion or replace it instead"
            )
        return timeline.remove(segment.id)
    if operation == "move":
        if not arguments.position:
            raise InputError(
                "move needs a position: 'start', 'end', 'before s2' or 'after s2'"
                f" ({_choice(segments)})"
            )
        return timeline.move(segment.id, _position(arguments.position, others))
    if operation == "repeat":
        at = _position(arguments.position, segments) if arguments.position else None
        return timeline.repeat(segment.id, arguments.times or 1, at)
    if operation == "another_take":
        return timeline.retake(segment.id, seconds=arguments.seconds or None, seed=arguments.seed)
    if operation == "smooth":
        return timeline.smooth(segment.id, arguments.seconds or SMOOTH_SECONDS)
    longer = operation == "longer"
    seconds = changed_duration(segment, longer=longer, seconds=arguments.seconds)
    return timeline.retime(segment.id, seconds)


def _position(place: str, segments: Sequence[Segment]) -> int:
    """Return the index in a row of segments for "start", "end", "before s2" or "after s2"."""
    text = place.strip()
    if text.lower() in ("start", "beginning", "first"):
        return 0
    if text.lower() in ("end", "last"):
        return len(segments)
    match = _PLACE.fullmatch(
        text.lower() if text.lower().startswith(("before ", "after ")) else text
    )
    assert match is not None  # blank text counts as missing
    return _index(segments, match[2]) + (match[1] != "before")


def _index(segments: Sequence[Segment], reference: str | None) -> int:
    """Return the index of the segment with that id; ``2`` and ``segment 2`` mean s2."""
    ids = [segment.id for segment in segments]
    if reference is None:
        if len(ids) == 1:
            return 0
        raise InputError(f"say which segment, by its id ({_choice(segments)})")
    number = re.fullmatch(r"(?:segment\s*)?s?0*(\d{1,6})", reference.strip().lower())
    for candidate in (reference, reference.strip(), f"s{number[1]}" if number else None):
        if candidate in ids:
            return ids.index(candidate)
    raise InputError(f"there is no segment {quoted(reference, 40)}; {_choice(segments)}")


def _choice(segments: Sequence[Segment]) -> str:
    parts = [f"{one_line(s.id, 20)} {quoted(s.description, 40)}" for s in segments[:8]]
    more = ["…"] if len(segments) > 8 else []
    return f"there are {', '.join([*parts, *more])}"


def _description(arguments: EditMotionInput) -> str:
    if not arguments.description:
        raise InputError(
            f"{arguments.operation} needs a description, such as 'a person waves with both hands'"
        )
    return checked_description(arguments.description)


def _unused(arguments: EditMotionInput) -> str:
    """Return a note on unused arguments rather than refuse them: weak models fill in every
    field.
    """
    used = {"motion", "operation", *_ARGUMENTS[arguments.operation]}
    values = arguments.model_dump(exclude_none=True)
    unused = [name for name in values if name not in used]
    if not unused:
        return ""
    return f" Not used by {quoted(arguments.operation)}: {', '.join(unused)}."
