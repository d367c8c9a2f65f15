"""`motion_tools`: the five tools of one studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ..motion_core.engine import MotionEngine
    from ..motion_core.store import MotionStore


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
    from ..motion_core.studio import Studio
    from .caption_motion import CaptionMotion
    from .edit_motion import EditMotion
    from .export_motion import ExportMotion
    from .generate_motion import GenerateMotion
    from .list_motions import ListMotions

    studio = Studio(engine, store, workspace)
    return [
        GenerateMotion(studio=studio),
        EditMotion(studio=studio),
        CaptionMotion(studio=studio),
        ListMotions(studio=studio),
        ExportMotion(studio=studio),
    ]
