"""Where ``motion-agent chat`` keeps conversations and their motions between runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from ..motion_core.store import MotionStore


def conversations_folder() -> Path:
    """``$MOTION_AGENT_DATA``, or the user's data folder."""
    given = os.environ.get("MOTION_AGENT_DATA")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("motion-agent")


@contextmanager
def kept_conversations() -> Iterator[tuple[MotionStore, BaseCheckpointSaver[str]]]:
    """A motion store and a LangGraph checkpointer that survive the end of the program.

    Raises:
        UnavailableError: the folder cannot be written to.
    """
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    from ..motion_core.errors import UnavailableError
    from ..motion_core.store import MotionStore

    folder = conversations_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(folder / "conversations.sqlite", check_same_thread=False)
    except (OSError, sqlite3.Error) as err:
        raise UnavailableError(
            f"cannot keep conversations in {folder} ({err}); set MOTION_AGENT_DATA to a folder "
            "you may write to"
        ) from err
    try:
        yield MotionStore(folder / "motions"), SqliteSaver(connection)
    finally:
        connection.close()
