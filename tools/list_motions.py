"""The tool `list_motions`: the motions and files available.

Setup:
    pip install motion-agent

Instantiate:
    tool = ListMotions(studio=Studio(workspace="recordings"))

Invoke:
    tool.invoke({})
    # 1 motion.
    # m-3fa9c1, 4.4 s: s1 2.4 s 'a person walks forward', …
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..motion_core.errors import MotionAgentError
from ..motion_core.studio import Studio
from ..prompts import load_prompt
from .facts import motion_facts, motion_line
from .messages import failure_text, quoted
from .motion_tool import MotionTool, ToolArguments

DEFAULT_LATEST = 10
MAX_LATEST = 50


class ListMotionsInput(ToolArguments):
    """Arguments of `list_motions`."""

    latest: int | None = Field(
        default=None,
        ge=1,
        le=MAX_LATEST,
        description=(
            f"How many, the newest first, at most {MAX_LATEST}; {DEFAULT_LATEST} if omitted."
        ),
    )


class ListMotions(MotionTool):
    """Lists the motions of the store, one a line, and the motion files of the workspace."""

    name: str = "list_motions"
    description: str = Field(default_factory=lambda: load_prompt("tools/list_motions"))
    args_schema: Any = ListMotionsInput

    def work(self, arguments: ListMotionsInput, studio: Studio) -> tuple[str, dict[str, Any]]:
        """List the store and the workspace."""
        count = arguments.latest or DEFAULT_LATEST
        store = studio.store
        ids = store.list()
        lines, facts = [], []
        for motion_id in reversed(ids[-count:]):
            try:
                motion = store.get(motion_id)
            except MotionAgentError as err:  # a damaged file must not hide the other motions
                lines.append(f"{motion_id}, cannot be read: {failure_text(err, studio)[:100]}")
                continue
            lines.append(motion_line(motion, motion_id))
            facts.append(motion_facts(motion, motion_id))
        files = studio.workspace.files(count)
        head = f"{len(ids)} motion{'' if len(ids) == 1 else 's'}"
        head += f", the latest {count}." if len(ids) > count else "."
        if files:
            lines.append(f"Files in the workspace: {', '.join(map(quoted, files))}.")
        return "\n".join([head, *lines]), {"motions": facts, "files": list(files)}
