"""Conversations in SQLite that do not grow with every turn and detect changes by other programs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from ..agent_graph.serializer import ConversationSerializer
from ..motion_core.errors import IntegrityError, UnavailableError

# SQLite numbers rows in order of insertion; a clock may go back.
_LATEST = (
    "SELECT checkpoint_id FROM main.checkpoints AS latest WHERE latest.thread_id = {0}.thread_id"
    " AND latest.checkpoint_ns = {0}.checkpoint_ns ORDER BY latest.rowid DESC LIMIT 1"
)
_CHANGED = "changed by another program"
_ONE_AFTER_THE_OTHER = f"""
CREATE TEMP TRIGGER IF NOT EXISTS one_after_the_other BEFORE INSERT ON main.checkpoints
WHEN ({_LATEST.format("NEW")}) IS NOT NEW.parent_checkpoint_id
 AND ({_LATEST.format("NEW")}) IS NOT NEW.checkpoint_id
BEGIN SELECT RAISE(ABORT, '{_CHANGED}'); END
"""


class LatestCheckpoints(SqliteSaver):
    """A LangGraph checkpointer that keeps one line of checkpoints for each conversation.

    A checkpoint holds the whole state, including undo. `SqliteSaver` keeps four a turn forever and
    does not implement `prune`; our graph has no delta channels, so the last one is sufficient.

    The latest checkpoint is the one written last, whatever the clock says. A new one must follow
    it: if another program has written meanwhile, nothing is written.

    Raises:
        UnavailableError: the database cannot be written, or another program changed the
            conversation meanwhile.
        IntegrityError: its content was not written by us.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, serde=ConversationSerializer())

    def setup(self) -> None:
        """Create missing tables in the database."""
        if not self.is_setup:
            super().setup()
            self.conn.execute("PRAGMA trusted_schema = OFF")
            self.conn.execute(_ONE_AFTER_THE_OTHER)
            self.conn.execute("CREATE TABLE IF NOT EXISTS resumed (thread_id TEXT PRIMARY KEY)")
            self.conn.commit()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint in `config`, else the latest of its conversation."""
        settings = {"checkpoint_ns": "", **config["configurable"]}
        thread = str(settings["thread_id"])
        with _explained(thread):
            if not settings.get("checkpoint_id"):
                latest = self._latest(thread, settings["checkpoint_ns"])
                if latest is None:
                    return None
                settings["checkpoint_id"] = latest
            try:
                return super().get_tuple({"configurable": settings})
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as err:
                raise IntegrityError(
                    f"the conversation {thread!r} is damaged ({type(err).__name__}:"
                    f" {str(err)[:100]}); delete it, or start one with another name"
                ) from err

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Write a checkpoint that follows the latest one."""
        with _explained(config["configurable"]["thread_id"]):
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Write a node's results, before the checkpoint that will contain them."""
        with _explained(config["configurable"]["thread_id"]):
            super().put_writes(config, writes, task_id, task_path)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete the older checkpoints of these conversations, or all of them with ``delete``."""
        for thread in thread_ids:
            with _explained(thread):
                if strategy == "delete":
                    self.delete_thread(thread)
                    continue
                with self.cursor() as cursor:
                    for table in ("writes", "checkpoints"):
                        older = f"checkpoint_id IS NOT ({_LATEST.format(table)})"
                        cursor.execute(
                            f"DELETE FROM {table} WHERE thread_id = ? AND {older}", (thread,)
                        )
                    cursor.execute("DELETE FROM resumed WHERE thread_id = ?", (thread,))

    def may_resume(self, thread: str) -> bool:
        """Return whether the unfinished turn has never been resumed, and mark it as resumed.

        Whatever ended the program may end it again, and nobody could open the conversation.
        """
        with _explained(thread), self.cursor() as cursor:
            cursor.execute("INSERT OR IGNORE INTO resumed VALUES (?)", (thread,))
            return cursor.rowcount == 1

    def _latest(self, thread: str, namespace: str) -> str | None:
        with self.cursor(transaction=False) as cursor:
            cursor.execute(
                "SELECT checkpoint_id FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ?"
                " ORDER BY rowid DESC LIMIT 1",
                (thread, namespace),
            )
            row = cursor.fetchone()
        return None if row is None else str(row[0])


@contextmanager
def _explained(thread: str) -> Iterator[None]:
    """Convert SQLite's exceptions in the block to our errors."""
    try:
        yield
    except sqlite3.IntegrityError as err:
        if _CHANGED not in str(err):
            raise IntegrityError(f"the conversation {thread!r} cannot be written: {err}") from err
        raise UnavailableError(
            f"another program changed the conversation {thread!r} meanwhile; this request was not"
            " kept: repeat it"
        ) from err
    except sqlite3.Error as err:
        raise UnavailableError(f"the conversation {thread!r} cannot be kept: {err}") from err
