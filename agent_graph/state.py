"""The state of a conversation: JSON values and messages only, so any checkpointer can keep it.

Motions are referred to by their id in the motion store. Their timelines (`Timeline.to_json`) keep
each segment's tokens too, so a motion can be decoded again after the store has dropped it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from langgraph.graph.ui import AnyUIMessage, ui_message_reducer
from typing_extensions import TypedDict

from ..motion_core.history import Change

KEPT_TEXT = 4000  # characters of an invalid answer kept for the re-ask and the record


class Attempt(TypedDict):
    """One answer of a planner."""

    planner: str
    rung: str | None  # rung of the ladder that read it; None if none did
    cause: str | None
    error: str | None
    steps: NotRequired[list[int]]  # numbers of the wrong steps; empty if the whole plan is wrong
    stop: NotRequired[str]  # why the answer ended; see `Answer.stop`
    text: str
    seconds: float
    input_tokens: int | None
    output_tokens: int | None


class Caption(TypedDict):
    """The engine's description of a motion."""

    motion: str  # motion id
    name: str  # as in the plan: a file, or a motion's name or id
    text: str


class TurnState(TypedDict):
    """Everything that happened between a request and its reply."""

    id: str  # of the request message
    request: str
    tries: int  # answers since the planner's last valid plan
    attempts: list[Attempt]
    plan: dict[str, Any] | None
    captions: list[Caption]
    rounds: int  # rounds of captions returned to the planner
    reason: bool  # whether the planner has captions to reason about
    new: list[str]  # ids of this turn's new segments
    files: list[str]  # exported files
    seams: list[dict[str, Any]]  # reports of the joins of new motions
    repairs: list[str]  # how bad joins were mended
    unknown: list[str]  # words the engine was not trained on
    nearest: NotRequired[list[str]]  # known actions near these words
    error: dict[str, str] | None  # {"type": …, "message": …}


def merge_turn(old: TurnState | None, new: dict[str, Any]) -> TurnState:
    """Merge a turn's updates: those of the same turn accumulate, a new turn replaces the old
    one.
    """
    if not old or new.get("id", old["id"]) != old["id"]:  # LangGraph starts with {}
        return new  # type: ignore[return-value]
    return {**old, **new}  # type: ignore[typeddict-item]


class AgentState(TypedDict):
    """State of the graph. Only `messages` is needed to start."""

    messages: Annotated[list[AnyMessage], add_messages]
    turn: NotRequired[Annotated[TurnState, merge_turn]]
    motions: NotRequired[dict[str, dict[str, Any]]]  # "1", "2", … -> timeline, oldest first
    current: NotRequired[str]  # key of the current motion; "" for none
    undo: NotRequired[list[Change]]
    redo: NotRequired[list[Change]]
    looked_at: NotRequired[list[Caption]]  # captioned motions, the latest last
    about_file: NotRequired[bool]  # the latest was a file, and no motion was made since
    ui: NotRequired[Annotated[Sequence[AnyUIMessage], ui_message_reducer]]  # see `viewer`
    introduced: NotRequired[bool]  # whether the offline planner has introduced itself


def new_turn(message_id: str, request: str) -> TurnState:
    """Return a turn in which nothing has happened yet."""
    return {
        "id": message_id,
        "request": request,
        "tries": 0,
        "attempts": [],
        "plan": None,
        "captions": [],
        "rounds": 0,
        "reason": False,
        "new": [],
        "files": [],
        "seams": [],
        "repairs": [],
        "unknown": [],
        "nearest": [],
        "error": None,
    }
