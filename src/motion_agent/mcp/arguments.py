"""Arguments of the two tools that only MCP has."""

from __future__ import annotations

from pydantic import Field

from ..tools.motion_tool import ToolArguments

MAX_WAIT = 30.0  # seconds; clients give up after a minute, some sooner


class WaitMotionInput(ToolArguments):
    """Arguments of `wait_motion`."""

    handle: str = Field(
        min_length=1, max_length=100, description="The handle returned by a call, 'j-…'."
    )
    seconds: float | None = Field(
        default=None,
        ge=0,
        le=MAX_WAIT,
        description="How long to wait, at most 30 s; omit it if you are not sure.",
    )


class CancelInput(ToolArguments):
    """Arguments of `cancel`."""

    handle: str = Field(
        min_length=1, max_length=100, description="The handle returned by a call, 'j-…'."
    )
