"""The tool `caption_motion`: a motion's id or a file of the workspace in, words out.

Setup:
    pip install motion-agent

Instantiate:
    tool = CaptionMotion(workbench=Workbench(workspace="recordings"))

Invoke:
    tool.invoke({"motion": "m-3fa9c1"})
    # 'Motion m-3fa9c1 (4.4 s) shows: a person walks forward.'
"""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field

from ..motion_core.errors import MotionAgentError
from ..prompts import load_prompt
from .generate_motion import motion_facts
from .messages import wrong_arguments
from .workbench import Workbench


class CaptionMotionInput(BaseModel):
    """Arguments of `caption_motion`."""

    model_config = ConfigDict(extra="forbid")

    motion: str = Field(
        min_length=1,
        max_length=200,
        description="A motion id such as 'm-3fa9c1', or the name of a motion file in the"
        " workspace such as 'walk.bvh'.",
    )


class CaptionMotion(BaseTool):
    """Says in words what a motion shows; the artifact has the caption and the motion's id."""

    name: str = "caption_motion"
    description: str = Field(default_factory=lambda: load_prompt("tools/caption_motion"))
    args_schema: Any = CaptionMotionInput
    response_format: Literal["content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = wrong_arguments
    workbench: Any = Field(default_factory=Workbench, exclude=True, repr=False)

    def _run(self, motion: str) -> tuple[str, dict[str, Any]]:
        bench: Workbench = self.workbench
        try:
            found = bench.find(motion)
            caption = bench.caption(found)
            motion_id = bench.store.add(found)
        except MotionAgentError as err:
            raise ToolException(str(err)) from err
        told = f"Motion {motion_id} ({found.duration:.1f} s) shows: {caption}"
        return told, {**motion_facts(found, motion_id), "caption": caption}
