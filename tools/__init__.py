"""LangChain tools that make and read motion, for any agent.

    from langchain.agents import create_agent
    from motion_agent.tools import motion_tools

    agent = create_agent("openai:gpt-4o", tools=motion_tools())

The engine is loaded when a tool is first called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ..motion_core.engine import MotionEngine
    from ..motion_core.store import MotionStore

__all__ = ["motion_tools"]


def motion_tools(
    engine: MotionEngine | str | None = None,
    store: MotionStore | None = None,
    workspace: str | Path | None = None,
) -> list[BaseTool]:
    """`generate_motion` and `caption_motion`, sharing one engine and one store.

    Args:
        engine: an engine, or the name or checkpoint folder of one; loaded on first use.
        store: where motions are kept by id; a new one in memory by default. Give your own to
            get the motions: ``store.get(message.artifact["motion_id"])``.
        workspace: the only folder whose files may be read; None allows no files.
    """
    # Loading LangChain takes a second; `import motion_agent.tools` does not.
    from .caption_motion import CaptionMotion
    from .generate_motion import GenerateMotion
    from .workbench import Workbench

    bench = Workbench(engine, store, workspace)
    return [GenerateMotion(workbench=bench), CaptionMotion(workbench=bench)]
