"""Tool names as planners write them, mapped to our tools."""

from __future__ import annotations

import difflib
import re

from .plan import TOOLS, InvalidPlanError

_ARGUMENT_OF = {
    "generate_motion": "description", "keep_segment": "segment", "caption_motion": "motion",
    "smooth_join": "segment", "open_motion": "motion", "name_motion": "motion",
    "export_motion": "motion",
}  # fmt: skip

_TOOL_NAMES = {
    "generate": "generate_motion", "generatemotion": "generate_motion",
    "motiongenerate": "generate_motion", "motiongeneration": "generate_motion",
    "texttomotion": "generate_motion", "t2m": "generate_motion", "create": "generate_motion",
    "createmotion": "generate_motion", "motionllmgenerate": "generate_motion",
    "generatemotions": "generate_motion", "motionllm": "generate_motion",
    "caption": "caption_motion", "captionmotion": "caption_motion",
    "motioncaption": "caption_motion", "motiontotext": "caption_motion", "m2t": "caption_motion",
    "describe": "caption_motion", "describemotion": "caption_motion",
    "motionllmcaption": "caption_motion",
    "keep": "keep_segment", "keepsegment": "keep_segment", "keepmotion": "keep_segment",
    "smooth": "smooth_join", "smoothjoin": "smooth_join", "smoothsegment": "smooth_join",
    "smoothmotion": "smooth_join", "transition": "smooth_join", "addtransition": "smooth_join",
    "open": "open_motion", "openmotion": "open_motion", "loadmotion": "open_motion",
    "openfile": "open_motion", "motionopen": "open_motion", "selectmotion": "open_motion",
    "startover": "start_over", "restart": "start_over", "clearmotion": "start_over",
    "name": "name_motion", "namemotion": "name_motion", "renamemotion": "name_motion",
    "rename": "name_motion", "motionname": "name_motion",
    "export": "export_motion", "exportmotion": "export_motion", "savemotion": "export_motion",
    "save": "export_motion", "motionexport": "export_motion", "motionllmexport": "export_motion",
    "undo": "undo", "undomotion": "undo", "redo": "redo", "redomotion": "redo",
}  # fmt: skip


def tool_named(name: str) -> str:
    """Return the tool that a planner's name refers to, near misses included.

    Raises:
        InvalidPlanError: no tool has a similar name.
    """
    letters = _letters(name)
    if letters in _TOOL_NAMES:
        return _TOOL_NAMES[letters]
    close = difflib.get_close_matches(letters, _TOOL_NAMES, n=1, cutoff=0.84)
    if close and close[0][0] == letters[0]:  # typos, not other words: no end_motion, reopen
        return _TOOL_NAMES[close[0]]
    raise InvalidPlanError(f"there is no tool {name[:40]!r}; the tools are {', '.join(TOOLS)}")


def _letters(name: str) -> str:
    bare = re.sub(r"^(functions?|tools?)[.:]", "", name.strip().lower())
    return re.sub(r"[^a-z0-9]", "", bare)


def is_tool_name(text: str) -> bool:
    """Return whether the text is a tool's name and nothing else."""
    return _letters(text) in _TOOL_NAMES


def called(tool: str, argument: str) -> dict[str, str]:
    """Return the step for a call with one argument, such as ``keep('s1')``."""
    field = _ARGUMENT_OF.get(tool)
    return {"tool": tool} if field is None else {"tool": tool, field: argument}
