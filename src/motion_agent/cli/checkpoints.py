"""Conversations in SQLite that do not grow with every turn."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.checkpoint.sqlite import SqliteSaver

_OLDER = (
    "thread_id = ? AND checkpoint_id < (SELECT max(checkpoint_id) FROM checkpoints AS latest"
    " WHERE latest.thread_id = {0}.thread_id AND latest.checkpoint_ns = {0}.checkpoint_ns)"
)


class LatestCheckpoints(SqliteSaver):
    """A LangGraph checkpointer that can forget all but a conversation's last checkpoint.

    A checkpoint holds the whole state, and undo is part of it. `SqliteSaver` keeps four a turn
    for good and does not implement `prune`; there are no delta channels in our graph, so the last
    one stands alone.
    """

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete the older checkpoints of these conversations, or all with ``delete``."""
        for thread in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread)
                continue
            with self.cursor() as cursor:
                for table in ("writes", "checkpoints"):
                    cursor.execute(f"DELETE FROM {table} WHERE {_OLDER.format(table)}", (thread,))
