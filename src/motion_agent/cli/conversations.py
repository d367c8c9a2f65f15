"""Where ``motion-agent chat`` keeps conversations and their motions between runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..motion_core.store import MotionStore
    from .checkpoints import LatestCheckpoints

_FILE = "conversations.sqlite"


def conversations_folder() -> Path:
    """Return ``$MOTION_AGENT_DATA``, or the user's data folder."""
    folder = os.environ.get("MOTION_AGENT_DATA")
    if folder:
        return Path(folder).expanduser()
    from platformdirs import user_data_path

    return user_data_path("motion-agent")


@contextmanager
def kept_conversations() -> Iterator[tuple[MotionStore, LatestCheckpoints]]:
    """Open the persistent motion store and LangGraph checkpointer.

    Raises:
        UnavailableError: the folder cannot be written to.
    """
    import sqlite3

    from ..motion_core.atomic import private_file, private_folder
    from ..motion_core.errors import UnavailableError
    from ..motion_core.store import MotionStore
    from .checkpoints import LatestCheckpoints

    folder = conversations_folder()
    try:
        private_folder(folder)
        private_file(folder / _FILE)  # SQLite gives its other files the same mode
        connection = sqlite3.connect(folder / _FILE, check_same_thread=False)
    except (OSError, sqlite3.Error) as err:
        raise UnavailableError(
            f"cannot keep conversations in {folder} ({err}); set MOTION_AGENT_DATA to a folder "
            "you may write to"
        ) from err
    try:
        yield MotionStore(folder / "motions"), LatestCheckpoints(connection)
    finally:
        connection.close()


def conversation_names() -> list[str]:
    """Return the names of the kept conversations, the latest first, without loading LangGraph."""
    import sqlite3

    path = conversations_folder() / _FILE
    if not path.is_file():
        return []
    names: list[str] = []
    with suppress(sqlite3.Error):  # a new or foreign file lacks the table
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            rows = connection.execute(
                "SELECT CAST(thread_id AS TEXT) FROM checkpoints GROUP BY thread_id"
                " ORDER BY max(rowid) DESC"
            )
            names = [name for (name,) in rows]
        finally:
            connection.close()
    return names


def forget_conversation(name: str) -> None:
    """Delete a conversation; its motions stay because others may use them.

    Raises:
        InputError: there is no such conversation.
    """
    from ..motion_core.errors import InputError
    from .exits import did_you_mean

    names = conversation_names()
    if name not in names:
        raise InputError(f"there is no conversation {name!r}{did_you_mean(name, names)}")
    with kept_conversations() as (_, checkpointer):
        checkpointer.delete_thread(name)
