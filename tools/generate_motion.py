"""The tool `generate_motion`: descriptions in, one motion in the store out.

Setup:
    pip install motion-agent

Instantiate:
    tool = GenerateMotion(workbench=Workbench())

Invoke:
    tool.invoke({"descriptions": ["a person walks forward", "a person bows"]})
    # 'Made motion m-3fa9c1: 4.4 s, 2 segments. s1 …'
"""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from ..motion_core.composition import MAX_SECONDS, SegmentRequest, assemble, generate_segments
from ..motion_core.engine import MAX_DESCRIPTION
from ..motion_core.errors import MotionAgentError
from ..motion_core.motion import Motion
from ..prompts import load_prompt
from .messages import wrong_arguments
from .workbench import Workbench

MAX_DESCRIPTIONS = 64


class GenerateMotionInput(BaseModel):
    """Arguments of `generate_motion`."""

    model_config = ConfigDict(extra="forbid")

    descriptions: list[str] = Field(
        min_length=1,
        max_length=MAX_DESCRIPTIONS,
        description="What one person does, one action an entry, in order. Each is a full sentence"
        " such as 'a person walks forward'.",
    )
    seconds: float | None = Field(
        default=None,
        gt=0,
        le=MAX_SECONDS,
        description="Wished duration of each action in seconds; leave it out to let it be natural.",
    )
    seed: int = Field(
        default=0, ge=0, lt=2**31, description="Another seed gives another take of the same."
    )


class GenerateMotion(BaseTool):
    """Makes a 3D human motion from descriptions; the artifact tells its id and segments."""

    name: str = "generate_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/generate_motion"))
    args_schema: Any = GenerateMotionInput
    response_format: Literal["content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = wrong_arguments
    workbench: Any = Field(default_factory=Workbench, exclude=True, repr=False)

    def _run(
        self, descriptions: list[str], seconds: float | None = None, seed: int = 0
    ) -> tuple[str, dict[str, Any]]:
        bench: Workbench = self.workbench
        try:
            texts = [_checked(text, number) for number, text in enumerate(descriptions, start=1)]
            engine = bench.engine
            segments = generate_segments(
                engine,
                [
                    SegmentRequest(f"s{number}", text, seed + number, seconds)
                    for number, text in enumerate(texts, start=1)
                ],
            )
            motion = assemble(engine, segments, provenance={"seed": seed})
            motion_id = bench.store.add(motion)
            unknown = _unknown_words(bench, texts)
        except MotionAgentError as err:
            raise ToolException(str(err)) from err
        return _told(motion, motion_id, unknown), motion_facts(motion, motion_id, unknown)


def motion_facts(motion: Motion, motion_id: str, unknown: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is known of a motion as JSON values: the artifact that a host gets."""
    return {
        "motion_id": motion_id,
        "seconds": round(motion.duration, 2),
        "frames": len(motion),
        "segments": [
            {"id": s.id, "description": s.description, "first_frame": first, "end_frame": end}
            for s, first, end in motion.segment_frames()
        ],
        "unknown_words": list(unknown),
    }


def _checked(text: str, number: int) -> str:
    text = " ".join(text.split())
    if not text:
        raise ToolException(f"description {number} is empty; say what the person does")
    if len(text) > MAX_DESCRIPTION:
        raise ToolException(
            f"description {number} has {len(text)} characters, the limit is {MAX_DESCRIPTION};"
            " give several short descriptions, one action each"
        )
    return text


def _unknown_words(bench: Workbench, texts: list[str]) -> tuple[str, ...]:
    words = [word for text in texts for word in bench.engine.coverage(text).unknown]
    return tuple(dict.fromkeys(words))


def _told(motion: Motion, motion_id: str, unknown: tuple[str, ...]) -> str:
    parts = ", ".join(f"{s.id} {s.frames / 20:.1f} s {s.description!r}" for s in motion.segments)
    told = f"Made motion {motion_id}, {motion.duration:.1f} s: {parts}."
    if unknown:
        told += (
            f" The motion model was not trained on {', '.join(map(repr, unknown))}:"
            " the result may not show it; tell the user."
        )
    return told
