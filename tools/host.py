"""Build a studio from arguments, with the environment's values for missing ones.

    MOTION_AGENT_ENGINE      the engine, as `load_engine` takes it
    MOTION_AGENT_STORE       where motions are kept: a folder, or a file that ends in .sqlite
    MOTION_AGENT_WORKSPACE   the folder whose files may be read and added to

`motion_tools`, `MotionAgent`, LangGraph's server and the MCP server all start here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..motion_core.limits import Limits
from ..motion_core.shelf import Shelf, SqliteShelf
from ..motion_core.store import MotionStore
from ..motion_core.studio import Studio

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from ..motion_core.engine import MotionEngine

    StoreLike = MotionStore | Shelf | BaseStore | str | Path

_DATABASES = (".sqlite", ".sqlite3", ".db")


def host_studio(
    engine: MotionEngine | str | None = None,
    store: StoreLike | None = None,
    workspace: str | Path | None = None,
    *,
    limits: Limits | None = None,
    repair_seams: bool = True,
    warm_up: bool = False,
) -> Studio:
    """Return a studio; omitted arguments are taken from the environment.

    Args:
        engine: an engine, or the name of one.
        store: see `motion_store`; in memory if neither this nor the environment names one.
        workspace: a folder; no files if neither this nor the environment names one.
        limits: of one call and of one user.
        repair_seams: mend joins between segments that measure as bad.
        warm_up: load the engine and its weights now rather than at the first call.

    Raises:
        ConfigurationError: no such engine, or `store` is not a store.
        UnavailableError: `warm_up` is set and the weights are unavailable.
    """
    place = store if store is not None else os.environ.get("MOTION_AGENT_STORE") or None
    files = workspace if workspace is not None else os.environ.get("MOTION_AGENT_WORKSPACE") or None
    studio = Studio(engine, motion_store(place), files, repair_seams=repair_seams, limits=limits)
    if warm_up:
        studio.warm_up()
    return studio


def motion_store(
    place: StoreLike | None, *, cap: int | None = None, expiry: float | None = None
) -> MotionStore:
    """Return the motion store for a setting.

    Args:
        place: a store, which has its own limits; a folder, or a file that ends in ``.sqlite``; a
            shelf; any LangGraph store; None for memory.
        cap: most motions; see `MotionStore`.
        expiry: seconds after which a motion is dropped.

    Raises:
        ConfigurationError: `place` is something else.
    """
    if isinstance(place, MotionStore):
        return place
    shelf: Any = place
    if isinstance(place, (str, Path)) and Path(place).suffix.lower() in _DATABASES:
        shelf = SqliteShelf(place)
    elif not (place is None or isinstance(place, (str, Path, Shelf))):
        from langgraph.store.base import BaseStore

        from .langgraph_shelf import LangGraphShelf

        shelf = LangGraphShelf(place) if isinstance(place, BaseStore) else place
    return MotionStore(shelf, cap=cap, expiry=expiry)
