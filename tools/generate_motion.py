"""The tool `generate_motion`: descriptions in, one motion in the store out.

Setup:
    pip install motion-agent

Instantiate:
    tool = GenerateMotion(studio=Studio())

Invoke:
    tool.invoke({"descriptions": ["a person walks forward", "a person bows"]})
    # "Made motion m-3fa9c1, 4.4 s: s1 2.4 s 'a person walks forward', s2 …"
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from ..motion_core.errors import InputError
from ..motion_core.limits import MAX_DESCRIPTION, MAX_SECONDS
from ..motion_core.studio import Studio
from ..motion_core.timeline import Timeline
from ..prompts import load_prompt
from .facts import motion_facts, motion_line, unknown_facts, unknown_warning
from .messages import one_line
from .motion_tool import MotionTool, ToolArguments

MAX_DESCRIPTIONS = 64


class GenerateMotionInput(ToolArguments):
    """Arguments of `generate_motion`."""

    descriptions: list[str] = Field(
        min_length=1,
        max_length=MAX_DESCRIPTIONS,
        description="What one person does, one action an entry, in order. Each is a full sentence"
        " such as 'a person walks forward'.",
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description=(
            "Duration of each action in seconds, at most 20; omit it for a natural duration."
        ),
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        lt=2**31,
        description="Another seed gives another take of the same motion.",
    )


class GenerateMotion(MotionTool):
    """Makes a 3D human motion from descriptions; the artifact has its id and segments."""

    name: str = "generate_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/generate_motion"))
    args_schema: Any = GenerateMotionInput
    makes_motion: ClassVar[bool] = True

    def work(self, arguments: GenerateMotionInput, studio: Studio) -> tuple[str, dict[str, Any]]:
        """Generate all descriptions as one batch and decode them together."""
        timeline = Timeline(seed=arguments.seed or 0)
        for number, text in enumerate(arguments.descriptions, start=1):
            description = checked_description(text, f"description {number}")
            timeline = timeline.insert(description, seconds=arguments.seconds or 0.0)
        rendering = self.render(timeline, studio)
        motion, motion_id = rendering.motions[1], rendering.timeline.motions[1]
        line = f"Made motion {motion_line(motion, motion_id)}.{unknown_warning(rendering)}"
        return line, {**motion_facts(motion, motion_id), **unknown_facts(rendering)}


def checked_description(text: str, what: str = "the description") -> str:
    """Return the description in one line.

    Raises:
        InputError: it is empty or too long.
    """
    line = one_line(text, len(text) + 1)
    if not any(character.isalnum() for character in text):
        raise InputError(f"{what} is empty; say what the person does")
    if len(line) > MAX_DESCRIPTION:
        raise InputError(
            f"{what} has {len(line)} characters, the limit is {MAX_DESCRIPTION};"
            " give several short descriptions, one action each"
        )
    return line
