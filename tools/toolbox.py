"""`motion_tools`: the five tools of one studio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ..motion_core.engine import MotionEngine
    from ..motion_core.limits import Limits
    from ..motion_core.studio import Studio
    from .host import StoreLike


def motion_tools(
    engine: MotionEngine | str | None = None,
    store: StoreLike | None = None,
    workspace: str | Path | None = None,
    *,
    user: str | None = None,
    limits: Limits | None = None,
    pictures: bool = False,
    warm_up: bool = False,
    studio: Studio | None = None,
) -> list[BaseTool]:
    """Return all five tools, sharing one engine, one store and one workspace.

    `generate_motion`, `edit_motion`, `caption_motion`, `list_motions` and `export_motion`. Omitted
    arguments come from the environment; see `tools.host`. A named engine is loaded once per
    process, however many toolboxes there are.

    Args:
        engine: an engine, or the name or checkpoint folder of one; loaded on first use.
        store: keeps motions by id: a `MotionStore`, a folder, or any LangGraph store; a
            new one in memory by default. Give your own to get the motions:
            ``store.get(message.artifact["motion_id"])``.
        workspace: the only folder from which files are read and to which new ones are added; None
            allows no files.
        user: the only one whose motions and files the tools see: ``store.of(user)``. If None, the
            run's ``config["configurable"]["user"]``, if there is one.
        limits: of one call and of one user.
        pictures: add a film strip of each new motion as an image block, for vision models.
        warm_up: load the engine now rather than at the first call.
        studio: the host's own studio, instead of engine, store, workspace and limits.

    Raises:
        ConfigurationError: `store` is not a store, or `studio` is combined with arguments that it
            replaces.
    """
    # Loading LangChain takes a second; `import motion_agent.tools` does not.
    from ..motion_core.errors import ConfigurationError
    from ..motion_core.users import user_key
    from .caption_motion import CaptionMotion
    from .edit_motion import EditMotion
    from .export_motion import ExportMotion
    from .generate_motion import GenerateMotion
    from .host import host_studio
    from .list_motions import ListMotions

    if user is not None:
        user_key(user)  # checks the name
    if studio is None:
        studio = host_studio(engine, store, workspace, limits=limits, warm_up=warm_up)
    elif any(value is not None for value in (engine, store, workspace, limits)):
        raise ConfigurationError(
            "give either a studio or engine, store, workspace and limits, not both"
        )
    elif warm_up:
        studio.warm_up()
    kinds = (GenerateMotion, EditMotion, CaptionMotion, ListMotions, ExportMotion)
    return [kind(studio=studio, user=user, pictures=pictures) for kind in kinds]
