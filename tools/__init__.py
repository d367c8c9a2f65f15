"""LangChain tools that make, read and edit motion, for any agent.

    from langchain.agents import create_agent
    from motion_agent.tools import motion_tools

    agent = create_agent("openai:gpt-4o", tools=motion_tools())

Without LangChain, with any client: `motion_tools_schema` and `call_tool`. The engine is loaded
when a tool first needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .plain import call_tool, motion_tools_schema

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ..motion_core.engine import MotionEngine
    from ..motion_core.store import MotionStore

__all__ = ["call_tool", "motion_tools", "motion_tools_schema"]


def motion_tools(
    engine: MotionEngine | str | None = None,
    store: MotionStore | None = None,
    workspace: str | Path | None = None,
) -> list[BaseTool]:
    """All five tools, sharing one engine, one store and one workspace.

    `generate_motion`, `edit_motion`, `caption_motion`, `list_motions` and `export_motion`.

    Args:
        engine: an engine, or the name or checkpoint folder of one; loaded on first use.
        store: where motions are kept by id; a new one in memory by default. Give your own to
            get the motions: ``store.get(message.artifact["motion_id"])``.
        workspace: the only folder whose files may be read, and to which new ones may be added;
            None allows no files.
    """
    # Loading LangChain takes a second; `import motion_agent.tools` does not.
    from .caption_motion import CaptionMotion
    from .edit_motion import EditMotion
    from .export_motion import ExportMotion
    from .generate_motion import GenerateMotion
    from .list_motions import ListMotions
    from .workbench import Workbench

    bench = Workbench(engine, store, workspace)
    return [
        GenerateMotion(workbench=bench),
        EditMotion(workbench=bench),
        CaptionMotion(workbench=bench),
        ListMotions(workbench=bench),
        ExportMotion(workbench=bench),
    ]
