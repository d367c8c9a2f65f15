"""The tool `caption_motion`: a motion's id or a workspace file in, words out.

Setup:
    pip install motion-agent

Instantiate:
    tool = CaptionMotion(studio=Studio(workspace="recordings"))

Invoke:
    tool.invoke({"motion": "m-3fa9c1"})
    # "Motion m-3fa9c1 (4.4 s) shows: 'a person walks forward'"
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..motion_core.studio import Studio
from ..prompts import load_prompt
from .facts import motion_facts
from .messages import quoted
from .motion_tool import MotionTool, ToolArguments

MAX_CAPTION = 1000  # characters shown to the LLM; the artifact has the whole caption

MOTION = (
    "A motion id such as 'm-3fa9c1', or the name of a motion file in the workspace such as"
    " 'walk.bvh'."
)


class CaptionMotionInput(ToolArguments):
    """Arguments of `caption_motion`."""

    motion: str = Field(min_length=1, max_length=200, description=MOTION)


class CaptionMotion(MotionTool):
    """Captions a motion; the artifact has the caption and the motion's id."""

    name: str = "caption_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/caption_motion"))
    args_schema: Any = CaptionMotionInput

    def work(self, arguments: CaptionMotionInput, studio: Studio) -> tuple[str, dict[str, Any]]:
        """Find the motion and caption it."""
        motion = studio.find(arguments.motion)
        self.load(studio)
        caption = studio.caption(motion)
        motion_id = studio.store.add(motion)
        line = f"Motion {motion_id} ({motion.duration:.1f} s) shows: {quoted(caption, MAX_CAPTION)}"
        return line, {**motion_facts(motion, motion_id), "caption": caption}
