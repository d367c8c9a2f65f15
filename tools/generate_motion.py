"""The tool `generate_motion`: descriptions in, one motion in the store out.

Setup:
    pip install motion-agent

Instantiate:
    tool = GenerateMotion(workbench=Workbench())

Invoke:
    tool.invoke({"descriptions": ["a person walks forward", "a person bows"]})
    # "Made motion m-3fa9c1, 4.4 s: s1 2.4 s 'a person walks forward', s2 …"
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..motion_core.composition import MAX_SECONDS, SegmentRequest, generate_segments
from ..motion_core.engine import MAX_DESCRIPTION
from ..motion_core.errors import InputError
from ..prompts import load_prompt
from .facts import motion_facts, motion_line, unknown_told, unknown_words
from .messages import one_line
from .motion_tool import MotionTool, ToolArguments

MAX_DESCRIPTIONS = 64


def _listed(value: Any) -> Any:
    """Weak models write one description without the list around it."""
    return [value] if isinstance(value, str) else value


class GenerateMotionInput(ToolArguments):
    """Arguments of `generate_motion`."""

    descriptions: Annotated[list[str], BeforeValidator(_listed)] = Field(
        min_length=1,
        max_length=MAX_DESCRIPTIONS,
        description="What one person does, one action an entry, in order. Each is a full sentence"
        " such as 'a person walks forward'.",
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_SECONDS,
        description="Wished duration of each action in seconds, at most 20; leave it out to let it"
        " be natural.",
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**31, description="Another seed gives another take of the same."
    )


class GenerateMotion(MotionTool):
    """Makes a 3D human motion from descriptions; the artifact tells its id and segments."""

    name: str = "generate_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/generate_motion"))
    args_schema: Any = GenerateMotionInput

    def work(self, wanted: GenerateMotionInput) -> tuple[str, dict[str, Any]]:
        """Generate all descriptions as one batch and decode them in one go."""
        seed = wanted.seed or 0
        texts = [
            checked_description(text, f"description {number}")
            for number, text in enumerate(wanted.descriptions, start=1)
        ]
        engine = self.workbench.engine
        requests = [
            SegmentRequest(f"s{number}", text, seed + number, wanted.seconds or None)
            for number, text in enumerate(texts, start=1)
        ]
        segments = generate_segments(engine, requests, progress=self.progress("generate"))
        motion = self.workbench.join(segments, provenance={"seed": seed})
        motion_id = self.workbench.store.add(motion)
        unknown = unknown_words(engine, texts)
        told = f"Made motion {motion_line(motion, motion_id)}.{unknown_told(unknown)}"
        return told, {**motion_facts(motion, motion_id), "unknown_words": unknown}


def checked_description(text: str, what: str = "the description") -> str:
    """The description in one line.

    Raises:
        InputError: it is empty or too long.
    """
    line = one_line(text, len(text) + 1)
    if not line:
        raise InputError(f"{what} is empty; say what the person does")
    if len(line) > MAX_DESCRIPTION:
        raise InputError(
            f"{what} has {len(line)} characters, the limit is {MAX_DESCRIPTION};"
            " give several short descriptions, one action each"
        )
    return line
