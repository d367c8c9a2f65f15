"""The state of a conversation: JSON values and messages only, so any checkpointer can keep it.

Motions are named by their id in the motion store. Their timelines (`Timeline.to_json`) keep the
tokens of each segment too, so a conversation can be decoded again where the store has forgotten the
motion.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from ..motion_core.history import Change

KEPT_TEXT = 4000  # characters of a bad answer kept for the re-ask and for reading later


class Attempt(TypedDict):
    """One answer of a planner."""

    planner: str
    rung: str | None  # which rung of the ladder read it; None if none did
    cause: str | None
    error: str | None
    steps: NotRequired[list[int]]  # numbers of the wrong steps, where all else is right
    stop: NotRequired[str]  # why the answer ended; see `Answer.stop`
    text: str
    seconds: float
    input_tokens: int | None
    output_tokens: int | None


class Caption(TypedDict):
    """What the engine sees in a motion."""

    motion: str  # motion id
    name: str  # as the plan named it: a file, a motion's name or id
    text: str


class TurnState(TypedDict):
    """Everything that happened between a request and its reply."""

    id: str  # of the request's message
    request: str
    tries: int  # answers of the planner since it last gave a valid plan
    attempts: list[Attempt]
    plan: dict[str, Any] | None
    captions: list[Caption]
    rounds: int  # of captions that went back to the planner
    reason: bool  # whether the planner has captions to think about
    new: list[str]  # ids of the segments that are new in this turn
    files: list[str]  # what was exported
    seams: list[dict[str, Any]]  # reports of the joins of what was made
    repairs: list[str]  # what was done about bad joins
    unknown: list[str]  # words the engine was not trained on
    nearest: NotRequired[list[str]]  # known actions that are near to these
    error: dict[str, str] | None  # {"type": …, "message": …}


def merge_turn(old: TurnState | None, new: dict[str, Any]) -> TurnState:
    """Reducer: updates of the same turn add up, a new turn replaces the old one."""
    if not old or new.get("id", old["id"]) != old["id"]:  # LangGraph begins with {}
        return new  # type: ignore[return-value]
    return {**old, **new}  # type: ignore[typeddict-item]


class AgentState(TypedDict):
    """State of the graph. Only `messages` is needed to start."""

    messages: Annotated[list[AnyMessage], add_messages]
    turn: NotRequired[Annotated[TurnState, merge_turn]]
    motions: NotRequired[dict[str, dict[str, Any]]]  # "1", "2", … -> timeline, oldest first
    current: NotRequired[str]  # key of the motion that is talked about; "" for none
    undo: NotRequired[list[Change]]
    redo: NotRequired[list[Change]]
    looked_at: NotRequired[list[Caption]]  # what was captioned, the latest last
    about_file: NotRequired[bool]  # the latest of those was a file, and nothing was made since
    introduced: NotRequired[bool]  # whether the offline planner has said what it is


def new_turn(message_id: str, request: str) -> TurnState:
    """A turn in which nothing has happened yet."""
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
